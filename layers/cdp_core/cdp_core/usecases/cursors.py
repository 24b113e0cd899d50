"""Cursors: where a list goes on, sealed so that nobody can read or change it, good for one query of one caller."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from cryptography.fernet import Fernet, InvalidToken

from cdp_core.errors import InvalidInput
from cdp_core.secrets import identity_key
from cdp_core.usecases.paging import Position

LIFETIME_SECONDS = 24 * 3600


def seal(position: Position, query: Mapping[str, Any]) -> str:
    """A token for going on behind `position` in this very query; `query` names the caller too."""
    return _fernet().encrypt(json.dumps([_digest(query), *position]).encode()).decode()


def unseal(token: str | None, query: Mapping[str, Any]) -> Position | None:
    """The position in a token; None without one. Raises InvalidInput if it is not ours, too old, or of another query."""
    if token is None:
        return None
    try:
        digest, *position = json.loads(_fernet().decrypt(token.encode(), ttl=LIFETIME_SECONDS))
    except (InvalidToken, ValueError) as error:
        raise InvalidInput("cursor is not valid or older than 24 hours", code="invalid_cursor") from error
    if digest != _digest(query):
        raise InvalidInput("cursor belongs to another query", code="invalid_cursor")
    key, detail = position
    return key, detail


def _digest(query: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(query, sort_keys=True).encode()).hexdigest()[:16]


def _fernet() -> Fernet:
    key = hmac.new(identity_key(), b"cursors", hashlib.sha256).digest()
    return Fernet(base64.urlsafe_b64encode(key))
