"""Gateway of the activities table: rows, stubs and the timeline."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from cdp_core.config import settings
from cdp_core.domain.activity import Row
from cdp_core.errors import Unavailable
from cdp_core.tables import dynamo
from cdp_core.tables.codec import from_json, to_json
from cdp_core.tables.dynamo import Item

COPY_MARK = "\x01"  # no message id holds a control character, so a copy never meets a real event


@dataclass(frozen=True, slots=True)
class PutAnswer:
    """What a Put found: the row that is stored now, and whether this very Put stored it."""

    stored: Row
    is_new: bool


def partition(leaf: str, epoch: int) -> str:
    """The partition key of the rows of one life of a leaf."""
    return f"{leaf}#{epoch:06d}"


def sort_key(time: int, message_id: str = "") -> str:
    """The sort key of a row; times sort as texts of 13 digits."""
    return f"{time:013d}#{message_id}"


def put(leaf: str, epoch: int, row: Row) -> PutAnswer:
    """Stores the row unless its key is taken, and says whose it is. Raises Unavailable if nobody knows, StoreRefused."""
    found, taken = dynamo.asked(
        "PutItem",
        TableName=settings().activities_table,
        Item=_item(leaf, epoch, row),
        ConditionExpression="attribute_not_exists(pk)",
        ReturnValuesOnConditionCheckFailure="ALL_OLD",
    )
    if not taken:
        return PutAnswer(row, True)
    if "Item" not in found:
        raise Unavailable("a row was not stored, and its owner not told")
    return PutAnswer(parse(found["Item"]), False)


def put_copy(leaf: str, epoch: int, copy: Row) -> None:
    """Writes the timeline copy of a stub; the owner may write it again and again."""
    dynamo.call("PutItem", TableName=settings().activities_table, Item=_item(leaf, epoch, copy))


def load_many(lives: Iterable[tuple[str, int]], keys: Iterable[tuple[int, str]]) -> list[tuple[str, Row]]:
    """The rows and stubs of these lives (leaf and epoch) that exist among these keys (claimed time in ms, message id), each with
    its leaf, strongly read.
    """
    sort_keys = [sort_key(time, message_id) for time, message_id in keys]
    wanted = [(partition(leaf, epoch), key) for leaf, epoch in lives for key in sort_keys]
    found = dynamo.get_many(settings().activities_table, wanted)
    return [(key[0].partition("#")[0], parse(found[key])) for key in wanted if key in found]


def load_copy(leaf: str, epoch: int, stub: Row) -> Row | None:
    """The timeline copy of a stub, or None while its owner has not written it."""
    key = partition(leaf, epoch), sort_key(stub.shown_at, stub.message_id) + COPY_MARK
    item = dynamo.get(settings().activities_table, key)
    return parse(item) if item else None


def all_rows(leaf: str, epoch: int) -> Iterator[Row]:
    """Every counted row of one life, strongly read: what a recount counts. Copies and dead letters are not rows."""
    pages = dynamo.query(
        settings().activities_table,
        condition="pk = :pk AND sk < :end",
        values={":pk": {"S": partition(leaf, epoch)}, ":end": {"S": ":"}},
        ConsistentRead=True,
        ProjectionExpression="pk, sk, e, t, p, c",
    )
    for page in pages:
        yield from (parse(item) for item in page["Items"] if "c" not in item)


def timeline(leaf: str, epoch: int, *, low: str, high: str, newest_first: bool, limit: int) -> Iterator[Row]:
    """The rows and stubs with low <= key < high in key order, read lazily, `limit` at a time.

    `low` and `high` are sort keys, so that a page can go on exactly behind the last row of the one before.
    """
    if low >= high:
        return
    pages = dynamo.query(
        settings().activities_table,
        condition="pk = :pk AND sk BETWEEN :low AND :high",
        values={":pk": {"S": partition(leaf, epoch)}, ":low": {"S": low}, ":high": {"S": high}},
        ScanIndexForward=not newest_first,
        Limit=limit,
    )
    for page in pages:
        yield from (parse(item) for item in page["Items"] if item["sk"]["S"] != high)


def row_sort_key(row: Row) -> str:
    """The sort key under which a row or a copy is stored."""
    return sort_key(row.time, row.message_id) + (COPY_MARK if row.claimed is not None else "")


def parse(item: Item) -> Row:
    """The row, stub or copy that an item says; without body where only the key was read."""
    time, _, message_id = item["sk"]["S"].partition("#")
    is_copy = "c" in item
    return Row(
        time=int(time),
        message_id=message_id.removesuffix(COPY_MARK) if is_copy else message_id,
        type=item["t"]["S"],
        envelope=dynamo.bytes_of(item["e"]),
        position=int(item["p"]["N"]) if "p" in item else None,
        claimed=int(item["k"]["N"]) if is_copy else None,
        body=from_json(item["b"]["S"]) if "b" in item else None,
    )


def _item(leaf: str, epoch: int, row: Row) -> Item:
    item: dict[str, Any] = dynamo.key_of((partition(leaf, epoch), row_sort_key(row)))
    item |= {"e": {"B": row.envelope}, "t": {"S": row.type}}
    if row.position is not None:
        return item | {"p": {"N": str(row.position)}}
    item["b"] = {"S": to_json(row.body)}
    return item | ({"c": {"N": "1"}, "k": {"N": str(row.claimed)}} if row.claimed is not None else {})
