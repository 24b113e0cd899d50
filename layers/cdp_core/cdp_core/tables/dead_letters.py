"""Gateway of dead letters: events that were refused or could not be applied, kept 30 days with the reason."""

from dataclasses import dataclass

from cdp_core.config import settings
from cdp_core.domain.times import DAY_MS, day_of
from cdp_core.tables import dynamo
from cdp_core.tables.activities import partition
from cdp_core.tables.dynamo import Item

NOBODY = "nobody"
DEAD = "dead#"
KEEP_DAYS = 30
MAX_ORIGINAL = 300_000  # an item holds 400 KB


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One event that has no effect: whose, why, since when (ms), after how many attempts, and its original text."""

    envelope: bytes
    index: int
    reason: str
    message: str
    at: int
    attempts: int
    original: str
    channel: str = ""


def bury(letter: DeadLetter, *, leaf: str | None = None, epoch: int = 0) -> None:
    """Stores the dead letter with its person (or with nobody), and its place in the day's index. Again is no change."""
    owner = partition(leaf, epoch) if leaf else NOBODY
    name = f"{letter.envelope.hex()}#{letter.index:04d}"
    expiry = {"N": str((letter.at + KEEP_DAYS * DAY_MS) // 1000)}
    letter_item = dynamo.key_of((owner, DEAD + name)) | _attributes(letter) | {"ttl": expiry}
    index_item = dynamo.key_of((DEAD + day_of(letter.at), name))
    index_item |= {"reason": {"S": letter.reason}, "owner": {"S": owner}, "ttl": expiry}
    for item in (letter_item, index_item):
        dynamo.call(
            "put_item",
            TableName=settings().activities_table,
            Item=item,
            ConditionExpression="attribute_not_exists(pk)",
        )


def _attributes(letter: DeadLetter) -> Item:
    return {
        "reason": {"S": letter.reason},
        "message": {"S": letter.message},
        "at": {"N": str(letter.at)},
        "attempts": {"N": str(letter.attempts)},
        "original": {"S": letter.original[:MAX_ORIGINAL]},
        "channel": {"S": letter.channel},
    }
