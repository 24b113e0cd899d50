"""Gateway of dead letters: events that were refused or could not be applied, kept 30 days with the reason."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cdp_core.config import settings
from cdp_core.domain.times import DAY_MS, day_of
from cdp_core.tables import dynamo
from cdp_core.tables.activities import partition
from cdp_core.tables.dynamo import Item, Key

NOBODY = "nobody"
DEAD = "dead#"
KEEP_DAYS = 30
MAX_ORIGINAL = 300_000  # bytes; an item holds 400 KB
SENT, EVENT, MESSAGE = (
    "sent",
    "event",
    "message",
)  # what `original` is: a client's words, an event of ours, a whole message


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One event that has no effect: why, since when (ms), after how many attempts, and its original text in one of three forms.

    The rest is what its envelope said, so that a redrive can say it again.
    """

    envelope: bytes
    index: int
    reason: str
    message: str
    at: int
    attempts: int
    original: str
    form: str
    channel: str = ""
    write_key: str = ""
    legal_basis: str = ""
    authority: bool = False

    @property
    def name(self) -> str:
        """Its name in the index of its day."""
        return f"{self.envelope.hex()}#{self.index:05d}"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a dead letter lies: its day, its name in the day's index, the partition of its person, and its reason."""

    day: str
    name: str
    owner: str
    reason: str

    @property
    def key(self) -> Key:
        """The primary key of the dead letter itself."""
        return self.owner, DEAD + self.name


def bury(letter: DeadLetter, *, leaf: str | None = None, epoch: int = 0) -> None:
    """Stores the dead letter with its person (or with nobody), and its place in the day's index. Again is no change."""
    owner = partition(leaf, epoch) if leaf else NOBODY
    expiry = {"N": str((letter.at + KEEP_DAYS * DAY_MS) // 1000)}
    letter_item = dynamo.key_of((owner, DEAD + letter.name)) | _attributes(letter) | {"ttl": expiry}
    index_item = dynamo.key_of(_index_key(letter))
    index_item |= {"reason": {"S": letter.reason}, "owner": {"S": owner}, "ttl": expiry}
    for item in (letter_item, index_item):
        dynamo.call(
            "PutItem",
            TableName=settings().activities_table,
            Item=item,
            ConditionExpression="attribute_not_exists(pk)",
        )


def buried(letters: Iterable[DeadLetter]) -> set[str]:
    """The names of those among these letters that are stored: the place in the index is written last."""
    return {name for _, name in dynamo.get_many(settings().activities_table, map(_index_key, letters))}


def _index_key(letter: DeadLetter) -> Key:
    return DEAD + day_of(letter.at), letter.name


def places(day: str, *, after: str = "", up_to: str = "", limit: int) -> list[Place]:
    """At most `limit` places of one day behind the name `after`, up to and with the name `up_to` if one is given."""
    answer = dynamo.call(
        "Query",
        TableName=settings().activities_table,
        KeyConditionExpression="pk = :pk AND sk BETWEEN :low AND :high",
        ExpressionAttributeValues={
            ":pk": {"S": DEAD + day},
            ":low": {"S": f"{after}\0" if after else " "},
            ":high": {"S": up_to or "~"},
        },
        ConsistentRead=True,
        Limit=limit,
    )
    return [Place(day, item["sk"]["S"], item["owner"]["S"], item["reason"]["S"]) for item in answer["Items"]]


def load_many(wanted: Iterable[Place]) -> dict[Place, DeadLetter]:
    """The dead letters that still lie at these places."""
    by_key = {place.key: place for place in wanted}
    found = dynamo.get_many(settings().activities_table, by_key)
    return {by_key[key]: _parse(item) for key, item in found.items()}


def of_life(leaf: str, epoch: int) -> Iterator[DeadLetter]:
    """The dead letters of one life of a leaf, strongly read, read lazily."""
    pages = dynamo.query(
        settings().activities_table,
        condition="pk = :pk AND begins_with(sk, :dead)",
        values={":pk": {"S": partition(leaf, epoch)}, ":dead": {"S": DEAD}},
        ConsistentRead=True,
        Limit=100,
    )
    for page in pages:
        yield from map(_parse, page["Items"])


def remove(gone: Iterable[Place]) -> None:
    """Removes dead letters and their places. Raises Unavailable if some stay."""
    keys = [key for place in gone for key in (place.key, (DEAD + place.day, place.name))]
    dynamo.delete_many(settings().activities_table, keys)


def _attributes(letter: DeadLetter) -> Item:
    texts = {
        "reason": letter.reason,
        "message": letter.message,
        "original": letter.original.encode()[:MAX_ORIGINAL].decode(errors="ignore"),
        "form": letter.form,
        "channel": letter.channel,
        "write_key": letter.write_key,
        "basis": letter.legal_basis,
    }
    numbers = {"at": letter.at, "attempts": letter.attempts}
    item: Item = {name: {"S": text} for name, text in texts.items()}
    item |= {name: {"N": str(number)} for name, number in numbers.items()}
    return item | {"authority": {"BOOL": letter.authority}}


def _parse(item: Item) -> DeadLetter:
    envelope, _, index = item["sk"]["S"].removeprefix(DEAD).partition("#")
    return DeadLetter(
        envelope=bytes.fromhex(envelope),
        index=int(index),
        reason=item["reason"]["S"],
        message=item["message"]["S"],
        at=int(item["at"]["N"]),
        attempts=int(item["attempts"]["N"]),
        original=item["original"]["S"],
        form=item["form"]["S"],
        channel=item["channel"]["S"],
        write_key=item["write_key"]["S"],
        legal_basis=item["basis"]["S"],
        authority=item["authority"]["BOOL"],
    )
