"""Gateway of the listing: the sparse index over root leaves that serves every list of profiles."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cdp_core.config import settings
from cdp_core.domain.listing import Listed, keys
from cdp_core.tables import dynamo
from cdp_core.tables.dynamo import Item, Key
from cdp_core.tables.leaves import life

INDEX = "listing"
_NAMES = ("recent", "name", "email")  # the entries of a root leaf; the first one holds the version
IndexKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Entry:
    """What is listed of a root leaf now: its version, the index key of each of its entries, the day shown, and as what."""

    version: int
    keys: Mapping[str, IndexKey | None]

    @property
    def day(self) -> str:
        """The day of last activity that is shown; empty if the leaf is not listed."""
        recent = self.keys["recent"]
        return recent[1][:10] if recent else ""

    @property
    def verified(self) -> bool:
        """Whether it is shown among the verified."""
        recent = self.keys["recent"]
        return recent is not None and recent[0].startswith("recent#verified#")


@dataclass(frozen=True, slots=True)
class Hit:
    """One entry found in the index: its leaf and epoch, and its key there, to go on behind it."""

    leaf: str
    epoch: int
    sort_key: str


def entry_key(leaf: str, epoch: int, name: str) -> Key:
    """The primary key of a listing entry; `name` is recent, name or email."""
    return leaf, f"{life(epoch)}listing#{name}"


def load(leaf: str, epoch: int) -> Entry:
    """What is listed now; read it before the data that the new entry is made of, so that a stale writer loses."""
    wanted = {name: entry_key(leaf, epoch, name) for name in _NAMES}
    found = dynamo.get_many(settings().profiles_table, wanted.values())
    items = {name: found.get(key, {}) for name, key in wanted.items()}
    keys = {name: (item["lpk"]["S"], item["lsk"]["S"]) if "lpk" in item else None for name, item in items.items()}
    return Entry(int(items["recent"].get("v", {"N": "0"})["N"]), keys)


def shows(entry: Entry, leaf: str, shown: Listed) -> bool:
    """Whether the root leaf is listed exactly so already."""
    return entry.keys == keys(leaf, shown)


def save(leaf: str, epoch: int, *, before: Entry, shown: Listed | None) -> bool:
    """Lists the root leaf as `shown`, or not at all. False if another writer came first. Entries that stay are not written."""
    wanted = keys(leaf, shown) if shown else dict.fromkeys(_NAMES)
    changed = ["recent", *(name for name in _NAMES[1:] if wanted[name] != before.keys[name])]
    puts = [_put(entry_key(leaf, epoch, name), wanted[name]) for name in changed]
    recent = puts[0]
    recent["Item"]["v"] = {"N": str(before.version + 1)}
    recent["ConditionExpression"] = "v = :was" if before.version else "attribute_not_exists(v)"
    if before.version:
        recent["ExpressionAttributeValues"] = {":was": {"N": str(before.version)}}
    if len(puts) == 1:
        return dynamo.call("PutItem", **recent) is not None
    return dynamo.transact([{"Put": put} for put in puts])


def starting_with(prefix: str) -> tuple[str, str]:
    """The span of index keys that begin with a text."""
    return prefix, prefix + "\U0010ffff"


def page(partition: str, *, span: tuple[str, str], after: str = "", newest_first: bool, limit: int) -> list[Hit]:
    """At most `limit` entries of one index partition whose keys lie in the span, in key order, behind `after`."""
    low, high = span
    if low > high:
        return []
    if after:
        low, high = (low, after) if newest_first else (after, high)
    answer = dynamo.call(
        "Query",
        TableName=settings().profiles_table,
        IndexName=INDEX,
        KeyConditionExpression="lpk = :pk AND lsk BETWEEN :low AND :high",
        ExpressionAttributeValues={":pk": {"S": partition}, ":low": {"S": low or " "}, ":high": {"S": high}},
        ScanIndexForward=not newest_first,
        Limit=limit + 1,
    )
    hits = [_hit(item) for item in answer["Items"]]
    return [hit for hit in hits if hit.sort_key != after][:limit]


def _hit(item: Item) -> Hit:
    return Hit(item["pk"]["S"], int(item["sk"]["S"].split("#")[1]), item["lsk"]["S"])


def _put(key: Key, index_key: tuple[str, str] | None) -> dict[str, Any]:
    item: dict[str, Any] = dynamo.key_of(key)
    if index_key:
        item |= {"lpk": {"S": index_key[0]}, "lsk": {"S": index_key[1]}}
    return {"TableName": settings().profiles_table, "Item": item}
