"""The unit of delivery: what one tracking request said, as it travels through the queue."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from cdp_core.domain.identity import ANONYMOUS_ID, USER_ID, Identifier, is_blocked
from cdp_core.domain.times import parse_time

VERSION, VERSION_WITH_SAID = (
    1,
    2,
)  # a flush that does not know what was said must not take the envelope for an empty one
KEY_BYTES = 12
MAX_EVENT_BYTES = 65_536
MAX_EVENTS = 2_500
MAX_MESSAGE_ID = 200
MAX_RECORD_ID = 800  # bytes of an account's, member's or customer's id: in sort keys of 1 024, beside a name of 200
MAX_TIMESTAMP = 64  # characters; a longer one says no time, and is cut
MAX_DEPTH = 32
MAX_DIGITS = 4_300  # of a whole number that is an int: Python reads and writes no longer ones
LOST_NUMBER = "NaN or Infinity became null"


def usable(user_id: str | None, anonymous_id: str | None) -> list[Identifier]:
    """The identifiers among these that can name somebody, strongest first."""
    named = ((USER_ID, user_id), (ANONYMOUS_ID, anonymous_id))
    return [Identifier(kind, value) for kind, value in named if value and not is_blocked(value)]


class Event(NamedTuple):
    """One thing that happened, validated by track.

    `time` is the client's claim in milliseconds (times.NO_TIME if unusable), `timestamp` the same as it was sent;
    `body` holds what is left: event, name, category, properties, traits, context, group_id, previous_id; and what track made of
    it: contact, member, customer. `user_hash` proves the user id to track and goes no further.
    """

    type: str
    message_id: str
    user_id: str | None = None
    anonymous_id: str | None = None
    time: int = 0
    timestamp: str | None = None
    authority: bool = False
    user_hash: str | None = None
    body: Mapping[str, Any] = {}

    def identifiers(self) -> list[Identifier]:
        """The identifiers that can name somebody, strongest first."""
        return usable(self.user_id, self.anonymous_id)


class Refusal(NamedTuple):
    """An event that track refused: why, in which words, whose, and the original as JSON text (cut at MAX_EVENT_BYTES)."""

    reason: str
    message: str
    original: str
    message_id: str = ""
    user_id: str | None = None
    anonymous_id: str | None = None
    authority: bool = False

    def identifiers(self) -> list[Identifier]:
        """The identifiers that can name somebody, strongest first; none if they were what is wrong."""
        return usable(self.user_id, self.anonymous_id)


class Envelope(NamedTuple):
    """What one request, or one part of a split request, said.

    `key` is 12 bytes: 6 of server milliseconds and 6 random; given once and never changed. `received_at` is in ms.
    """

    key: bytes
    received_at: int
    channel: str
    write_key: str
    legal_basis: str
    events: tuple[Event, ...] = ()
    refused: tuple[Refusal, ...] = ()


def envelope_key(received_at: int, randomness: bytes) -> bytes:
    """A new envelope's key; keys sort by the time they were made."""
    return received_at.to_bytes(6, "big") + randomness[: KEY_BYTES - 6]


def said(event: Event) -> dict[str, Any]:
    """The event as a client would send it, so that it can be read again."""
    ids = {"messageId": event.message_id, "userId": event.user_id, "anonymousId": event.anonymous_id}
    names = {"group_id": "groupId", "previous_id": "previousId"}
    body = {
        names.get(name, name): part
        for name, part in event.body.items()
        if name not in ("contact", "member", "customer")
    }
    plain = {"type": event.type, "timestamp": event.timestamp, **ids, **body}
    return {name: part for name, part in plain.items() if part is not None}


def unsaid(plain: Mapping[str, Any], *, authority: bool) -> Event:
    """The event of a client's own words, where nothing about them is unusual: types without an identity of their own to name,
    identifiers, texts and objects as they may be, and nothing that track has to understand.
    """
    timestamp = plain.get("timestamp") or plain.get("originalTimestamp") or None
    return Event(
        type=plain["type"],
        message_id=plain["messageId"],
        user_id=plain.get("userId") or None,
        anonymous_id=plain.get("anonymousId") or None,
        time=parse_time(timestamp),
        timestamp=timestamp,
        authority=authority,
        body={name: plain[name] for name in _SAID[plain["type"]] if plain.get(name) not in (None, {})},
    )


def finite(plain: Mapping[str, Any]) -> dict[str, Any]:
    """The plain envelope with its infinite numbers as null; an event in a client's own words that lost one says so in its note."""
    cleaned: dict[str, Any] = _finite(plain)
    pairs = zip(cleaned.get("said", ()), plain.get("said", ()), strict=True)
    said = [one | {"note": LOST_NUMBER} if isinstance(one, dict) and one != was else one for one, was in pairs]
    return cleaned | {"said": said}


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_finite(part) for part in value]
    return None if isinstance(value, Decimal) and value.is_infinite() else value


_SHOWN = ("context", "properties", "name", "category", "note")
_SAID = {
    "track": (*_SHOWN, "event"),
    "page": _SHOWN,
    "screen": _SHOWN,
    "identify": ("context", "traits", "name", "category", "note"),
}


def part_key(key: bytes, part: int) -> bytes:
    """The key of one part of an envelope that goes its own way: always the same for this part, and no other envelope's.

    An envelope may have been counted without this part, so the part may not share its key (protocol section 4).
    """
    return key[:6] + hashlib.sha256(key + part.to_bytes(4, "big")).digest()[: KEY_BYTES - 6]


def encode(envelope: Envelope, plain: Sequence[Any] = (), *, authority: bool = False) -> dict[str, Any]:
    """The envelope as plain values, ready for JSON.

    `plain` are further events, as they were said by a client with or without authority: `unsaid` says what may be among them.
    """
    values = {
        "v": VERSION,
        "key": envelope.key.hex(),
        "received_at": envelope.received_at,
        "channel": envelope.channel,
        "write_key": envelope.write_key,
        "legal_basis": envelope.legal_basis,
        "events": [_plain(event) for event in envelope.events],
        "refused": [_plain(refusal) for refusal in envelope.refused],
    }
    return values | ({"v": VERSION_WITH_SAID, "said": plain, "authority": authority} if plain else {})


def decode(plain: dict[str, Any]) -> Envelope:
    """The envelope of plain values; an event in it that is none becomes a refusal.

    Raises KeyError, TypeError or ValueError if the values are not an envelope of a version that is known.
    """
    if plain["v"] not in (VERSION, VERSION_WITH_SAID):
        raise ValueError(f"this is version {plain['v']!r} of the envelope; {VERSION} and {VERSION_WITH_SAID} are known")
    authority = bool(plain.get("authority"))
    decoded = [_judged(_sent, one, authority=False) for one in plain["events"]]
    decoded += [_judged(unsaid, one, authority=authority) for one in plain.get("said", ())]
    return Envelope(
        key=_key(plain["key"]),
        received_at=int(plain["received_at"]),
        channel=str(plain["channel"]),
        write_key=str(plain["write_key"]),
        legal_basis=str(plain["legal_basis"]),
        events=tuple(one for one in decoded if isinstance(one, Event)),
        refused=(
            *(Refusal(**refusal) for refusal in plain["refused"]),
            *(o for o in decoded if isinstance(o, Refusal)),
        ),
    )


def _sent(plain: Mapping[str, Any], *, authority: bool) -> Event:
    """An event as `encode` wrote it, which says itself whether it has authority."""
    return Event(**{"authority": authority, **plain})


def _judged(read: Callable[..., Event], plain: Any, *, authority: bool) -> Event | Refusal:
    """The event that was read, or its refusal: one that makes no sense never takes its neighbours with it."""
    try:
        return _checked(read(plain, authority=authority))
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        return Refusal(
            reason="undecodable_event",
            message=f"{type(error).__name__}: {error}",
            original=json.dumps(plain, default=str)[:MAX_EVENT_BYTES],
            user_id=_text_of(plain, "user_id", "userId"),
            anonymous_id=_text_of(plain, "anonymous_id", "anonymousId"),
            authority=authority,
        )


def _checked(event: Event) -> Event:
    texts = (event.type, event.message_id, event.user_id or "", event.anonymous_id or "", event.timestamp or "")
    if not (
        all(isinstance(one, str) for one in texts) and isinstance(event.time, int) and isinstance(event.body, dict)
    ):
        raise TypeError("a field has the wrong type")
    return event


def _text_of(plain: Any, *names: str) -> str | None:
    """The text under one of these names; a dead letter belongs to its person, so that an erasure finds it."""
    found = (plain.get(name) for name in names) if isinstance(plain, dict) else ()
    return next((one for one in found if isinstance(one, str)), None)


def _plain(value: Event | Refusal) -> dict[str, Any]:
    pairs = ((name, getattr(value, name)) for name in value._fields)
    return {name: part for name, part in pairs if part not in (None, {}, "", False)}


def _key(text: str) -> bytes:
    key = bytes.fromhex(text)
    if len(key) != KEY_BYTES:
        raise ValueError(f"an envelope key has {KEY_BYTES} bytes")
    return key
