"""The short way of plain events: read straight from the bytes, with properties, traits and context left as they came.

Plain is nearly every event of nearly every SDK: an envelope takes it in the client's own words (domain/envelope). Whatever is
unusual in the least, in any event of a request, sends the whole request the long way (wire/segment), which makes the same of
it: tests hold the two together.
"""

import re
from collections.abc import Callable
from functools import cache
from itertools import repeat
from typing import NamedTuple, TypeVar

import msgspec
from msgspec import Raw, Struct

from cdp_core.domain.envelope import MAX_EVENTS, MAX_TIMESTAMP
from cdp_core.domain.identity import is_blocked
from cdp_core.wire.http import Request
from cdp_core.wire.keys import key_of

TYPES = {"track", "page", "screen", "identify"}
CALLS = {name: name for name in (*TYPES, "batch")} | {name[0]: name for name in (*TYPES, "batch")} | {"import": "batch"}
_MAX_PARTS = 4_000  # bytes; what is shorter holds no number too long to read, and is far from an event's limit
_MAX_OPENED = 30  # objects and lists; so many cannot nest deeper than an event may
_MAX_NAMES = 200  # characters of all names of an event together: more than SDKs make, and no more than one may have
_BRACE = ord("{")
_NOTHING = Raw(b"")
_DOUBTFUL = re.compile(rb"\\u(?:00[0-7]|[dD][89a-fA-F])")  # names may hide in the one, half characters in the other


class Said(Struct, rename="camel", omit_defaults=True, gc=False):
    """An event in the words of Segment's wire (W-01 to W-34), its parts as JSON."""

    type: str = ""
    event: str | None = None
    message_id: str | None = None
    user_id: str | None = None
    anonymous_id: str | None = None
    timestamp: str | None = None
    original_timestamp: str | None = None
    name: str | None = None
    category: str | None = None
    properties: Raw = _NOTHING
    traits: Raw = _NOTHING
    context: Raw = _NOTHING


class _Batch(Struct, rename="camel"):
    batch: list[Said]
    write_key: str | None = None
    context: Raw = _NOTHING


class _Key(Struct, rename="camel"):
    write_key: str | None = None


class Submission(NamedTuple):
    """What a request of plain events submits, and its body."""

    write_key: str
    events: list[Said]
    body: bytes

    @property
    def may_tell_consent(self) -> bool:
        """Whether some event may say itself what its person agreed to (`context.consent`)."""
        return b"consent" in self.body


def read(request: Request, new_id: Callable[[], str]) -> Submission | None:
    """The request's events if all of them are plain. Raises Unauthorized if two keys contradict each other."""
    call, body = CALLS.get(request.last_segment), request.body
    if call is None or (b"H" in body and b"userHash" in body):
        return None
    is_simple = b"\\" not in body and b"\x7f" not in body and body.isascii()
    if not is_simple and _DOUBTFUL.search(body):
        return None
    try:
        body.decode()  # what stays as it came is not looked at for its encoding
        events, write_key = _batch(body) if call == "batch" else _single(body, call)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    spare = _MAX_OPENED - body.count(b"[")  # few requests hold many lists
    if not 0 < len(events) <= MAX_EVENTS or not all(map(_is_plain, events, repeat(spare))):
        return None
    if not is_simple and not all(map(_is_printable, events)):
        return None
    for event in events:
        event.message_id = event.message_id or new_id()
    return Submission(key_of(request, {"writeKey": write_key}), events, body)


def _batch(body: bytes) -> tuple[list[Said], str | None]:
    """Raises ValueError for a context that is shared: each event would have to be looked into."""
    said = _decoder(_Batch).decode(body)
    if said.context is not _NOTHING:
        raise ValueError("the context is shared")
    return said.batch, said.write_key


def _single(body: bytes, call: str) -> tuple[list[Said], str | None]:
    said = _decoder(Said).decode(body)
    said.type = call
    return [said], _decoder(_Key).decode(body).write_key


_Kind = TypeVar("_Kind", bound=Struct)


@cache
def _decoder(kind: type[_Kind]) -> "msgspec.json.Decoder[_Kind]":
    return msgspec.json.Decoder(kind)


def _is_plain(said: Said, spare: int) -> bool:
    """Whether nothing about an event needs a closer look. `spare` is how many objects it may hold if all lists were its own.

    Long on purpose: it is most of what an event costs.
    """
    kind, event, user, visitor = said.type, said.event, said.user_id, said.anonymous_id
    parts = said.properties if kind != "identify" else said.traits
    text, length = b"".join((parts, said.context)), len(parts)
    if kind not in TYPES or (event[0] == " " if event else kind == "track"):
        return False
    if not (user or visitor) or (user and is_blocked(user)) or (visitor and is_blocked(visitor)):
        return False
    if text[:1] != b"{" if length else kind == "identify":
        return False
    return (
        (length == len(text) or text[length] == _BRACE)
        and len(text) < _MAX_PARTS
        and ((opened := text.count(b"{")) <= spare or opened + text.count(b"[") <= _MAX_OPENED)
        and len(f"{user}{visitor}{said.message_id}{event}") <= _MAX_NAMES
        and len(said.timestamp or said.original_timestamp or "") < MAX_TIMESTAMP
    )


def _is_printable(said: Said) -> bool:
    """Whether the names hold no control character: where a body is plain ASCII without a backslash, none can."""
    return f"{said.user_id}{said.anonymous_id}{said.message_id}{said.event}".isprintable()
