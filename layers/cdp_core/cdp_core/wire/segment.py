"""Segment's HTTP tracking API (W-01 to W-34) and the wires like it: the six calls and the batch, each event judged alone."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from cdp_core.domain.envelope import (
    LOST_NUMBER,
    MAX_DEPTH,
    MAX_EVENT_BYTES,
    MAX_EVENTS,
    MAX_MESSAGE_ID,
    MAX_RECORD_ID,
    MAX_TIMESTAMP,
    Event,
    Refusal,
)
from cdp_core.domain.identity import MAX_IDENTIFIER
from cdp_core.domain.times import parse_time
from cdp_core.errors import InvalidInput, Refused, TooLarge
from cdp_core.wire import json
from cdp_core.wire.http import MAX_BODY, Request
from cdp_core.wire.keys import key_of
from cdp_core.wire.refusals import CONTROL, USER_HASH, refusal

TYPES = {"identify", "track", "page", "screen", "group", "alias"}
CALLS = {name: name for name in (*TYPES, "batch")} | {name[0]: name for name in (*TYPES, "batch")} | {"import": "batch"}
MAX_GROUP_ID = 500

# What is read of an event: all of a client's other members are left out, whatever they hold.
_READ = (
    "messageId",
    "userId",
    "anonymousId",
    "timestamp",
    "originalTimestamp",
    USER_HASH,
    "context",
    "name",
    "category",
)
_READ_OF = {
    "identify": ("traits",),
    "track": ("properties", "event"),
    "page": ("properties",),
    "screen": ("properties",),
    "group": ("traits", "groupId"),
    "alias": ("properties", "previousId"),
}

NewId = Callable[[], str]
Outcome = Event | Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What one request submits: the write key it names, and per event what it says or why it cannot be kept."""

    write_key: str
    outcomes: list[Outcome]


def read(request: Request, new_id: NewId) -> Submission:
    """Reads a tracking call. `new_id` makes message ids for events that bring none.

    Raises InvalidInput if the request as a whole makes no sense, Unauthorized if two keys contradict each other.
    """
    body, patient = json.read(request.body)
    if not isinstance(body, dict):
        raise InvalidInput("the body must be a JSON object", code="invalid_json")
    call = CALLS.get(request.last_segment)
    if call is None:
        raise InvalidInput(f"the call must be one of {', '.join(sorted(TYPES))} or batch", code="unknown_type")
    events, shared = ([body], _NOTHING_SHARED) if call != "batch" else _batch(body)
    implied = None if call == "batch" else call
    reader = _Reader(implied, shared, patient, new_id)
    return Submission(write_key=key_of(request, body), outcomes=[reader.read(event) for event in events])


def judged(raw: dict[str, Any], new_id: NewId) -> Outcome:
    """An event that another wire has put into Segment's words, or why it cannot be kept."""
    return _Reader(None, _NOTHING_SHARED, True, new_id).read(raw)


def reread(original: str, message_id: str) -> Outcome:
    """An event that was refused before, from its refusal's text; `message_id` is for one that brings none."""
    try:
        raw, patient = json.read(original.encode())
    except InvalidInput as error:
        return refusal(original, Refused(str(error), code=error.code))
    return _Reader(None, _NOTHING_SHARED, patient, lambda: message_id).read(raw)


def _batch(body: dict[str, Any]) -> tuple[list[Any], "_Shared"]:
    events = body.get("batch")
    if not isinstance(events, list) or not events:
        raise InvalidInput("batch must be a list of at least one event", code="empty_batch")
    if len(events) > MAX_EVENTS:
        raise InvalidInput(
            f"batch holds {len(events)} events; at most {MAX_EVENTS} are allowed", code="too_many_events"
        )
    context = body.get("context")
    return events, _shared(context, len(events)) if isinstance(context, dict) else _NOTHING_SHARED


@dataclass(frozen=True, slots=True)
class _Shared:
    """The context that a batch gives to each of its events, and whether a number in it was lost."""

    context: Mapping[str, Any]
    lost: bool = False


_NOTHING_SHARED = _Shared({})


def _shared(given: dict[str, Any], events: int) -> _Shared:
    """Raises InvalidInput if no event may hold this context, TooLarge if it grows beyond MAX_BODY in all of them."""
    if json.depth(given) >= MAX_DEPTH:
        raise InvalidInput(f"context nests deeper than {MAX_DEPTH - 1} levels", code="too_deep")
    context, lost = json.clean(given)
    size = len(msgspec.json.encode(context)) * events
    if size > MAX_BODY:
        raise TooLarge(
            f"context is repeated in {events} events, which makes {size} bytes; at most {MAX_BODY} are allowed"
        )
    return _Shared(context, lost)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the events of one request, each on its own."""

    implied_type: str | None
    shared: _Shared
    patient: bool
    new_id: NewId

    def read(self, raw: Any) -> Outcome:
        """The event, or its refusal; never raises for what a client sent."""
        try:
            return self._event(raw)
        except Refused as refused:
            return refusal(self._completed(raw), refused)

    def _completed(self, raw: Any) -> Any:
        """The event with what its path and its batch say of it, so that it can be read again on its own."""
        if not isinstance(raw, dict) or not (self.implied_type or self.shared.context):
            return raw
        context = raw.get("context")
        implied = {"type": self.implied_type} if self.implied_type else {}
        shared = {"context": {**self.shared.context, **(context if isinstance(context, dict) else {})}}
        return {**raw, **implied, **(shared if self.shared.context and isinstance(context, dict | None) else {})}

    def _event(self, raw: Any) -> Event:
        if not isinstance(raw, dict):
            raise Refused("an event must be a JSON object", code="not_an_object")
        type_ = self._type(raw)
        raw = {name: raw[name] for name in (*_READ, *_READ_OF[type_]) if name in raw}
        if json.depth(raw) > MAX_DEPTH:
            raise Refused(f"the event nests deeper than {MAX_DEPTH} levels", code="too_deep")
        if json.holds_more_than(MAX_EVENT_BYTES, raw):  # not worth the memory of cleaning
            raise Refused(f"the event has more than {MAX_EVENT_BYTES} bytes", code="event_too_large")
        lost = False
        if self.patient:
            raw, lost = json.clean(raw)
        event = _build(raw, type_, self.shared.context, self.new_id)
        if lost or self.shared.lost:
            event = event._replace(body={**event.body, "note": LOST_NUMBER})
        return _checked(event)

    def _type(self, raw: dict[str, Any]) -> str:
        given = self.implied_type or raw.get("type")
        if not isinstance(given, str) or given not in TYPES:
            raise Refused(f"type must be one of {', '.join(sorted(TYPES))}", code="unknown_type")
        return given


def _build(raw: dict[str, Any], type_: str, context: Mapping[str, Any], new_id: NewId) -> Event:
    given = raw.get("timestamp") or raw.get("originalTimestamp")
    timestamp = given if isinstance(given, str) else None
    return Event(
        type=type_,
        message_id=_identifier(raw, "messageId", MAX_MESSAGE_ID, code="invalid_message_id") or new_id(),
        user_id=_identifier(raw, "userId", MAX_IDENTIFIER),
        anonymous_id=_identifier(raw, "anonymousId", MAX_IDENTIFIER),
        time=parse_time(timestamp),
        timestamp=timestamp[:MAX_TIMESTAMP] if timestamp else None,
        user_hash=_user_hash(raw),
        body=_body(raw, type_, context),
    )


def _user_hash(raw: dict[str, Any]) -> str | None:
    """What proves the user id: beside it, or in the context, where SDKs let one put things."""
    context = raw.get("context")
    inside = context.get(USER_HASH) if isinstance(context, dict) else None
    return _identifier({USER_HASH: raw.get(USER_HASH) or inside}, USER_HASH, MAX_IDENTIFIER, code="invalid_user_hash")


def _body(raw: dict[str, Any], type_: str, context: Mapping[str, Any]) -> dict[str, Any]:
    merged = {name: part for name, part in {**context, **_mapping(raw, "context")}.items() if name != USER_HASH}
    body: dict[str, Any] = {"context": merged} if merged else {}
    if type_ in ("identify", "group"):
        body["traits"] = _mapping(raw, "traits") or (_mapping(merged, "traits") if type_ == "identify" else {})
    else:
        body["properties"] = _mapping(raw, "properties")
    body |= {name: raw[name] for name in ("name", "category") if isinstance(raw.get(name), str)}
    body |= _required(raw, type_)
    return {name: part for name, part in body.items() if part != {}}


def _required(raw: dict[str, Any], type_: str) -> dict[str, Any]:
    """What the type cannot do without (W-02, W-05, W-06)."""
    if type_ == "track":
        if not isinstance(raw.get("event"), str) or not raw["event"].strip():
            raise Refused("event must be a text of at least one character", code="missing_event_name")
        return {"event": raw["event"]}
    if type_ == "group":
        return {"group_id": _group_id(raw)}
    if type_ == "alias":
        _demand(raw, "userId", MAX_IDENTIFIER, code="missing_user_id")
        return {"previous_id": _demand(raw, "previousId", MAX_IDENTIFIER, code="missing_previous_id")}
    return {}


def _group_id(raw: dict[str, Any]) -> str:
    group_id = _demand(raw, "groupId", MAX_GROUP_ID, code="missing_group_id")
    if len(group_id.encode()) > MAX_RECORD_ID:
        raise Refused(f"groupId must have at most {MAX_RECORD_ID} bytes in UTF-8", code="invalid_id")
    return group_id


def _demand(raw: dict[str, Any], name: str, limit: int, *, code: str) -> str:
    value = _identifier(raw, name, limit)
    if value is None:
        raise Refused(f"{name} is required", code=code)
    return value


def _identifier(raw: dict[str, Any], name: str, limit: int, *, code: str = "invalid_id") -> str | None:
    """An identifier as text; a whole number is taken as its digits, null and an empty text as absent."""
    value = raw.get(name)
    if value is None or value == "":
        return None
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not text or len(text) > limit or CONTROL.search(text):
        raise Refused(f"{name} must be a text of 1 to {limit} characters without control characters", code=code)
    return text


def _mapping(raw: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = raw.get(name)
    if value is not None and not isinstance(value, dict):
        raise Refused(f"{name} must be a JSON object", code="not_an_object")
    return value or {}


def _checked(event: Event) -> Event:
    size = len(msgspec.json.encode(event.body))
    if size > MAX_EVENT_BYTES:
        raise Refused(f"the event has {size} bytes; at most {MAX_EVENT_BYTES} are allowed", code="event_too_large")
    if not event.identifiers():
        blocked = event.user_id or event.anonymous_id
        if blocked:
            raise Refused("userId and anonymousId hold values that identify nobody", code="blocked_identity")
        raise Refused("an event needs a userId or an anonymousId", code="no_identity")
    return event
