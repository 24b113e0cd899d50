"""Gateway of notes: what admins write about a person, one item a note within one life of a leaf, so that an erasure's sweep finds them."""

from collections.abc import Iterator
from dataclasses import dataclass

from cdp_core.config import settings
from cdp_core.tables import dynamo
from cdp_core.tables.codec import from_json, to_json
from cdp_core.tables.dynamo import Item, Key
from cdp_core.tables.leaves import life


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A note: its id (which sorts by time), when it was written (ms), by whom, and what."""

    id: str
    at: int
    author: str
    author_id: str
    text: str


def save(leaf: str, epoch: int, note: Note) -> None:
    """Stores a note in one life of a leaf."""
    item = dynamo.key_of(_key(leaf, epoch, note.id))
    item |= {
        "d": {"S": to_json({"at": note.at, "author": note.author, "author_id": note.author_id, "text": note.text})}
    }
    dynamo.call("PutItem", TableName=settings().profiles_table, Item=item)


def of_life(leaf: str, epoch: int, *, before: str = "\U0010ffff") -> Iterator[Note]:
    """The notes of one life whose ids come before one, latest first, read lazily."""
    prefix = _key(leaf, epoch, "")[1]
    pages = dynamo.query(
        settings().profiles_table,
        condition="pk = :pk AND sk BETWEEN :low AND :high",
        values={":pk": {"S": leaf}, ":low": {"S": prefix}, ":high": {"S": prefix + before}},
        ScanIndexForward=False,
        ConsistentRead=True,
        Limit=100,
    )
    for page in pages:
        for item in page["Items"]:
            if item["sk"]["S"] != prefix + before:
                yield _parse(item, prefix)


def count(leaf: str, epoch: int, *, limit: int) -> int:
    """How many notes one life has, `limit` at most."""
    prefix = _key(leaf, epoch, "")[1]
    answer = dynamo.call(
        "Query",
        TableName=settings().profiles_table,
        KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
        ExpressionAttributeValues={":pk": {"S": leaf}, ":prefix": {"S": prefix}},
        ProjectionExpression="sk",
        ConsistentRead=True,
        Limit=limit,
    )
    return len(answer["Items"])


def remove(leaf: str, epoch: int, note_id: str) -> bool:
    """Removes a note. False if there is none of this id."""
    return dynamo.delete(settings().profiles_table, _key(leaf, epoch, note_id))


def _key(leaf: str, epoch: int, note_id: str) -> Key:
    return leaf, f"{life(epoch)}note#{note_id}"


def _parse(item: Item, prefix: str) -> Note:
    return Note(id=item["sk"]["S"].removeprefix(prefix), **from_json(item["d"]["S"]))
