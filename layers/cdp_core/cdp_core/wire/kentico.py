"""Kentico's headless tracking of activities (K-05, K-10 to K-18): any number a request, each answered by itself.

Property names are matched in any case: the vendor's own pages write them in two.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cdp_core.domain.activity import CUSTOM, code_name
from cdp_core.domain.envelope import MAX_EVENTS, Event, Refusal
from cdp_core.errors import InvalidInput, Refused
from cdp_core.wire import json
from cdp_core.wire.http import Request
from cdp_core.wire.keys import bearer_key
from cdp_core.wire.refusals import refusal
from cdp_core.wire.segment import NewId, judged

_NEEDED = {"click": "value", "datainput": "value", "pagevisit": "url"}
_TEXTS = ("value", "url", "referrer", "title")
_MAX_TEXT = 4_000
_MAX_LABEL = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Activities:
    """What one request says: its key, the channel and the contact that it names, and each activity or why it is none."""

    write_key: str
    channel: str
    contact: str
    outcomes: list[Event | Refusal]


def read(request: Request, new_id: NewId) -> Activities:
    """Reads a request. Raises InvalidInput if it makes no sense as a whole."""
    value, _ = json.read(request.body)
    if not isinstance(value, dict):
        raise InvalidInput("the body must be a JSON object", code="invalid_json")
    body = _lowered(value)
    items = body.get("activities")
    if not isinstance(items, list) or not 0 < len(items) <= MAX_EVENTS:
        raise InvalidInput(f"activities must be a list of 1 to {MAX_EVENTS} activities")
    channel, contact = (_text(body, name) for name in ("channel", "contact"))
    outcomes = [_outcome(item, contact, new_id) for item in items]
    return Activities(write_key=bearer_key(request), channel=channel, contact=contact, outcomes=outcomes)


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidInput(f"{name} is required, as a text")
    return value


def _outcome(item: Any, contact: str, new_id: NewId) -> Event | Refusal:
    if not isinstance(item, dict):
        kept = {"activity": item, "anonymousId": contact}
        return refusal(kept, Refused("an activity must be a JSON object", code="not_an_object"))
    given = _lowered(item)
    named = {"anonymousId": contact, "messageId": given.get("messageid")}
    try:
        return judged(_translated(given) | named, new_id)
    except Refused as refused:  # still the contact's: its consents decide about it, and its erasure reaches it
        return refusal(item | named, refused)


def _translated(given: Mapping[str, Any]) -> dict[str, Any]:
    """An activity in Segment's words. Raises Refused, naming the property."""
    kind = _kind(given.get("type"))
    needed = _NEEDED.get(kind)
    if needed and not given.get(needed):
        raise Refused(f"{needed} is required of {kind}", code="missing_value")
    properties = {name: given[name] for name in _TEXTS if _is_text(given, name, kind)}
    fields = given.get("contactfields")
    if fields is not None and not isinstance(fields, dict):
        raise Refused("contactFields must be a JSON object", code="wrong_type")
    properties |= {"contactFields": fields} if fields else {}
    return {"type": "track", "event": kind, "timestamp": given.get("timestamp"), "properties": properties}


def _kind(given: Any) -> str:
    """The code name of the type. Raises Refused where it is none; other wires would call such an activity `custom`."""
    if not isinstance(given, str) or not given:
        raise Refused("type is required, as a text", code="unknown_type")
    kind = given.lower()
    if code_name(kind) == CUSTOM != kind:
        raise Refused(f"there is no activity type {kind[:100]}", code="unknown_activity_type")
    return kind


def _is_text(given: Mapping[str, Any], name: str, kind: str) -> bool:
    """Whether the property is there. Raises Refused for one that is no text or too long."""
    value = given.get(name)
    limit = _MAX_LABEL if name == "value" and kind in ("click", "datainput") else _MAX_TEXT
    if value is not None and (not isinstance(value, str) or len(value) > limit):
        raise Refused(f"{name} must be a text of at most {limit} characters", code="wrong_type")
    return value is not None


def _lowered(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name.lower(): value for name, value in given.items()}
