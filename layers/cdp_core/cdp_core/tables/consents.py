"""Gateway of what people agreed to: one item an identifier, read by track, written in one transaction for a whole profile."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from cdp_core.config import settings
from cdp_core.domain.consent import Entry, consent_key, consent_keys, union
from cdp_core.domain.identity import Identifier
from cdp_core.tables import dynamo
from cdp_core.tables.codec import from_json, to_json
from cdp_core.tables.dynamo import Item, Key

_Named = TypeVar("_Named", bound=tuple[str, str])


class Stored(NamedTuple):
    """What one identifier's item holds, and of which life of its leaf."""

    epoch: int = 0
    history: tuple[Entry, ...] = ()


def item_key(hashed: str) -> Key:
    """The primary key of the item of an identifier with this consent key."""
    return f"consent#{hashed}", "consent"


def histories(identifiers: Iterable[tuple[str, str]]) -> dict[tuple[str, str], tuple[Entry, ...]]:
    """What was decided under these identifiers (kind and value), strongly read; only those of whom something is known."""
    found = load_many(identifiers)
    return {identifier: stored.history for identifier, stored in found.items() if stored.history}


def load_many(identifiers: Iterable[_Named]) -> dict[_Named, Stored]:
    """The items of these identifiers, strongly read; absent ones are left out."""
    people = list(identifiers)
    keys = list(map(item_key, consent_keys(people)))
    found = dynamo.get_many(settings().profiles_table, keys)
    return {who: _parse(found[key]) for who, key in zip(people, keys, strict=True) if key in found} if found else {}


def put(identifier: Identifier, epoch: int, history: Sequence[Entry]) -> dict[str, Any]:
    """The transaction's action that stores an identifier's history; of whom nothing is known there is no item."""
    if not history:
        key = dynamo.key_of(item_key(consent_key(identifier)))
        return {"Delete": {"TableName": settings().profiles_table, "Key": key}}
    item = dynamo.key_of(item_key(consent_key(identifier)))
    item |= {"ep": {"N": str(epoch)}, "h": {"S": to_json([list(entry) for entry in union(history)])}}
    return {"Put": {"TableName": settings().profiles_table, "Item": item}}


def remove(lives: Mapping[str, int]) -> None:
    """Removes the items with these consent keys, each if it is of that life or an older one: a newer one is somebody's word."""
    for hashed, epoch in lives.items():
        dynamo.call(
            "DeleteItem",
            TableName=settings().profiles_table,
            Key=dynamo.key_of(item_key(hashed)),
            ConditionExpression="ep < :next",
            ExpressionAttributeValues={":next": {"N": str(epoch + 1)}},
        )


def _parse(item: Item) -> Stored:
    return Stored(epoch=int(item["ep"]["N"]), history=tuple(map(_entry, from_json(item["h"]["S"]))))


def _entry(plain: list[Any]) -> Entry:
    *facts, seen = plain
    return Entry._make([*facts, tuple(seen)])
