"""Who makes a request to the profiles API: the holder of the first admin key, of another one, or of a token."""

import base64
import hashlib
import hmac

from cdp_core import clock
from cdp_core.config import settings
from cdp_core.domain.access import ADMIN, Caller, caller_with
from cdp_core.errors import RateLimited, Unauthorized
from cdp_core.secrets import admin_key
from cdp_core.tables import admin_keys, rates
from cdp_core.usecases import tokens

FIRST = "first"
_MINUTE_MS = 60_000
_WORDS = "this needs the header Authorization: Bearer <admin key or token>"


def identify(authorization: str) -> Caller:
    """The caller of an Authorization header: Bearer, or Basic with the key as its user. Raises Unauthorized, Unavailable."""
    scheme, _, value = authorization.partition(" ")
    bearer = _basic_user(value) if scheme.lower() == "basic" else value.strip() if scheme.lower() == "bearer" else ""
    if not bearer:
        raise Unauthorized(_WORDS)
    if _same(bearer, admin_key()):
        return caller_with(f"key:{FIRST}", "First admin key", ADMIN)
    return tokens.caller_of(bearer) if tokens.looks_like_token(bearer) else _holder(bearer)


def _holder(key: str) -> Caller:
    found = admin_keys.find(key)
    now = clock.now_ms()
    ends = [end for end in (found.revoked_at, found.expires_at) if end is not None] if found else []
    if found is None or any(end <= now for end in ends):
        raise Unauthorized(_WORDS)
    return caller_with(f"key:{found.id}", found.name, found.role, found.grants)


def admit(caller: Caller) -> None:
    """Counts the request. Raises RateLimited for one too many in this minute; the first of a minute marks the key as used."""
    now = clock.now_ms()
    hits = rates.hit(caller.id, now // _MINUTE_MS)
    kind, _, name = caller.id.partition(":")
    if hits == 1 and kind == "key" and name != FIRST:
        admin_keys.mark_used(name, at=now)
    if hits > settings().admin_rate_per_minute:
        seconds = 60 - now % _MINUTE_MS // 1000
        limit = settings().admin_rate_per_minute
        raise RateLimited(f"at most {limit} requests a minute are answered; go on in {seconds} s", seconds)


def _same(given: str, known: str) -> bool:
    """Takes the same time for every text."""
    return hmac.compare_digest(*(hashlib.sha256(text.encode(errors="replace")).digest() for text in (given, known)))


def _basic_user(value: str) -> str:
    try:
        return base64.b64decode(value.strip(), validate=True).decode().partition(":")[0]
    except ValueError:
        return ""
