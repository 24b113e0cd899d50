"""What is kept of an event that cannot be taken: its own words, without the proof that it came with."""

import re
from typing import Any

from cdp_core.domain.envelope import MAX_EVENT_BYTES, MAX_MESSAGE_ID, Refusal
from cdp_core.domain.identity import MAX_IDENTIFIER
from cdp_core.errors import Refused
from cdp_core.wire import json

USER_HASH = "userHash"
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ufffe\uffff]")
_MAX_ORIGINAL = MAX_EVENT_BYTES


def refusal(raw: Any, refused: Refused) -> Refusal:
    """The refusal of what a client sent, with whatever can be kept of it."""
    ids = raw if isinstance(raw, dict) else {}
    return Refusal(
        reason=refused.code,
        message=str(refused),
        original=_original(raw),
        message_id=_short(ids.get("messageId"), MAX_MESSAGE_ID) or "",
        user_id=_short(ids.get("userId"), MAX_IDENTIFIER),
        anonymous_id=_short(ids.get("anonymousId"), MAX_IDENTIFIER),
    )


def _short(value: Any, limit: int) -> str | None:
    """What of a refused event's identifier can be kept; it was perhaps never cleaned."""
    text = json.clean(str(value))[0] if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return text if text and len(text) <= limit and not CONTROL.search(text) else None


def _original(raw: Any) -> str:
    """The refused event as JSON text, cut at _MAX_ORIGINAL bytes; empty if it nests too deep to be written."""
    try:
        return json.written(_without_proof(raw))[:_MAX_ORIGINAL].decode("utf-8", "ignore")
    except RecursionError:
        return ""


def _without_proof(raw: Any) -> Any:
    """A refused event is kept where people read it: whoever read the hash in it could sign for the user."""
    if not isinstance(raw, dict):
        return raw
    context = raw.get("context")
    inside = {"context": _unsigned(context)} if isinstance(context, dict) else {}
    return _unsigned(raw) | inside


def _unsigned(given: dict[str, Any]) -> dict[str, Any]:
    return {name: part for name, part in given.items() if name != USER_HASH}
