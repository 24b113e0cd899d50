"""Gateway of the listing: the sparse index over root leaves that serves every list of profiles."""

from dataclasses import dataclass
from typing import Any

from cdp_core.config import settings
from cdp_core.domain.listing import Listed, keys
from cdp_core.tables import dynamo
from cdp_core.tables.dynamo import Item, Key
from cdp_core.tables.leaves import life

INDEX = "listing"


@dataclass(frozen=True, slots=True)
class Entry:
    """What is listed of a root leaf now: its version, and the day of last activity that it shows."""

    version: int
    day: str
    verified: bool


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
    item = dynamo.get(settings().profiles_table, entry_key(leaf, epoch, "recent"))
    if item is None:
        return Entry(0, "", False)
    verified = item.get("lpk", {"S": ""})["S"].startswith("recent#verified#")
    return Entry(int(item["v"]["N"]), item.get("lsk", {"S": ""})["S"][:10], verified)


def save(leaf: str, epoch: int, *, before: Entry, shown: Listed | None) -> bool:
    """Lists the root leaf as `shown`, or not at all. False if another writer came first."""
    index_keys: dict[str, tuple[str, str] | None] = {"recent": None}
    if shown or before.version:
        index_keys = keys(leaf, shown) if shown else {"recent": None, "name": None, "email": None}
    actions = [_put(entry_key(leaf, epoch, name), index_key) for name, index_key in index_keys.items()]
    recent = actions[0]["Put"]
    recent["Item"]["v"] = {"N": str(before.version + 1)}
    recent["ConditionExpression"] = "v = :was" if before.version else "attribute_not_exists(v)"
    if before.version:
        recent["ExpressionAttributeValues"] = {":was": {"N": str(before.version)}}
    return dynamo.transact(actions)


def page(partition: str, *, prefix: str = "", after: str = "", newest_first: bool, limit: int) -> list[Hit]:
    """At most `limit` entries of one index partition whose key starts with `prefix`, in key order, behind `after`."""
    low, high = prefix, prefix + "\U0010ffff"
    if after:
        low, high = (low, after) if newest_first else (after, high)
    answer = dynamo.call(
        "query",
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
    return {"Put": {"TableName": settings().profiles_table, "Item": item}}
