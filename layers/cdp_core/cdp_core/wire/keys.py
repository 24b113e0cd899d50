"""Where clients put their write key: each wire its own way (W-10 to W-13)."""

import base64
from collections.abc import Mapping
from typing import Any

from cdp_core.errors import Unauthorized
from cdp_core.wire.http import Request


def key_of(request: Request, body: Mapping[str, Any]) -> str:
    """The write key of a tracking request, empty if there is none. Raises Unauthorized if two contradict each other.

    `Authorization: Basic` wins, then `X-Write-Key` (whose senders mask the key in the body), then the address, then the body.
    """
    given = _basic(request.headers)
    if given is None and "x-write-key" in request.headers:
        return request.headers["x-write-key"].strip().partition(":")[0]
    outside = request.query.get("writeKey") if given is None else given
    inside = body.get("writeKey")
    if outside and isinstance(inside, str) and inside and inside != outside:
        raise Unauthorized("the write key in the body is not the one in the header or in the address")
    return outside if outside is not None else inside if isinstance(inside, str) else ""


def bearer_key(request: Request) -> str:
    """The write key of a headless channel's request: `Authorization: Bearer`, or as tracking requests have it."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else key_of(request, {})


def _basic(headers: Mapping[str, str]) -> str | None:
    """The key of `Authorization: Basic base64("<key>:")`, with or without the colon; None without the header."""
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(value.strip(), validate=True).decode().partition(":")[0]
    except ValueError:
        return ""
