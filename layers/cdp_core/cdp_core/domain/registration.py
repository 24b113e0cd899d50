"""Members and customers: what an event registers a person as (design section 5)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cdp_core.domain.activity import PURCHASES, REGISTRATION
from cdp_core.domain.catalogue import CUSTOMER, MEMBER, Catalogue
from cdp_core.domain.envelope import Event
from cdp_core.domain.fields import checked_fields
from cdp_core.domain.identity import MAX_IDENTIFIER, is_blocked
from cdp_core.errors import Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A member's registration, as the on-registered handler gets it. `received_at` is in ms, `fields` are the custom ones."""

    member_id: str
    name: str | None
    email: str | None
    received_at: int
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """What a registration makes of the person; `display_name` of None leaves the name that a profile has without it."""

    verified: bool = True
    display_name: str | None = None


Handler = Callable[[Registration], Registered]


def on_registered(registration: Registration) -> Registered:
    """The default: the person is verified and shown by the member's e-mail address."""
    return Registered(display_name=registration.email)


def record_of(event: Event, activity_type: str, catalogue: Catalogue) -> tuple[str, dict[str, Any]] | None:
    """What an event with authority registers its person as: `member` or `customer`, and the values of its fields.

    None for every other event. Raises Refused, naming the field.
    """
    kind = MEMBER if activity_type == REGISTRATION else CUSTOMER if activity_type in PURCHASES else None
    if kind is None or not event.authority:
        return None
    properties = event.body.get("properties") or {}
    number = _id(properties.get(f"{kind}_id"), event.user_id, kind)
    if number is None:
        return None
    fields = checked_fields(catalogue, kind, properties, where="properties")
    if kind == MEMBER:
        fields |= {name: _text(properties.get(name), name) for name in ("name", "email") if properties.get(name)}
        _demand_required(catalogue, fields)
    return kind, {f"{kind}_id": number, **fields}


def _id(given: Any, user_id: str | None, kind: str) -> str | None:
    """The member's or customer's id: the event's, else the user's."""
    if given is None or given == "":
        return user_id
    text = str(given) if isinstance(given, str | int) and not isinstance(given, bool) else ""
    if not text or len(text) > MAX_IDENTIFIER or is_blocked(text):
        raise Refused(f"properties.{kind}_id must be a text of 1 to {MAX_IDENTIFIER} characters", code="invalid_id")
    return text


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str) or len(value) > MAX_IDENTIFIER * 2:
        raise Refused(f"properties.{name} must be a text of at most {MAX_IDENTIFIER * 2} characters", code="wrong_type")
    return value


def _demand_required(catalogue: Catalogue, given: Mapping[str, Any]) -> None:
    for (entity, name), definition in catalogue.fields.items():
        if entity == MEMBER and definition.required and given.get(name) is None:
            raise Refused(f"properties.{name} is required of a member", code="missing_field")
