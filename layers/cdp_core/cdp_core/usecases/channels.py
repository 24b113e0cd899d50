"""Channels and their write keys. A key is shown once, when it is made; only its hash is kept."""

import secrets
from dataclasses import asdict
from typing import Any

from cdp_core.errors import InvalidInput, NotFound
from cdp_core.tables import channels
from cdp_core.tables.channels import Channel

_KEY_BYTES = 24


def create_channel(channel: Channel) -> dict[str, Any]:
    """The new channel. Raises InvalidInput if its code name is taken."""
    if not channels.save_channel(channel):
        raise InvalidInput(f"there is a channel {channel.code_name!r} already", code="already_exists")
    return asdict(channel)


def create_key(code_name: str, *, secret: bool) -> dict[str, Any]:
    """A new write key of a channel, with the key itself. Raises NotFound."""
    if channels.find_channel(code_name) is None:
        raise NotFound("there is no such channel")
    key = ("sk_" if secret else "wk_") + secrets.token_urlsafe(_KEY_BYTES)
    saved = channels.save_write_key(key, channel=code_name, secret=secret)
    return {"id": saved.id, "channel": saved.channel, "secret": saved.secret, "key": key}
