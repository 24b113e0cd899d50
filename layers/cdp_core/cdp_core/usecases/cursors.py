"""Cursors: where a list goes on, sealed so that nobody can read or change it, good for one caller and one query."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any

from cryptography.fernet import Fernet, InvalidToken

from cdp_core.errors import InvalidInput
from cdp_core.secrets import identity_key

LIFETIME_SECONDS = 24 * 3600


def seal(position: Sequence[str], query: Mapping[str, Any]) -> str:
    """A token for going on behind `position` in this very query."""
    return _fernet().encrypt(json.dumps([_digest(query), *position]).encode()).decode()


def unseal(token: str | None, query: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The position in a token; None without one. Raises InvalidInput if it is not ours, too old, or of another query."""
    if token is None:
        return None
    try:
        digest, *position = json.loads(_fernet().decrypt(token.encode(), ttl=LIFETIME_SECONDS))
    except (InvalidToken, ValueError) as error:
        raise InvalidInput("cursor is not valid or older than 24 hours", code="invalid_cursor") from error
    if digest != _digest(query):
        raise InvalidInput("cursor belongs to another query", code="invalid_cursor")
    return tuple(position)


def _digest(query: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(query, sort_keys=True).encode()).hexdigest()[:16]


def _fernet() -> Fernet:
    key = hmac.new(identity_key(), b"cursors", hashlib.sha256).digest()
    return Fernet(base64.urlsafe_b64encode(key))
