"""Gateway of jobs: the job item, the index of open jobs, and the lease under which one process works."""

from dataclasses import replace
from typing import Any

from cdp_core.config import settings
from cdp_core.domain.jobs import Job
from cdp_core.tables import dynamo
from cdp_core.tables.codec import from_json, to_json
from cdp_core.tables.dynamo import Item, Key

OPEN = "jobs"
_STATE = ("phase", "step", "page_end", "deadline", "started", "counts")


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
        "leaves": {"M": {leaf: {"N": str(epoch)} for leaf, epoch in job.leaves.items()}},
        "state": {"S": _state(job)},
        "lease": {"N": "0"},
    }
    table = settings().profiles_table
    return [
        {"Put": {"TableName": table, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}},
        {"Put": {"TableName": table, "Item": dynamo.key_of(open_key(job))}},
    ]


def load(job_id: str) -> Job | None:
    """The job, or None."""
    item = dynamo.get(settings().profiles_table, job_key(job_id))
    return _parse(item) if item else None


def open_jobs(limit: int = 1_000) -> list[Job]:
    """Open jobs, oldest first, as they stand now."""
    table = settings().profiles_table
    answer = dynamo.call(
        "query",
        TableName=table,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": OPEN}},
        ConsistentRead=True,
        Limit=limit,
    )
    keys = [job_key(item["sk"]["S"].partition("#")[2]) for item in answer["Items"]]
    found = dynamo.get_many(table, keys)
    return [_parse(found[key]) for key in keys if key in found]


def lease(job_id: str, *, owner: str, now: int, until: int) -> Job | None:
    """Takes the job for one process until `until` (ms), or None if another one has it."""
    answer = dynamo.call(
        "update_item",
        TableName=settings().profiles_table,
        Key=dynamo.key_of(job_key(job_id)),
        UpdateExpression="SET #lease = :until, #owner = :owner",
        ConditionExpression="#lease < :now",
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
        "update_item",
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
    dynamo.call("delete_item", TableName=settings().profiles_table, Key=dynamo.key_of(open_key(job)))


def _state(job: Job) -> str:
    return to_json({name: getattr(job, name) for name in _STATE})


def _parse(item: Item) -> Job:
    job = Job(
        id=item["pk"]["S"].partition("#")[2],
        type=item["type"]["S"],
        created_at=int(item["created"]["N"]),
        leaves={leaf: int(epoch["N"]) for leaf, epoch in item["leaves"]["M"].items()},
    )
    return replace(job, **from_json(item["state"]["S"]))
