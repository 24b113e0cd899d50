"""The short way of plain events: read straight from the bytes, with properties, traits and context left as they came.

Plain is nearly every event of nearly every SDK: an envelope takes it in the client's own words (domain/envelope). Whatever is
unusual in the least, in any event of a request, sends the whole request the long way (wire/segment), which makes the same of
it: tests hold the two together.
"""

import re
from collections.abc import Callable
from functools import cache
from typing import Annotated, Literal, NamedTuple, TypeVar

import msgspec
from msgspec import Meta, Raw, Struct

from cdp_core.domain.envelope import MAX_EVENTS, MAX_TIMESTAMP
from cdp_core.domain.identity import MAX_IDENTIFIER
from cdp_core.wire.http import Request
from cdp_core.wire.keys import key_of

Type = Literal["", "track", "page", "screen", "identify"]
TYPES: tuple[Type, ...] = ("track", "page", "screen", "identify")
CALLS = {name: name for name in TYPES} | {name[0]: name for name in TYPES}
BATCHES = ("batch", "b", "import")
_MAX_TITLE = 1_000  # characters, so that names and parts together are far from an event's limit
_MAX_PARTS = 4_000  # bytes; what is shorter holds no number too long to read
_MAX_OBJECTS, _MAX_LISTS = 24, 6  # so many cannot nest deeper than an event may
_BRACE = ord("{")
_NOTHING = Raw(b"")
_DOUBTFUL = re.compile(rb"\\u(?:00[0-7]|[dD][89a-fA-F])")  # names may hide in the one, half characters in the other
Name = Annotated[str, Meta(max_length=MAX_IDENTIFIER)]
Title = Annotated[str, Meta(max_length=_MAX_TITLE)]
Time = Annotated[str, Meta(max_length=MAX_TIMESTAMP - 1)]


class Said(Struct, rename="camel", omit_defaults=True, gc=False):
    """An event in the words of Segment's wire (W-01 to W-34), its parts as JSON. Other members say nothing and are left out."""

    type: Type = ""
    event: Name | None = None
    message_id: Name | None = None
    user_id: Name | None = None
    anonymous_id: Name | None = None
    timestamp: Time | None = None
    original_timestamp: Time | None = None
    name: Title | None = None
    category: Title | None = None
    properties: Raw = _NOTHING
    traits: Raw = _NOTHING
    context: Raw = _NOTHING


class _Call(Said):
    """An event that is a request of its own."""

    write_key: str | None = None


class _Batch(Struct, rename="camel"):
    batch: list[Said]
    write_key: str | None = None
    context: Raw = _NOTHING


class Submission(NamedTuple):
    """What a request of plain events submits, and its body."""

    write_key: str
    events: list[Said]
    body: bytes

    @property
    def may_tell_consent(self) -> bool:
        """Whether some event may say itself what its person agreed to (`context.consent.categoryPreferences`)."""
        return b"categoryPreferences" in self.body


def read(request: Request, new_id: Callable[[], str]) -> Submission | None:
    """The request's events if all of them are plain. Raises Unauthorized if two keys contradict each other."""
    call, body = request.last_segment, request.body
    if (call not in CALLS and call not in BATCHES) or (b"H" in body and b"userHash" in body):
        return None
    is_simple = b"\\" not in body and b"\x7f" not in body and body.isascii()
    if not is_simple and _DOUBTFUL.search(body):
        return None
    try:
        events, write_key = _batch(body) if call in BATCHES else _single(body, CALLS[call])
        if not is_simple:
            body.decode()  # what stays as it came is not looked at for its encoding
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    if not 0 < len(events) <= MAX_EVENTS or not _are_plain(events, may_hold_lists=_is_twice(b"[", body)):
        return None
    if not is_simple and not all(map(_is_printable, events)):
        return None
    for event in events:
        if not event.message_id:
            event.message_id = new_id()
    return Submission(key_of(request, {"writeKey": write_key}), events, body)


def _batch(body: bytes) -> tuple[list[Said], str | None]:
    """Raises ValueError for a context that is shared: each event would have to be looked into."""
    said = _decoder(_Batch).decode(body)
    if said.context is not _NOTHING:
        raise ValueError("the context is shared")
    return said.batch, said.write_key


def _single(body: bytes, kind: Type) -> tuple[list[Said], str | None]:
    """The path says the type, whatever the event says itself; the key goes no further."""
    said = _decoder(_Call).decode(body)
    write_key, said.write_key, said.type = said.write_key, None, kind
    return [said], write_key


_Kind = TypeVar("_Kind", bound=Struct)


@cache
def _decoder(kind: type[_Kind]) -> "msgspec.json.Decoder[_Kind]":
    return msgspec.json.Decoder(kind)


def _is_twice(byte: bytes, body: bytes) -> bool:
    return body.find(byte, body.find(byte) + 1) > 0


def _are_plain(events: list[Said], *, may_hold_lists: bool) -> bool:
    """Whether the parts of all events are objects, neither long nor deep; leaves out those that mean nothing.

    An identify without a trait of its own may have them in its context: that needs a closer look. One loop without calls of
    ours, because it is most of what an event costs.
    """
    for said in events:
        if said.type == "identify":
            parts = said.traits
            said.properties = _NOTHING
        else:
            parts = said.properties
            said.traits = _NOTHING
        text, length = b"".join((parts, said.context)), len(parts)
        if (
            (text[0] != _BRACE if length else said.type == "identify")
            or (said.type == "identify" and b":" not in text[:length])
            or (length < len(text) and text[length] != _BRACE)
            or len(text) >= _MAX_PARTS
            or text.count(b"{") > _MAX_OBJECTS
            or (may_hold_lists and text.count(b"[") > _MAX_LISTS)
        ):
            return False
    return True


def _is_printable(said: Said) -> bool:
    """Whether the names hold no control character: where a body is plain ASCII without a backslash, none can."""
    return f"{said.user_id}{said.anonymous_id}{said.message_id}{said.event}".isprintable()
