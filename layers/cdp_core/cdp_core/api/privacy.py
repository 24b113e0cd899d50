"""What callers without the scope `personal:read` see of people: how many and when, never who or what they said."""

from collections.abc import Mapping
from typing import Any

_OF_PROFILE: dict[str, Any] = {"contact": {}, "member": None, "customer": None, "identities": []}
_OF_OVERVIEW: dict[str, Any] = {**_OF_PROFILE, "forms": {"items": [], "complete": False}, "accounts": [], "notes": []}
_OF_ACTIVITY: dict[str, Any] = {
    "title": "",
    "value": None,
    "url": None,
    "referrer": None,
    "event": None,
    "category": None,
    "note": None,
    "properties": {},
    "context": {},
}


def hidden_profile(shown: Mapping[str, Any]) -> dict[str, Any]:
    """A profile or its overview as the API shows it, without personal data. `hidden` says so; ids are keyed hashes and stay."""
    hidden = {name: empty for name, empty in _OF_OVERVIEW.items() if name in shown}
    return {**shown, **hidden, "display_name": f"Profile {shown['profile_id']}", "hidden": True}


def hidden_activity(shown: Mapping[str, Any]) -> dict[str, Any]:
    """An activity as the API shows it, without what the person said or where they were. Its message id stays."""
    return {**shown, **_OF_ACTIVITY, "hidden": True}


def hidden_receipt(shown: Mapping[str, Any]) -> dict[str, Any]:
    """An event's receipt without what the person said: where it is and why not stays, names of details do not."""
    activity = shown["activity"]
    return {
        **shown,
        "activity": hidden_activity(activity) if activity else None,
        "fields": [],
        "detail": None,
        "hidden": True,
    }
