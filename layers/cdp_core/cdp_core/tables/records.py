"""Gateway of the lists of accounts, members and customers: who there is, and who belongs to them."""

import hashlib
import heapq
from collections.abc import Iterator
from dataclasses import dataclass

from cdp_core.config import settings
from cdp_core.tables import contacts, dynamo
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
    return heapq.merge(*(_shard(kind, shard, prefix, after) for shard in _SHARDS))


def _shard(kind: str, shard: str, prefix: str, after: str) -> Iterator[str]:
    low = max(prefix, f"{after}\0" if after else "") or " "
    pages = dynamo.query(
        settings().profiles_table,
        condition="pk = :pk AND sk BETWEEN :low AND :high",
        values={":pk": {"S": f"records#{kind}#{shard}"}, ":low": {"S": low}, ":high": {"S": f"{prefix}\U0010ffff"}},
        ConsistentRead=True,
        Limit=_CHUNK,
    )
    for page in pages if low <= f"{prefix}\U0010ffff" else ():
        yield from (item["sk"]["S"] for item in page["Items"])


def add(record: Record) -> None:
    """Gives a record its place in the list of its kind; again is no change."""
    dynamo.call("PutItem", TableName=settings().profiles_table, Item=dynamo.key_of(_place(record)))


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
    mine = dynamo.key_of(contacts.membership_key(leaf, epoch, record))
    answer = dynamo.call("DeleteItem", TableName=table, Key=mine, ConditionExpression="attribute_exists(pk)")
    theirs = dynamo.key_of(contacts.record_leaf_key(record, leaf, epoch))
    dynamo.call("DeleteItem", TableName=table, Key=theirs)
    return answer is not None


def remove(record: Record) -> None:
    """Removes a record and its place in the list; nobody belongs to it any more."""
    for key in (contacts.record_key(*record), _place(record)):
        dynamo.call("DeleteItem", TableName=settings().profiles_table, Key=dynamo.key_of(key))


def _place(record: Record) -> Key:
    shard = hashlib.sha256(record[1].encode()).hexdigest()[0]
    return f"records#{record[0]}#{shard}", record[1]
