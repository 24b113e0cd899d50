"""Gateway of the hot items: one small item a leaf."""

from collections.abc import Iterable
from typing import Any

from cdp_core.config import settings
from cdp_core.domain.envelope import KEY_BYTES
from cdp_core.domain.leaf import NO_KEY, Leaf
from cdp_core.tables import dynamo
from cdp_core.tables.codec import from_json
from cdp_core.tables.dynamo import Item

HOT = "hot"
_NUMBERS = {
    "v": "version",
    "ep": "epoch",
    "fs": "first_seen",
    "ls": "last_seen",
    "ca": "created_at",
    "del": "erased_until",
    "lv": "link_version",
    "ch": "children",
    "fl": "floor",
    "vf": "verified_since",
    "cs": "consented_at",
    "ttl": "ttl",
}
_TEXTS = {"id": "identifier", "par": "parent", "lb": "linked_by", "li": "listed", "jb": "job", "sg": "suppressed_with"}


def life(epoch: int) -> str:
    """The prefix of the sort keys of one life of a leaf."""
    return f"life#{epoch:06d}#"


def hot_key(leaf: str) -> dynamo.Key:
    """The primary key of a leaf's hot item."""
    return leaf, HOT


def load(leaf: str) -> Leaf:
    """The leaf, strongly read; all defaults if it was never written."""
    return parse(leaf, dynamo.get(settings().profiles_table, hot_key(leaf)))


def load_many(leaves: Iterable[str]) -> dict[str, Leaf]:
    """The leaves, strongly read, absent ones as defaults."""
    wanted = list(dict.fromkeys(leaves))
    found = dynamo.get_many(settings().profiles_table, (hot_key(leaf) for leaf in wanted))
    return {leaf: parse(leaf, found.get(hot_key(leaf))) for leaf in wanted}


def parse(leaf: str, item: Item | None) -> Leaf:
    """The leaf that a hot item says, or the unwritten leaf."""
    if item is None:
        return Leaf(id=leaf)
    fields: dict[str, Any] = {name: int(item[short]["N"]) for short, name in _NUMBERS.items() if short in item}
    fields |= {name: item[short]["S"] for short, name in _TEXTS.items() if short in item}
    if "lk" in item:
        received_at, _, message_id = item["lk"]["S"].partition("#")
        fields["link_key"] = (int(received_at), message_id)
    ring = dynamo.bytes_of(item["ring"]) if "ring" in item else b""
    return Leaf(
        id=leaf,
        counts={name: int(count["N"]) for name, count in item.get("n", {}).get("M", {}).items()},
        ring=frozenset(ring[at : at + KEY_BYTES] for at in range(0, len(ring), KEY_BYTES)),
        horizon=dynamo.bytes_of(item["hz"]) if "hz" in item else NO_KEY,
        channels=frozenset(item.get("chs", {}).get("SS", ())),
        unlinked=frozenset(item.get("un", {}).get("SS", ())),
        suppressions=tuple((since, until) for since, until in from_json(item["sup"]["S"])) if "sup" in item else (),
        **fields,
    )


def commit(before: Leaf, after: Leaf) -> bool:
    """The flush's compare-and-swap of its own attributes. False if another writer came first; raises Unavailable if nobody knows.

    What is listed depends on the leaf's links: a commit that changed the listing loses against a link or an unmerge as well.
    """
    values = {f":{short}": value for short, value in _flush_attributes(after, before.version + 1).items()}
    seen = {"v": before.version} | ({"lv": before.link_version} if after.listed != before.listed else {})
    condition = " AND ".join(_same(name, value) for name, value in seen.items())
    was = {f":was_{name}": {"N": str(value)} for name, value in seen.items() if value}
    answer = dynamo.call(
        "UpdateItem",
        TableName=settings().profiles_table,
        Key=dynamo.key_of(hot_key(after.id)),
        UpdateExpression="SET " + ", ".join(f"#{name[1:]} = {name}" for name in values) + " REMOVE #ttl",
        ConditionExpression=condition,
        ExpressionAttributeNames={f"#{name[1:]}": name[1:] for name in values} | {"#ttl": "ttl"},
        ExpressionAttributeValues=values | was,
    )
    return answer is not None


def wake(leaf: Leaf) -> bool:
    """Takes a tombstone's TTL off before anything is stored under it (protocol 2b, ttl). False if the leaf changed meanwhile."""
    condition, was = unchanged(leaf)  # a leaf that expires was never erased if it held a suppression only
    answer = dynamo.call(
        "UpdateItem",
        TableName=settings().profiles_table,
        Key=dynamo.key_of(hot_key(leaf.id)),
        UpdateExpression="SET lv = :next REMOVE #ttl",
        ConditionExpression=condition,
        ExpressionAttributeNames={"#ttl": "ttl"},
        ExpressionAttributeValues={**was, ":next": {"N": str(leaf.link_version + 1)}},
    )
    return answer is not None


def unchanged(leaf: Leaf) -> tuple[str, Item]:
    """The condition that epoch and link version are as read, for transactions (protocol 2b)."""
    terms = [_same("ep", leaf.epoch), _same("lv", leaf.link_version)]
    values = {
        f":was_{name}": {"N": str(value)} for name, value in (("ep", leaf.epoch), ("lv", leaf.link_version)) if value
    }
    return " AND ".join(terms), values


def same_version(leaf: Leaf) -> tuple[str, Item]:
    """The condition that no flush wrote since the leaf was read, for transactions that may empty it."""
    return _same("v", leaf.version), {":was_v": {"N": str(leaf.version)}} if leaf.version else {}


def _same(name: str, value: int) -> str:
    return f"{name} = :was_{name}" if value else f"attribute_not_exists({name})"


def _flush_attributes(leaf: Leaf, version: int) -> Item:
    numbers = {
        "v": version,
        "fs": leaf.first_seen,
        "ls": leaf.last_seen,
        "ca": leaf.created_at,
        "vf": leaf.verified_since,
    }
    item: Item = {short: {"N": str(number)} for short, number in numbers.items() if number is not None}
    texts = {"id": leaf.identifier, "li": leaf.listed}
    item |= {short: {"S": text} for short, text in texts.items() if text}
    item |= {"chs": {"SS": sorted(leaf.channels)}} if leaf.channels else {}
    item["n"] = {"M": {name: {"N": str(count)} for name, count in leaf.counts.items()}}
    item["hz"] = {"B": leaf.horizon}
    item["ring"] = {"B": b"".join(sorted(leaf.ring))}
    return item
