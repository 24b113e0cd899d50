"""Gateway of erasures: the tombstones of a whole profile in one transaction, and the sweeps behind them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from cdp_core.config import settings
from cdp_core.domain.jobs import Job
from cdp_core.domain.leaf import Leaf
from cdp_core.domain.suppression import Suppression
from cdp_core.domain.times import DAY_MS, day_of
from cdp_core.tables import activities, consents, contacts, dead_letters, dynamo, jobs, leaves, suppressions
from cdp_core.tables.dynamo import Item, Key

PAGE = 1_000
_THREADS = 8
_CONSENTS_LIVE_MS = 30 * DAY_MS
_EMPTIED = (
    "n",
    "fs",
    "ls",
    "ca",
    "ring",
    "hz",
    "li",
    "id",
    "vf",
    "par",
    "lk",
    "lb",
    "ch",
    "un",
    "fl",
    "cs",
    "chs",
    "ttl",
)
_STORE_OF = {"contact": "contact", "membership": "memberships", "listing": "listing", "links": "links", "note": "notes"}


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a sweep: the keys to delete, how many items of which store they are, and the last key in order."""

    keys: list[Key]
    counts: Counter[str]
    last: str


def entomb(
    members: Iterable[Leaf],
    job: Job,
    *,
    erased_until: int,
    consents: Mapping[str, int],
    suppressed: Iterable[Suppression] = (),
) -> bool:
    """Ends the current life of every leaf and creates the job, all or nothing. False if a leaf changed since it was read.

    `consents` are the consent keys of these lives, with the life of each: the job's list until they are removed. `suppressed`
    are the suppressions that begin with it; one that stands already stays as it is.
    """
    suppressed = list(suppressed)
    held = {leaf: one for one in suppressed for leaf in one.leaves}
    tombstones = [_tombstone(leaf, job, erased_until, held.get(leaf.id)) for leaf in members]
    listed = [f"{hashed}#{epoch}" for hashed, epoch in sorted(consents.items())]
    expiry = job.created_at + _CONSENTS_LIVE_MS
    chunk = [jobs.chunk_creation(job.id, 0, listed, expires_at=expiry)] if listed else []
    return dynamo.transact([*tombstones, *jobs.creation(job), *chunk, *map(suppressions.creation, suppressed)])


def remove_consents(job: Job) -> int:
    """Removes the consents of the lives that the job ended; how many there were. Again is no change."""
    listed = [text.rpartition("#") for text in jobs.load_chunk(job.id, 0)]
    consents.remove({hashed: int(epoch) for hashed, _, epoch in listed})
    return len(listed)


def _tombstone(leaf: Leaf, job: Job, erased_until: int, held: Suppression | None) -> dict[str, Any]:
    condition, was = leaves.unchanged(leaf)
    names = {f"#{name}": name for name in _EMPTIED}
    values: Item = {
        ":ep": {"N": str(leaf.epoch + 1)},
        ":lv": {"N": str(leaf.link_version + 1)},
        ":del": {"N": str(max(erased_until, leaf.erased_until))},
        ":jb": {"S": job.id},
        ":one": {"N": "1"},
    }
    said = "ep = :ep, lv = :lv, del = :del, jb = :jb"
    if held is not None:
        said += ", sup = :sup, sg = :sg"
        values |= suppressions.held(leaf, held)
    return {
        "Update": {
            "TableName": settings().profiles_table,
            "Key": dynamo.key_of(leaves.hot_key(leaf.id)),
            "UpdateExpression": f"SET {said} REMOVE {', '.join(names)} ADD v :one",
            "ConditionExpression": condition,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values | was,
        }
    }


def expire(leaf: Leaf, *, at: int) -> bool:
    """Gives an empty tombstone its TTL (ms), if nothing has been written to it meanwhile (protocol 2b, ttl)."""
    condition, was = leaves.unchanged(leaf)
    answer = dynamo.call(
        "UpdateItem",
        TableName=settings().profiles_table,
        Key=dynamo.key_of(leaves.hot_key(leaf.id)),
        UpdateExpression="SET #ttl = :ttl, lv = :next",
        ConditionExpression=f"{condition} AND v = :v",
        ExpressionAttributeNames={"#ttl": "ttl"},
        ExpressionAttributeValues={
            **was,
            ":v": {"N": str(leaf.version)},
            ":ttl": {"N": str(at // 1000)},
            ":next": {"N": str(leaf.link_version + 1)},
        },
    )
    return answer is not None


def pages(leaf: str, epoch: int, part: str, *, up_to: str = "") -> Iterator[Page]:
    """What one life of a leaf still has in one part: `activities` or `details`; with `up_to` only keys up to there."""
    if part == "activities":
        table, pk, low, high = settings().activities_table, activities.partition(leaf, epoch), " ", "\U0010ffff"
    else:
        table, pk, low = settings().profiles_table, leaf, leaves.life(epoch)
        high = low + "\U0010ffff"
    found = dynamo.query(
        table,
        condition="pk = :pk AND sk BETWEEN :low AND :high",
        values={":pk": {"S": pk}, ":low": {"S": low}, ":high": {"S": up_to or high}},
        ConsistentRead=True,
        ProjectionExpression="pk, sk, c, #at",
        ExpressionAttributeNames={"#at": "at"},
        Limit=PAGE,
    )
    for answer in found:
        if answer["Items"]:
            yield _page(answer["Items"], part, leaf, epoch)


def delete(page: Page, part: str) -> None:
    """Deletes the items of a page, several batches at a time. Raises Unavailable if some stay."""
    table = settings().activities_table if part == "activities" else settings().profiles_table
    batches = [page.keys[at : at + dynamo.BATCH_WRITE] for at in range(0, len(page.keys), dynamo.BATCH_WRITE)]
    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(lambda batch: dynamo.delete_many(table, batch), batches))


def _page(items: list[Item], part: str, leaf: str, epoch: int) -> Page:
    keys: list[Key] = []
    counts: Counter[str] = Counter()
    for item in items:
        store, also = _row(item) if part == "activities" else _detail(item, leaf, epoch)
        keys += [(item["pk"]["S"], item["sk"]["S"]), *also]
        counts.update([store] if store else [])
    return Page(keys, counts, items[-1]["sk"]["S"])


def _row(item: Item) -> tuple[str, list[Key]]:
    """The store an item of the activities table counts for, and what points at it. A copy is no second activity."""
    sort_key = item["sk"]["S"]
    if not sort_key.startswith(dead_letters.DEAD):
        return ("" if "c" in item else "activities"), []
    index = (dead_letters.DEAD + day_of(int(item["at"]["N"])), sort_key.removeprefix(dead_letters.DEAD))
    return "dead_letters", [index]


def _detail(item: Item, leaf: str, epoch: int) -> tuple[str, list[Key]]:
    kind, _, name = item["sk"]["S"].removeprefix(leaves.life(epoch)).partition("#")
    record, _, number = name.partition("#")
    also = [contacts.record_leaf_key((record, number), leaf, epoch)] if kind == "membership" else []
    return _STORE_OF[kind], also
