"""Gateway of the audit log: one item an entry, by month, written before the change and finished after it."""

from collections.abc import Iterator

from cdp_core.config import settings
from cdp_core.domain.audit import KEPT_MS, Entry, month_of
from cdp_core.tables import dynamo
from cdp_core.tables.codec import from_json, to_json
from cdp_core.tables.dynamo import Item, Key

_CHUNK = 100


def begin(entry: Entry) -> None:
    """Stores an entry before anything is changed: what has no entry does not happen. Raises Unavailable."""
    about = {"caller": entry.caller, "role": entry.role, "route": entry.route, "subjects": dict(entry.subjects)}
    item = dynamo.key_of(_key(entry))
    item |= {"d": {"S": to_json(about)}, "ttl": {"N": str((entry.at + KEPT_MS) // 1000)}}
    dynamo.call("PutItem", TableName=settings().profiles_table, Item=item)


def finish(entry: Entry) -> None:
    """Adds how it ended: status and result. Raises Unavailable."""
    dynamo.call(
        "UpdateItem",
        TableName=settings().profiles_table,
        Key=dynamo.key_of(_key(entry)),
        UpdateExpression="SET st = :status, rs = :result",
        ExpressionAttributeValues={":status": {"N": str(entry.status)}, ":result": {"S": entry.result}},
    )


def of_month(month: str, *, low: str, high: str) -> Iterator[Entry]:
    """A month's entries whose places lie from `low` up to but without `high`, latest first, read lazily."""
    pages = dynamo.query(
        settings().profiles_table,
        condition="pk = :pk AND sk BETWEEN :low AND :high",
        values={":pk": {"S": f"audit#{month}"}, ":low": {"S": low}, ":high": {"S": high}},
        ScanIndexForward=False,
        ConsistentRead=True,
        Limit=_CHUNK,
    )
    for page in pages:
        for item in page["Items"]:
            if item["sk"]["S"] < high:
                yield _parse(item)


def place(entry: Entry) -> str:
    """Where an entry stands in its month; places sort by time."""
    return f"{entry.at:013d}#{entry.id}"


def _key(entry: Entry) -> Key:
    return f"audit#{month_of(entry.at)}", place(entry)


def _parse(item: Item) -> Entry:
    at, _, name = item["sk"]["S"].partition("#")
    status = int(item.get("st", {"N": "0"})["N"])
    return Entry(id=name, at=int(at), status=status, result=item.get("rs", {"S": ""})["S"], **from_json(item["d"]["S"]))
