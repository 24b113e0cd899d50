"""Gateway of channels and write keys. Keys are stored as hashes only."""

import hashlib
from functools import cache
from typing import Any, NamedTuple

from cdp_core import clock
from cdp_core.config import settings
from cdp_core.domain.channels import Channel, WriteKey
from cdp_core.tables import dynamo
from cdp_core.tables.codec import from_json, to_json
from cdp_core.tables.dynamo import Item, Key

CACHE_SECONDS = 60  # a revoked key works no longer than this
_CACHED_KEYS = 1_000
_LISTS = ("origins", "consent_categories")
_DIRECTORY = "channels"


class KeyInfo(NamedTuple):
    """A key as admins see it: never the key itself. Times in ms."""

    id: str
    secret: bool
    created_at: int
    revoked_at: int | None


def key_hash(key: str) -> str:
    """What is stored of a key."""
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


def save_channel(channel: Channel) -> bool:
    """Stores a new channel and its place in the list of all. False if its code name is taken."""
    put = _put(_channel_key(channel.code_name), _attributes(channel))
    listed = _put((_DIRECTORY, channel.code_name), {})
    return dynamo.transact([put | {"Put": put["Put"] | {"ConditionExpression": "attribute_not_exists(pk)"}}, listed])


def change_channel(channel: Channel) -> bool:
    """Stores a channel's settings anew. False if there is none of this name."""
    answer = dynamo.call(
        "PutItem",
        **_put(_channel_key(channel.code_name), _attributes(channel))["Put"],
        ConditionExpression="attribute_exists(pk)",
    )
    return answer is not None


def find_channel(code_name: str) -> Channel | None:
    """The channel, or None."""
    item = dynamo.get(settings().profiles_table, _channel_key(code_name))
    return _parse(code_name, item) if item else None


def all_channels() -> list[Channel]:
    """Every channel, by code name."""
    names = [item["sk"]["S"] for item in _partition(_DIRECTORY, "")]
    found = dynamo.get_many(settings().profiles_table, map(_channel_key, names))
    return [_parse(name, found[_channel_key(name)]) for name in names if _channel_key(name) in found]


def save_write_key(key: str, *, channel: str, secret: bool, created_at: int = 0) -> str:
    """Makes `key` a write key of the channel; its id. Again is no change."""
    name = key_hash(key)
    facts: Item = {"secret": {"BOOL": secret}, "created": {"N": str(created_at)}}
    of_key = facts | {"id": {"S": name[:12]}, "channel": {"S": channel}}
    of_channel = facts | {"hash": {"S": name}}
    puts = [_put(_write_key_key(key), of_key), _put((_channel_key(channel)[0], f"key#{name[:12]}"), of_channel)]
    once = {"ConditionExpression": "attribute_not_exists(pk)"}
    dynamo.transact([{"Put": one["Put"] | once} for one in puts])
    return name[:12]


def keys_of(code_name: str) -> list[KeyInfo]:
    """The write keys of a channel, revoked ones included."""
    return [_key_info(item) for item in _partition(_channel_key(code_name)[0], "key#")]


def revoke_key(code_name: str, key_id: str, *, at: int) -> bool:
    """Takes a key's rights for good. False if the channel has no such key. Again is no change."""
    place: Key = (_channel_key(code_name)[0], f"key#{key_id}")
    item = dynamo.get(settings().profiles_table, place)
    if item is None:
        return False
    dynamo.transact([_revocation(key, at) for key in (place, (f"key#{item['hash']['S']}", "key"))])
    return True


def _revocation(key: Key, at: int) -> dict[str, Any]:
    return {
        "Update": {
            "TableName": settings().profiles_table,
            "Key": dynamo.key_of(key),
            "UpdateExpression": "SET revoked = if_not_exists(revoked, :at)",
            "ExpressionAttributeValues": {":at": {"N": str(at)}},
        }
    }


def find_write_key(key: str) -> WriteKey | None:
    """The write key, or None if it is unknown or revoked; what was read less than CACHE_SECONDS ago is not read again."""
    name = key_hash(key)
    cached = _cache().get(name)
    if cached is None or not clock.is_recent(cached[0], seconds=CACHE_SECONDS):
        if len(_cache()) >= _CACHED_KEYS:  # a flood of made-up keys must not fill the memory
            _cache().clear()
        cached = _cache()[name] = (clock.now_ms(), _read(key))
    return cached[1]


@cache
def _cache() -> dict[str, tuple[int, WriteKey | None]]:
    return {}


def _read(key: str) -> WriteKey | None:
    item = dynamo.get(settings().profiles_table, _write_key_key(key))
    channel = find_channel(item["channel"]["S"]) if item and "revoked" not in item else None
    if item is None or channel is None:
        return None
    return WriteKey(id=item["id"]["S"], channel=channel, secret=item["secret"]["BOOL"])


def _attributes(channel: Channel) -> Item:
    rest = {
        name: value for name, value in channel._asdict().items() if name not in ("code_name", "name", "type", "enabled")
    }
    item: Item = {"name": {"S": channel.name}, "type": {"S": channel.type}, "enabled": {"BOOL": channel.enabled}}
    return item | {"s": {"S": to_json(rest)}}


def _parse(code_name: str, item: Item) -> Channel:
    plain: dict[str, Any] = from_json(item["s"]["S"]) if "s" in item else {}
    rest: dict[str, Any] = {name: tuple(value) if name in _LISTS else value for name, value in plain.items()}
    rest |= {"name": item["name"]["S"], "type": item["type"]["S"], "enabled": item["enabled"]["BOOL"]}
    return Channel(code_name=code_name, **rest)


def _key_info(item: Item) -> KeyInfo:
    return KeyInfo(
        id=item["sk"]["S"].removeprefix("key#"),
        secret=item["secret"]["BOOL"],
        created_at=int(item["created"]["N"]),
        revoked_at=int(item["revoked"]["N"]) if "revoked" in item else None,
    )


def _partition(pk: str, prefix: str) -> list[Item]:
    condition, values = "pk = :pk", {":pk": {"S": pk}}
    if prefix:
        condition, values = f"{condition} AND begins_with(sk, :prefix)", values | {":prefix": {"S": prefix}}
    pages = dynamo.query(settings().profiles_table, condition=condition, values=values, ConsistentRead=True)
    return [item for page in pages for item in page["Items"]]


def _put(key: Key, attributes: Item) -> dict[str, Any]:
    return {"Put": {"TableName": settings().profiles_table, "Item": dynamo.key_of(key) | attributes}}


def _channel_key(code_name: str) -> Key:
    return f"channel#{code_name}", "channel"


def _write_key_key(key: str) -> Key:
    return f"key#{key_hash(key)}", "key"
