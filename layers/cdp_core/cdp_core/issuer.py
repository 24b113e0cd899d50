"""Gateway of the OpenID provider whose tokens the profiles API takes: its public keys, fetched and remembered."""

import json
import urllib.request
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from jwt import PyJWK, PyJWKError, PyJWKSet, PyJWKSetError

from cdp_core import clock
from cdp_core.errors import Unavailable

LIVES_SECONDS = 3_600
RETRY_SECONDS = 60  # an unknown key id makes us look again, but no more often: anybody can make one up
_MAX_BYTES = 512 * 1024
_TIMEOUT_SECONDS = 3


def key_of(issuer: str, key_id: str) -> PyJWK | None:
    """The issuer's public key of an id, or None if it has none. Raises Unavailable if the issuer cannot be asked."""
    at, known = _remembered().get(issuer, (0, {}))
    if not clock.is_recent(at, seconds=LIVES_SECONDS if key_id in known else RETRY_SECONDS):
        known = _fetch_keys(issuer)
        _remembered()[issuer] = (clock.now_ms(), known)
    return known.get(key_id)


@cache
def _remembered() -> dict[str, tuple[int, dict[str, PyJWK]]]:
    return {}


def _fetch_keys(issuer: str) -> dict[str, PyJWK]:
    discovered = _fetch(issuer.rstrip("/") + "/.well-known/openid-configuration")
    if discovered.get("issuer", "").rstrip("/") != issuer.rstrip("/"):
        raise Unavailable("the token issuer's configuration names another issuer")
    try:
        keys = PyJWKSet.from_dict(_fetch(str(discovered.get("jwks_uri", "")))).keys
    except (PyJWKError, PyJWKSetError) as error:
        raise Unavailable("the token issuer's keys could not be read") from error
    return {key.key_id: key for key in keys if key.key_id}


def _fetch(url: str) -> dict[str, Any]:
    """A JSON object from an address of the issuer; over TLS, or from this very machine. Raises Unavailable."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost")):
        raise Unavailable("the token issuer must be asked over https")
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310
            found = json.loads(answer.read(_MAX_BYTES))
    except (OSError, ValueError) as error:
        raise Unavailable("the token issuer gave no answer") from error
    if not isinstance(found, dict):
        raise Unavailable("the token issuer's answer is no object")
    return found
