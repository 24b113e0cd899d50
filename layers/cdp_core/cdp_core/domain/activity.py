"""Activities: which type an event has, what its row holds, what a reader sees of it."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any, NamedTuple

from cdp_core.domain.envelope import Envelope, Event
from cdp_core.domain.times import NO_TIME, is_believable, iso

CUSTOM = "custom"
PAGE_VISIT = "pagevisit"
FORM, DATA_INPUT, REGISTRATION = "bizformsubmit", "datainput", "memberregistration"
PURCHASES = frozenset({"purchase", "order_completed"})
BUILT_IN = {
    PAGE_VISIT: "Page visit",
    "landingpage": "Landing page",
    "screen": "Screen",
    "click": "Click",
    DATA_INPUT: "Data input",
    FORM: "Form submission",
    REGISTRATION: "Member registration",
    "emailclick": "E-mail click",
    CUSTOM: "Custom activity",
}
MAX_CODE_NAME = 100
_BY_DISPLAY_NAME = {name: code for code, name in BUILT_IN.items()} | {"Form Submitted": "bizformsubmit"}
_VERBS = {"Click": "Clicked"}
_NON_WORD = re.compile(r"[\W_]+")
_STORED = ("event", "name", "category", "properties", "context", "note", "title")  # a title is an admin's


class Row(NamedTuple):
    """One activity as it is stored. `time` is the claimed time (ms) and, with `message_id`, the row's key within its leaf.

    `position` is set on a stub: where the timeline shows the copy. `body` is None where only the key was read.
    """

    time: int
    message_id: str
    type: str
    envelope: bytes
    position: int | None = None
    claimed: int | None = None
    body: Mapping[str, Any] | None = None

    @property
    def shown_at(self) -> int:
        """Where the timeline shows the activity (ms)."""
        return self.time if self.position is None else self.position


def code_name(name: str) -> str:
    """The activity type of an event name: a built-in's code or display name as it is, else its slug (design section 4)."""
    if name in BUILT_IN:
        return name
    if name in _BY_DISPLAY_NAME:
        return _BY_DISPLAY_NAME[name]
    slug = _NON_WORD.sub("_", unicodedata.normalize("NFKC", name).casefold()).strip("_")[:MAX_CODE_NAME].strip("_")
    return slug if slug and slug not in BUILT_IN else CUSTOM


def type_of(event: Event) -> str | None:
    """The activity type that an event asks for, or None if such events are not activities."""
    if event.type not in ("page", "screen", "track"):
        return None
    return kind_of(event.type, str(event.body.get("event", "")))


def kind_of(type_: str, name: str) -> str:
    """The activity type of a page, screen or track event; `name` is what a track event is called."""
    return {"page": PAGE_VISIT, "screen": "screen"}.get(type_) or code_name(name)


def row_of(envelope: Envelope, event: Event) -> Row | None:
    """The row that an event asks for, or None if it is not an activity (protocol section 8, rules 3 and 4)."""
    activity_type = type_of(event)
    if activity_type is None:
        return None
    believed = is_believable(event.time, envelope.received_at)
    return Row(
        time=event.time,
        message_id=event.message_id,
        type=activity_type,
        envelope=envelope.key,
        position=None if believed else envelope.received_at,
        body=_body(envelope, event),
    )


def _body(envelope: Envelope, event: Event) -> dict[str, Any]:
    body = {name: event.body[name] for name in _STORED if name in event.body}
    body |= {"channel": envelope.channel, "basis": envelope.legal_basis}
    if event.timestamp is not None and (event.time == NO_TIME or event.timestamp != iso(event.time)):
        body["timestamp"] = event.timestamp
    if envelope.received_at != int.from_bytes(envelope.key[:6], "big"):
        body["received_at"] = envelope.received_at
    return body


def copy_of(stub: Row) -> Row:
    """The timeline copy that the owner of a stub writes: shown but never counted."""
    return Row(
        time=stub.shown_at,
        message_id=stub.message_id,
        type=stub.type,
        envelope=stub.envelope,
        claimed=stub.time,
        body=stub.body,
    )


def describe(row: Row, names: Mapping[str, str] = BUILT_IN) -> dict[str, Any]:
    """The activity that the profiles API shows (design section 8). `names` are the display names of activity types."""
    body = row.body or {}
    properties, context = _mapping(body.get("properties")), _mapping(body.get("context"))
    page = _mapping(context.get("page"))
    received_at = body.get("received_at", int.from_bytes(row.envelope[:6], "big"))
    value = _text(properties.get("value")) or _text(body.get("name"))
    shown_value = value or _text(properties.get("title") or page.get("title"))
    shown: dict[str, Any] = {
        "message_id": row.message_id,
        "type": row.type,
        "title": _text(body.get("title"))
        or _title(names.get(row.type) or _text(body.get("event")) or row.type, shown_value),
        "value": value,
        "url": _text(properties.get("url") or page.get("url")),
        "referrer": _text(properties.get("referrer") or page.get("referrer")),
        "channel": body.get("channel") or None,
        "occurred_at": iso(row.time),
        "received_at": iso(received_at),
        "legal_basis": body.get("basis"),
        "event": body.get("event"),
        "category": body.get("category"),
        "note": body.get("note"),
        "timestamp": body.get("timestamp", iso(row.time)),
        "properties": body.get("properties", {}),
        "context": body.get("context", {}),
    }
    return shown


def _title(name: str, value: str | None) -> str:
    """K-13: the type's display name, with what the activity was about."""
    return f"{_VERBS.get(name, name)} '{value}'" if value else name


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
