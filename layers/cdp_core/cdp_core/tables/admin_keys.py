"""Gateway of admin keys: stored as hashes only, one item a key, so that the list of all is one query."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from cdp_core import clock
from cdp_core.config import settings
from cdp_core.tables import dynamo
from cdp_core.tables.codec import from_json, to_json
from cdp_core.tables.dynamo import Item, Key

CACHE_SECONDS = 30  # a revoked key works no longer than this
MAX_KEYS = 200
_PARTITION = "admin-keys"
_ID_DIGITS = 16
_CACHED_KEYS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminKey:
    """A key as admins see it: never the key itself. Times in ms; `used_at` is right to the minute."""

    id: str
    name: str
    role: str
    grants: tuple[str, ...] = ()
    created_at: int = 0
    created_by: str = ""
    expires_at: int | None = None
    revoked_at: int | None = None
    used_at: int | None = None


def save(key: str, about: AdminKey) -> AdminKey:
    """Stores a new key by its hash; what is stored, with its id."""
    digest = _hash(key)
    facts = {"name": about.name, "role": about.role, "grants": list(about.grants), "by": about.created_by}
    item = dynamo.key_of(_place(digest[:_ID_DIGITS]))
    item |= {"h": {"S": digest}, "d": {"S": to_json(facts)}, "created": {"N": str(about.created_at)}}
    if about.expires_at is not None:
        item["expires"] = {"N": str(about.expires_at)}
    dynamo.call(
        "PutItem",
        TableName=settings().profiles_table,
        Item=item,
        ConditionExpression="attribute_not_exists(pk)",
    )
    return _parse(item)


def find(key: str) -> AdminKey | None:
    """The key, revoked and expired ones included, or None; what was read less than CACHE_SECONDS ago is not read again."""
    digest = _hash(key)
    cached = _cache().get(digest)
    if cached is None or not clock.is_recent(cached[0], seconds=CACHE_SECONDS):
        if len(_cache()) >= _CACHED_KEYS:  # a flood of made-up keys must not fill the memory
            _cache().clear()
        cached = _cache()[digest] = (clock.now_ms(), _read(digest))
    return cached[1]


def load(key_id: str) -> AdminKey | None:
    """The key of an id, strongly read, or None."""
    item = dynamo.get(settings().profiles_table, _place(key_id))
    return _parse(item) if item else None


def all_keys() -> list[AdminKey]:
    """Every key, revoked ones included; there are at most MAX_KEYS."""
    pages = dynamo.query(
        settings().profiles_table, condition="pk = :pk", values={":pk": {"S": _PARTITION}}, ConsistentRead=True
    )
    return [_parse(item) for page in pages for item in page["Items"]]


def end(key_id: str, *, revoked_at: int | None = None, expires_at: int | None = None) -> bool:
    """Takes a key's rights at once, or from a time on (ms); the earlier of two ends stays. False if there is no such key."""
    name, at = ("revoked", revoked_at) if revoked_at is not None else ("expires", expires_at)
    answer = dynamo.call(
        "UpdateItem",
        TableName=settings().profiles_table,
        Key=dynamo.key_of(_place(key_id)),
        UpdateExpression="SET #name = :at",
        ConditionExpression="attribute_exists(pk) AND attribute_not_exists(#name) OR #name > :at",
        ExpressionAttributeNames={"#name": name},
        ExpressionAttributeValues={":at": {"N": str(at)}},
    )
    return answer is not None or load(key_id) is not None


def mark_used(key_id: str, *, at: int) -> None:
    """Remembers when a key was used last (ms)."""
    dynamo.call(
        "UpdateItem",
        TableName=settings().profiles_table,
        Key=dynamo.key_of(_place(key_id)),
        UpdateExpression="SET used = :at",
        ConditionExpression="attribute_exists(pk)",
        ExpressionAttributeValues={":at": {"N": str(at)}},
    )


def _read(digest: str) -> AdminKey | None:
    item = dynamo.get(settings().profiles_table, _place(digest[:_ID_DIGITS]))
    return _parse(item) if item and hmac.compare_digest(item["h"]["S"], digest) else None


def _parse(item: Item) -> AdminKey:
    about: Mapping[str, Any] = from_json(item["d"]["S"])
    return AdminKey(
        id=item["sk"]["S"],
        name=about["name"],
        role=about["role"],
        grants=tuple(about["grants"]),
        created_at=int(item["created"]["N"]),
        created_by=about["by"],
        expires_at=_time(item, "expires"),
        revoked_at=_time(item, "revoked"),
        used_at=_time(item, "used"),
    )


def _time(item: Item, name: str) -> int | None:
    return int(item[name]["N"]) if name in item else None


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


def _place(key_id: str) -> Key:
    return _PARTITION, key_id


@cache
def _cache() -> dict[str, tuple[int, AdminKey | None]]:
    return {}
