"""Channels and their write keys. A key is shown once, when it is made; only its hash is kept."""

import secrets
from collections.abc import Mapping
from typing import Any

from cdp_core import clock
from cdp_core.domain.channels import LEVELS, Channel
from cdp_core.domain.times import iso
from cdp_core.errors import InvalidInput, NotFound
from cdp_core.tables import channels
from cdp_core.tables.channels import KeyInfo

_KEY_BYTES = 24
_LISTS = ("origins", "consent_categories")


def all_channels() -> list[dict[str, Any]]:
    """Every channel, by code name."""
    return [_view(channel) for channel in channels.all_channels()]


def channel(code_name: str) -> dict[str, Any]:
    """One channel. Raises NotFound."""
    return _view(_find(code_name))


def create_channel(given: Mapping[str, Any]) -> dict[str, Any]:
    """The new channel; one for headless tracking has no consent gate unless it is asked for. Raises InvalidInput if its code name is taken."""
    gate = {"consent_gate": given["type"] != "headless"}
    made = Channel(**gate | _settings(given))
    if not channels.save_channel(made):
        raise InvalidInput(f"there is a channel {made.code_name!r} already", code="already_exists")
    return _view(made)


def change_channel(code_name: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The channel with these settings changed; they hold everywhere within a minute. Raises NotFound."""
    changed = _find(code_name)._replace(**_settings(changes))
    if not channels.change_channel(changed):
        raise NotFound("there is no such channel")
    return _view(changed)


def renew_user_hash_secret(code_name: str) -> dict[str, Any]:
    """A new secret for the channel's user hashes, shown this once; hashes made with the former one are wrong within a minute. Raises NotFound."""
    secret = secrets.token_urlsafe(_KEY_BYTES)
    channels.change_channel(_find(code_name)._replace(user_hash_secret=secret))
    return {"channel": code_name, "user_hash_secret": secret}


def keys(code_name: str) -> list[dict[str, Any]]:
    """The channel's write keys, revoked ones included. Raises NotFound."""
    _find(code_name)
    return [_key_view(key) for key in channels.keys_of(code_name)]


def create_key(code_name: str, *, secret: bool) -> dict[str, Any]:
    """A new write key of a channel, with the key itself. Raises NotFound."""
    _find(code_name)
    key = ("sk_" if secret else "wk_") + secrets.token_urlsafe(_KEY_BYTES)
    key_id = channels.save_write_key(key, channel=code_name, secret=secret, created_at=clock.now_ms())
    return {"id": key_id, "channel": code_name, "secret": secret, "key": key}


def revoke_key(code_name: str, key_id: str) -> dict[str, Any]:
    """Takes a key's rights, everywhere within a minute; again is no change. Raises NotFound."""
    if not channels.revoke_key(code_name, key_id, at=clock.now_ms()):
        raise NotFound("the channel has no such key")
    return next(_key_view(key) for key in channels.keys_of(code_name) if key.id == key_id)


def _find(code_name: str) -> Channel:
    found = channels.find_channel(code_name)
    if found is None:
        raise NotFound("there is no such channel")
    return found


def _settings(given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings as the channel holds them: lists as tuples, origins in small letters, levels as numbers."""
    settings: dict[str, Any] = {name: tuple(value) if name in _LISTS else value for name, value in given.items()}
    if "origins" in settings:
        settings["origins"] = tuple(origin.lower() for origin in settings["origins"])
    if isinstance(level := settings.get("cookie_level"), str):
        settings["cookie_level"] = LEVELS[level]
    return settings


def _view(shown: Channel) -> dict[str, Any]:
    plain = {name: value for name, value in shown._asdict().items() if name != "user_hash_secret"}
    return plain | {"guid": shown.guid, "has_user_hash_secret": bool(shown.user_hash_secret)}


def _key_view(key: KeyInfo) -> dict[str, Any]:
    return {
        "id": key.id,
        "secret": key.secret,
        "created_at": iso(key.created_at),
        "revoked_at": None if key.revoked_at is None else iso(key.revoked_at),
    }
