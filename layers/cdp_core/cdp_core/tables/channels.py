"""Gateway of channels and write keys. Keys are stored as hashes only."""

import hashlib
import time
from dataclasses import dataclass
from functools import cache

from cdp_core.config import settings
from cdp_core.tables import dynamo
from cdp_core.tables.dynamo import Item, Key

CACHE_SECONDS = 60  # a revoked key works no longer than this
_CACHED_KEYS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A website, app or server that sends events."""

    code_name: str
    name: str
    type: str
    enabled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteKey:
    """A key's public half: its id, its channel, whether it is secret (has authority) and whether the channel is on."""

    id: str
    channel: str
    secret: bool
    enabled: bool = True


def key_hash(key: str) -> str:
    """What is stored of a key."""
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


def save_channel(channel: Channel) -> bool:
    """Stores a new channel. False if its code name is taken."""
    item = dynamo.key_of(_channel_key(channel.code_name))
    item |= {"name": {"S": channel.name}, "type": {"S": channel.type}, "enabled": {"BOOL": channel.enabled}}
    answer = dynamo.call(
        "put_item",
        TableName=settings().profiles_table,
        Item=item,
        ConditionExpression="attribute_not_exists(pk)",
    )
    return answer is not None


def find_channel(code_name: str) -> Channel | None:
    """The channel, or None."""
    item = dynamo.get(settings().profiles_table, _channel_key(code_name))
    if item is None:
        return None
    return Channel(code_name=code_name, name=item["name"]["S"], type=item["type"]["S"], enabled=item["enabled"]["BOOL"])


def save_write_key(key: str, *, channel: str, secret: bool) -> WriteKey:
    """Makes `key` a write key of the channel; again is no change."""
    saved = WriteKey(id=key_hash(key)[:12], channel=channel, secret=secret)
    item: Item = dynamo.key_of(_write_key_key(key))
    item |= {"id": {"S": saved.id}, "channel": {"S": channel}, "secret": {"BOOL": secret}}
    dynamo.call("put_item", TableName=settings().profiles_table, Item=item)
    return saved


def find_write_key(key: str) -> WriteKey | None:
    """The write key, or None if it is unknown or revoked; what was read less than CACHE_SECONDS ago is not read again."""
    now, name = time.monotonic(), key_hash(key)
    cached = _cache().get(name)
    if cached is None or cached[0] < now - CACHE_SECONDS:
        if len(_cache()) >= _CACHED_KEYS:  # a flood of made-up keys must not fill the memory
            _cache().clear()
        cached = _cache()[name] = (now, _read(key))
    return cached[1]


@cache
def _cache() -> dict[str, tuple[float, WriteKey | None]]:
    return {}


def _read(key: str) -> WriteKey | None:
    item = dynamo.get(settings().profiles_table, _write_key_key(key))
    if item is None or "revoked" in item:
        return None
    channel = find_channel(item["channel"]["S"])
    enabled = channel is not None and channel.enabled
    return WriteKey(id=item["id"]["S"], channel=item["channel"]["S"], secret=item["secret"]["BOOL"], enabled=enabled)


def _channel_key(code_name: str) -> Key:
    return f"channel#{code_name}", "channel"


def _write_key_key(key: str) -> Key:
    return f"key#{key_hash(key)}", "key"
