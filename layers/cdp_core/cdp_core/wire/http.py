"""An API Gateway request (payload 2.0) as the wires read it: bytes inflated within bounds, credentials found."""

import base64
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from cdp_core.errors import InvalidInput, TooLarge, UnsupportedEncoding

MAX_BODY = 5 * 1024 * 1024
MAX_PARAMETERS = 300
_GZIP = 16 + zlib.MAX_WBITS


class Request(NamedTuple):
    """What a client sent: decoded path, lower-case headers, query parameters (the last of a name wins), decoded body."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    query: Mapping[str, str] = {}

    @property
    def origin(self) -> str | None:
        """The origin of the page whose browser sends this; None for whatever is no browser."""
        return self.headers.get("origin")

    @property
    def address(self) -> tuple[str, str]:
        """Protocol and host under which the client found us."""
        return self.headers.get("x-forwarded-proto", "https"), self.headers.get("host", "")

    @property
    def last_segment(self) -> str:
        """The last part of the path, which names the call or the thing that is meant."""
        return self.path.rstrip("/").rsplit("/", 1)[-1]

    @property
    def wants_results(self) -> bool:
        """Whether the client asked for one result an event."""
        return self.headers.get("x-strict-mode") == "1"


def read_request(event: Mapping[str, Any]) -> Request:
    """The request of an API Gateway event.

    Raises TooLarge above MAX_BODY decoded bytes, UnsupportedEncoding, InvalidInput for broken base64 or gzip.
    """
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    body = _bytes(event.get("body") or "", is_base64=bool(event.get("isBase64Encoded")))
    return Request(
        method=event["requestContext"]["http"]["method"],
        path=event["rawPath"],
        headers=headers,
        body=_inflate(body, headers.get("content-encoding", "").strip().lower()),
        query=_query(event.get("rawQueryString") or ""),
    )


def _query(text: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_PARAMETERS)) if text else {}
    except ValueError as error:
        raise InvalidInput(f"the address has more than {MAX_PARAMETERS} parameters") from error


def _bytes(body: str, *, is_base64: bool) -> bytes:
    if not is_base64:
        return body.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(body)
    except ValueError as error:
        raise InvalidInput("the body is not valid base64") from error


def _inflate(body: bytes, encoding: str) -> bytes:
    if encoding not in ("", "identity", "gzip", "x-gzip"):
        raise UnsupportedEncoding(f"Content-Encoding {encoding[:40]!r} is not supported; use gzip or none")
    # Some SDKs send gzip and call it a form: gzip says so itself, and JSON never begins like it.
    inflated = _gunzip(body) if body[:2] == b"\x1f\x8b" else body
    if len(inflated) > MAX_BODY:
        raise TooLarge(f"the body is larger than {MAX_BODY} bytes after decoding")
    return inflated


def _gunzip(body: bytes) -> bytes:
    """At most one byte more than MAX_BODY, whatever the ratio."""
    stream = zlib.decompressobj(_GZIP)
    try:
        inflated = stream.decompress(body, MAX_BODY + 1)
    except zlib.error as error:
        raise InvalidInput("the body is not valid gzip", code="invalid_gzip") from error
    if len(inflated) <= MAX_BODY and not stream.eof:
        raise InvalidInput("the gzip body is cut short", code="invalid_gzip")
    if stream.unused_data:  # a second member: events in it would be lost in silence
        raise InvalidInput("the gzip body goes on behind its end; send one gzip member", code="invalid_gzip")
    return inflated
