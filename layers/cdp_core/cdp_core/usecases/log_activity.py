"""Activities that an admin logs by hand, or a server on somebody's behalf: they go the way of all events."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cdp_core import clock, queue
from cdp_core.domain.envelope import MAX_EVENT_BYTES, Event, encode
from cdp_core.domain.identity import ANONYMOUS_ID, USER_ID, parse_identifier
from cdp_core.domain.times import is_believable, iso
from cdp_core.errors import Contended, InvalidInput, TooLarge, Unavailable
from cdp_core.tables import catalogue
from cdp_core.tables.codec import to_json
from cdp_core.usecases import profiles
from cdp_core.usecases.apply_now import admin_envelope
from cdp_core.usecases.resolve import name


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """An activity to log; `occurred_at` is in ms, now if None."""

    type: str
    title: str | None = None
    value: str | None = None
    occurred_at: int | None = None
    message_id: str | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)


def log(text: str, wanted: Logged) -> dict[str, Any]:
    """Queues an activity of the profile that `text` names: the next flush stores it. The same message id and time count once.

    Raises InvalidInput naming the field, Unavailable if the queue did not take it, and what `profiles.tree_of` raises.
    """
    tree = profiles.tree_of(name(text))
    identifier = parse_identifier(tree.leaves[tree.root].identifier)
    if identifier is None:
        raise Contended("the profile is being made; send the request again")
    now = clock.now_ms()
    _check(wanted, now)
    event = _event(wanted, {identifier.kind: identifier.value}, now)
    body = to_json(encode(admin_envelope(event, received_at=now)))
    if len(to_json(event.body).encode()) > MAX_EVENT_BYTES:
        raise TooLarge(f"properties: an activity may have {MAX_EVENT_BYTES} bytes")
    if not all(queue.send([body])):
        raise Unavailable("the queue did not take the activity; send it again")
    return {"message_id": event.message_id, "type": wanted.type, "occurred_at": iso(event.time), "status": "queued"}


def _check(wanted: Logged, now: int) -> None:
    types = catalogue.load()
    if not types.knows(wanted.type) or types.is_disabled(wanted.type):
        raise InvalidInput(
            f"type: {wanted.type!r} is no activity type that can be logged; GET /activity-types lists them"
        )
    if wanted.message_id is not None and wanted.occurred_at is None:
        raise InvalidInput("occurred_at: a message_id needs one too, for the two together make a repeat count once")
    if wanted.occurred_at is not None and not is_believable(wanted.occurred_at, now):
        raise InvalidInput("occurred_at must not be more than a day ahead")


def _event(wanted: Logged, ids: Mapping[str, str], now: int) -> Event:
    properties = dict(wanted.properties) | ({"value": wanted.value} if wanted.value is not None else {})
    body: dict[str, Any] = {"event": wanted.type, "properties": properties}
    return Event(
        type="track",
        message_id=wanted.message_id or f"admin-{uuid.uuid4()}",
        user_id=ids.get(USER_ID),
        anonymous_id=ids.get(ANONYMOUS_ID),
        time=wanted.occurred_at if wanted.occurred_at is not None else now,
        authority=True,
        body=body | ({"title": wanted.title} if wanted.title is not None else {}),
    )
