"""Gateway of suppressions: an item for each that stands, and what the hot items say, always changed in one transaction."""

from collections.abc import Iterable
from typing import Any

from cdp_core.config import settings
from cdp_core.domain.leaf import Interval, Leaf
from cdp_core.domain.suppression import Suppression, begun, lifted
from cdp_core.tables import dynamo, leaves
from cdp_core.tables.codec import from_json, to_json
from cdp_core.tables.dynamo import Item, Key

PARTITION = "suppressions"


def place(one: Suppression) -> str:
    """Where a suppression stands in the list; places sort by time."""
    return _place(one.since, one.head)


def held(leaf: Leaf, one: Suppression) -> Item:
    """The values `:sup` and `:sg` of a hot item that a suppression begins to hold."""
    return {":sup": _intervals(begun(leaf.suppressions, since=one.since)), ":sg": {"S": one.head}}


def creation(one: Suppression) -> dict[str, Any]:
    """The transaction's action that lists a suppression."""
    about = {"leaves": list(one.leaves), "reason": one.reason, "by": one.by, "erasure": one.erasure}
    item = dynamo.key_of(_key(place(one))) | {"d": {"S": to_json(about)}}
    return {"Put": {"TableName": settings().profiles_table, "Item": item}}


def begin(one: Suppression, members: Iterable[Leaf]) -> bool:
    """Suppresses these leaves and lists it, all or nothing. False if a leaf changed since it was read."""
    updates = [_update(leaf, "SET lv = :lv, sup = :sup, sg = :sg REMOVE #ttl", held(leaf, one)) for leaf in members]
    return dynamo.transact([*updates, creation(one)])


def end(one: Suppression, members: Iterable[Leaf], *, at: int, expires: Iterable[str], expires_at: int) -> bool:
    """Lifts a suppression at a time (ms), all or nothing. False if a leaf changed since it was read.

    The leaves named in `expires` are empty, and get a TTL (ms) as long as nothing was written to them.
    """
    empty, updates = set(expires), []
    for leaf in members:
        values: Item = {":sup": _intervals(lifted(leaf.suppressions, at=at))}
        if leaf.id in empty:
            values[":ttl"] = {"N": str(expires_at // 1000)}
            update = _update(leaf, "SET lv = :lv, sup = :sup, #ttl = :ttl REMOVE sg", values)
            condition, was = leaves.same_version(leaf)
            update["Update"]["ConditionExpression"] += f" AND {condition}"
            update["Update"]["ExpressionAttributeValues"] |= was
        else:
            update = _update(leaf, "SET lv = :lv, sup = :sup REMOVE sg, #ttl", values)
        updates.append(update)
    gone = {"Delete": {"TableName": settings().profiles_table, "Key": dynamo.key_of(_key(place(one)))}}
    return dynamo.transact([*updates, gone])


def load(head: str, since: int) -> Suppression | None:
    """The suppression that a leaf names, or None."""
    item = dynamo.get(settings().profiles_table, _key(_place(since, head)))
    return _parse(item) if item else None


def page(*, before: str, limit: int) -> list[Suppression]:
    """At most so many of the suppressions whose places come before one (all if empty), latest first."""
    answer = dynamo.call(
        "Query",
        TableName=settings().profiles_table,
        KeyConditionExpression="pk = :pk AND sk < :before",
        ExpressionAttributeValues={":pk": {"S": PARTITION}, ":before": {"S": before or ":"}},
        ScanIndexForward=False,
        ConsistentRead=True,
        Limit=limit,
    )
    return [_parse(item) for item in answer["Items"]]


def _update(leaf: Leaf, expression: str, values: Item) -> dict[str, Any]:
    condition, was = leaves.unchanged(leaf)
    return {
        "Update": {
            "TableName": settings().profiles_table,
            "Key": dynamo.key_of(leaves.hot_key(leaf.id)),
            "UpdateExpression": expression,
            "ConditionExpression": condition,
            "ExpressionAttributeNames": {"#ttl": "ttl"},
            "ExpressionAttributeValues": {**values, **was, ":lv": {"N": str(leaf.link_version + 1)}},
        }
    }


def _intervals(intervals: Iterable[Interval]) -> dict[str, str]:
    return {"S": to_json([list(one) for one in intervals])}


def _place(since: int, head: str) -> str:
    return f"{since:013d}#{head}"


def _key(place: str) -> Key:
    return PARTITION, place


def _parse(item: Item) -> Suppression:
    since, _, head = item["sk"]["S"].partition("#")
    about = from_json(item["d"]["S"])
    return Suppression(head=head, since=int(since), **{**about, "leaves": tuple(about["leaves"])})
