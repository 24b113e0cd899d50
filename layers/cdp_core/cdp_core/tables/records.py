"""Gateway of the lists of accounts, members and customers: who there is, and who belongs to them."""

import hashlib
import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cdp_core.config import settings
from cdp_core.tables import contacts, dynamo
from cdp_core.tables.contacts import Details
from cdp_core.tables.dynamo import Key

_SHARDS = "0123456789abcdef"
_CHUNK = 100
Record = tuple[str, str]  # a kind (account, member, customer) and an id


@dataclass(frozen=True, slots=True)
class Belonging:
    """One life of a leaf that belongs to a record, and its name in the record's list."""

    leaf: str
    epoch: int
    name: str


def ids(kind: str, *, prefix: str, after: str) -> Iterator[str]:
    """The ids of all records of a kind that begin with a text, in order behind `after`, read lazily."""
    return (place for place, _ in _merged(f"records#{kind}", prefix, after))


def ids_by_name(kind: str, *, prefix: str, after: str) -> Iterator[tuple[str, str]]:
    """The places (behind `after`, in order) and ids of the records of a kind whose listed name begins with a text, read lazily."""
    return _merged(f"records#{kind}-name", prefix, after)


def _merged(partition: str, prefix: str, after: str) -> Iterator[tuple[str, str]]:
    return heapq.merge(*(_shard(f"{partition}#{shard}", prefix, after) for shard in _SHARDS))


def _shard(pk: str, prefix: str, after: str) -> Iterator[tuple[str, str]]:
    low = max(prefix, f"{after}\0" if after else "") or " "
    pages = dynamo.query(
        settings().profiles_table,
        condition="pk = :pk AND sk BETWEEN :low AND :high",
        values={":pk": {"S": pk}, ":low": {"S": low}, ":high": {"S": f"{prefix}\U0010ffff"}},
        ConsistentRead=True,
        Limit=_CHUNK,
    )
    for page in pages if low <= f"{prefix}\U0010ffff" else ():
        yield from ((item["sk"]["S"], item.get("id", item["sk"])["S"]) for item in page["Items"])


def placed(record: Record, *, is_new: bool, was: str, name: str) -> list[dict[str, Any]]:
    """The actions of a transaction that keep a record's places in the lists as the record is: by its id, and by its listed name.

    None where nothing moves.
    """
    new = [_put(_place(record))] if is_new else []
    if was == name:
        return new
    gone = [_delete(_name_place(record, was))] if was else []
    come = [_put(_name_place(record, name), id={"S": record[1]})] if name else []
    return [*new, *gone, *come]


def belongings(record: Record, *, after: str = "") -> Iterator[Belonging]:
    """Who belongs to a record, lives that are over included, behind a name, read lazily and strongly."""
    pages = dynamo.query(
        settings().profiles_table,
        condition="pk = :pk AND sk BETWEEN :low AND :high",
        values={
            ":pk": {"S": f"{record[0]}#{record[1]}"},
            ":low": {"S": f"{after}\0" if after else "leaf#"},
            ":high": {"S": "leaf#\U0010ffff"},
        },
        ConsistentRead=True,
        Limit=_CHUNK,
    )
    for page in pages:
        for item in page["Items"]:
            _, leaf, epoch = item["sk"]["S"].split("#")
            yield Belonging(leaf, int(epoch), item["sk"]["S"])


def set_role(leaf: str, epoch: int, record: Record, role: str | None) -> None:
    """Gives the leaf that belongs to a record a role in it, or takes it."""
    change = {"UpdateExpression": "SET #role = :role", "ExpressionAttributeValues": {":role": {"S": role}}}
    dynamo.call(
        "UpdateItem",
        TableName=settings().profiles_table,
        Key=dynamo.key_of(contacts.membership_key(leaf, epoch, record)),
        ConditionExpression="attribute_exists(pk)",
        ExpressionAttributeNames={"#role": "role"},
        **(change if role else {"UpdateExpression": "REMOVE #role"}),
    )


def part(leaf: str, epoch: int, record: Record) -> bool:
    """Ends that a leaf belongs to a record, on both sides. False if it did not."""
    table = settings().profiles_table
    was_there = dynamo.delete(table, contacts.membership_key(leaf, epoch, record))
    theirs = dynamo.key_of(contacts.record_leaf_key(record, leaf, epoch))
    dynamo.call("DeleteItem", TableName=table, Key=theirs)
    return was_there


def remove(record: Record, stored: Details, *, name: str) -> bool:
    """Removes a record and its places in the lists, under `name` too. False if it changed since it was read."""
    gone = _delete(stored.key)
    gone["Delete"] |= {
        "ConditionExpression": "v = :v",
        "ExpressionAttributeValues": {":v": {"N": str(stored.version)}},
    }
    return dynamo.transact([gone, _delete(_place(record)), *([_delete(_name_place(record, name))] if name else [])])


def _place(record: Record) -> Key:
    return f"records#{record[0]}#{_shard_of(record)}", record[1]


def _name_place(record: Record, name: str) -> Key:
    return f"records#{record[0]}-name#{_shard_of(record)}", f"{name}#{record[1]}"


def _shard_of(record: Record) -> str:
    return hashlib.sha256(record[1].encode()).hexdigest()[0]


def _put(key: Key, **more: dict[str, str]) -> dict[str, Any]:
    return {"Put": {"TableName": settings().profiles_table, "Item": dynamo.key_of(key) | more}}


def _delete(key: Key) -> dict[str, Any]:
    return {"Delete": {"TableName": settings().profiles_table, "Key": dynamo.key_of(key)}}
