"""Gateway of jobs: the job item, the index of open jobs, and the lease under which one process works."""

from dataclasses import replace
from typing import Any

from cdp_core.config import settings
from cdp_core.domain.jobs import Job
from cdp_core.tables import dynamo
from cdp_core.tables.codec import from_json, to_json
from cdp_core.tables.dynamo import Item, Key

OPEN = "jobs"
_STATE = ("phase", "place", "deadline", "started", "done", "total", "counts")
_MANY = 1_000


def job_key(job_id: str) -> Key:
    """The primary key of a job."""
    return f"job#{job_id}", "job"


def open_key(job: Job) -> Key:
    """The primary key of a job's place among the open ones."""
    return OPEN, f"{job.created_at:013d}#{job.id}"


def creation(job: Job) -> list[dict[str, Any]]:
    """The transaction's actions that create the job, once."""
    item = dynamo.key_of(job_key(job.id))
    item |= {
        "type": {"S": job.type},
        "created": {"N": str(job.created_at)},
        "request": {"S": to_json(job.request)},
        "state": {"S": _state(job)},
        "lease": {"N": "0"},
    }
    table = settings().profiles_table
    return [
        {"Put": {"TableName": table, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}},
        {"Put": {"TableName": table, "Item": dynamo.key_of(open_key(job))}},
    ]


def create(job: Job) -> None:
    """Creates the job; again is no change. Raises Unavailable."""
    dynamo.transact(creation(job))


def load(job_id: str) -> Job | None:
    """The job, or None."""
    item = dynamo.get(settings().profiles_table, job_key(job_id))
    return _parse(item) if item else None


def load_many(job_ids: list[str]) -> list[Job]:
    """Those of these jobs that exist, in the order asked for."""
    found = dynamo.get_many(settings().profiles_table, map(job_key, job_ids))
    return [_parse(found[job_key(one)]) for one in job_ids if job_key(one) in found]


def open_jobs(limit: int = _MANY) -> list[Job]:
    """Open jobs, oldest first, as they stand now."""
    answer = dynamo.call(
        "Query",
        TableName=settings().profiles_table,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": OPEN}},
        ConsistentRead=True,
        Limit=limit,
    )
    return load_many([item["sk"]["S"].partition("#")[2] for item in answer["Items"]])


def lease(job_id: str, *, owner: str, now: int, until: int) -> Job | None:
    """Takes the job for one process until `until` (ms), or None if another one has it.

    Who has it already takes it again: so does a try whose first answer was lost.
    """
    answer = dynamo.call(
        "UpdateItem",
        TableName=settings().profiles_table,
        Key=dynamo.key_of(job_key(job_id)),
        UpdateExpression="SET #lease = :until, #owner = :owner",
        ConditionExpression="#lease < :now OR #owner = :owner",
        ExpressionAttributeNames={"#lease": "lease", "#owner": "owner"},
        ExpressionAttributeValues={
            ":until": {"N": str(until)},
            ":owner": {"S": owner},
            ":now": {"N": str(now)},
        },
        ReturnValues="ALL_NEW",
    )
    return _parse(answer["Attributes"]) if answer else None


def save(job: Job, *, owner: str, lease_until: int) -> bool:
    """Stores how far the job has come. False if another process took it over. `lease_until` of 0 gives it back."""
    answer = dynamo.call(
        "UpdateItem",
        TableName=settings().profiles_table,
        Key=dynamo.key_of(job_key(job.id)),
        UpdateExpression="SET #state = :state, #lease = :until",
        ConditionExpression="#owner = :owner",
        ExpressionAttributeNames={"#state": "state", "#lease": "lease", "#owner": "owner"},
        ExpressionAttributeValues={
            ":state": {"S": _state(job)},
            ":until": {"N": str(lease_until)},
            ":owner": {"S": owner},
        },
    )
    return answer is not None


def close(job: Job) -> None:
    """Takes a finished job out of the open ones; again is no change."""
    dynamo.call("DeleteItem", TableName=settings().profiles_table, Key=dynamo.key_of(open_key(job)))


def save_chunk(job_id: str, number: int, values: list[str], *, expires_at: int) -> None:
    """Stores one part of a long list that a job is about, before the job itself; it expires by itself (ms)."""
    dynamo.call("PutItem", **chunk_creation(job_id, number, values, expires_at=expires_at)["Put"])


def chunk_creation(job_id: str, number: int, values: list[str], *, expires_at: int) -> dict[str, Any]:
    """The transaction's action that stores one part of a job's list."""
    item = dynamo.key_of(_chunk_key(job_id, number))
    item |= {"values": {"S": to_json(values)}, "ttl": {"N": str(expires_at // 1000)}}
    return {"Put": {"TableName": settings().profiles_table, "Item": item}}


def remove_chunk(job_id: str, number: int) -> None:
    """Removes one part of a job's list."""
    dynamo.call("DeleteItem", TableName=settings().profiles_table, Key=dynamo.key_of(_chunk_key(job_id, number)))


def load_chunk(job_id: str, number: int) -> list[str]:
    """One part of a job's list; empty if there is none of this number."""
    item = dynamo.get(settings().profiles_table, _chunk_key(job_id, number))
    values: list[str] = from_json(item["values"]["S"]) if item else []
    return values


def _chunk_key(job_id: str, number: int) -> Key:
    return f"job#{job_id}", f"list#{number:05d}"


def _state(job: Job) -> str:
    return to_json({name: getattr(job, name) for name in _STATE})


def _parse(item: Item) -> Job:
    job = Job(
        id=item["pk"]["S"].partition("#")[2],
        type=item["type"]["S"],
        created_at=int(item["created"]["N"]),
        request=from_json(item["request"]["S"]),
    )
    return replace(job, **from_json(item["state"]["S"]))
