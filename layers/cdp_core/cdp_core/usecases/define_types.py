"""Activity types as admins define them: new ones, and what becomes of those that were discovered."""

from collections.abc import Mapping
from typing import Any

from cdp_core.domain.activity import BUILT_IN, code_name
from cdp_core.domain.catalogue import MAX_TYPES, ActivityType
from cdp_core.domain.times import iso
from cdp_core.errors import InvalidInput, NotFound
from cdp_core.tables import catalogue


def all_types() -> list[dict[str, Any]]:
    """Built-in types first, then all others by code name."""
    known = catalogue.load().types
    others = [known[code] for code in sorted(known.keys() - BUILT_IN.keys())]
    return [_view(known.get(code) or _built_in(code)) for code in BUILT_IN] + [_view(one) for one in others]


def define(given: Mapping[str, Any]) -> dict[str, Any]:
    """A new type. Raises InvalidInput if its code name is taken or could never be an event's, or if there are too many."""
    new, known = ActivityType(**given), catalogue.load().types
    if new.code_name in known or new.code_name in BUILT_IN:
        raise InvalidInput(f"there is an activity type {new.code_name!r} already", code="already_exists")
    if code_name(new.code_name) != new.code_name:
        raise InvalidInput(f"code_name: no event has it; {code_name(new.code_name)!r} is what events of this name have")
    if sum(one.confirmed for one in known.values()) >= MAX_TYPES:
        raise InvalidInput(f"there are {MAX_TYPES} activity types already, which is the limit", code="too_many")
    catalogue.save_type(new)
    return _view(new)


def change(code: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """A type confirmed, renamed, described, enabled or disabled; of a built-in one only the last. Raises NotFound, InvalidInput."""
    found = catalogue.load().types.get(code) or (_built_in(code) if code in BUILT_IN else None)
    if found is None:
        raise NotFound("there is no such activity type")
    if code in BUILT_IN and changes.keys() - {"enabled"}:
        raise InvalidInput("a built-in activity type can be enabled and disabled, nothing else")
    changed = found._replace(**{"confirmed": True, **changes})
    catalogue.save_type(changed)
    return _view(changed)


def _built_in(code: str) -> ActivityType:
    return ActivityType(code_name=code, name=BUILT_IN[code])


def _view(shown: ActivityType) -> dict[str, Any]:
    return {
        "code_name": shown.code_name,
        "name": shown.name,
        "description": shown.description,
        "enabled": shown.enabled,
        "confirmed": shown.confirmed,
        "built_in": shown.code_name in BUILT_IN,
        "discovered_at": None if shown.discovered_at is None else iso(shown.discovered_at),
    }
