"""What a channel and the catalogue make of an event when it is received: authority, wanted types, what its fields mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cdp_core.domain.activity import DATA_INPUT, FORM, type_of
from cdp_core.domain.catalogue import CONTACT, CUSTOMER, MEMBER, Catalogue
from cdp_core.domain.channels import REJECT, REQUIRED, WriteKey, proves
from cdp_core.domain.contact import FIELD_OF_TRAIT
from cdp_core.domain.envelope import Event, Refusal
from cdp_core.domain.fields import checked_fields, typed_details
from cdp_core.domain.registration import record_of
from cdp_core.errors import Refused

TYPE_DISABLED = "type_disabled"
_KENTICO = {name: known for name, known in FIELD_OF_TRAIT.items() if name.startswith("Contact")}
_MAX_VALUE = 1_000  # characters of a contact field that a form or a headless request fills


@dataclass(frozen=True, slots=True, kw_only=True)
class Withheld:
    """An event that a named rule keeps out: never queued, only counted."""

    rule: str
    message: str
    message_id: str


Outcome = Event | Refusal | Withheld


def admit(event: Event, key: WriteKey, catalogue: Catalogue) -> Event | Withheld:
    """The event with its authority and what its fields mean, or Withheld. Raises Refused if it may not come like this."""
    event = _with_authority(event, key)
    wanted = type_of(event)
    if wanted is not None and catalogue.is_disabled(wanted):
        message = f"activities of type {wanted} are disabled"
        return Withheld(rule=TYPE_DISABLED, message=message, message_id=event.message_id)
    if wanted is not None and key.channel.unknown_types == REJECT and not catalogue.knows(wanted):
        raise Refused(
            f"this channel takes no activities of unknown type, such as {wanted}", code="unknown_activity_type"
        )
    return _understood(event, wanted, catalogue)


def _with_authority(event: Event, key: WriteKey) -> Event:
    """Authority comes with a secret key, or for one user with the hash that the site's server made (design section 5)."""
    proven = False
    if event.user_hash is not None and event.user_id is not None:
        proven = proves(key.channel, event.user_id, event.user_hash)
        if not proven and not key.secret:
            raise Refused("userHash is not this channel's for this userId", code="invalid_user_hash")
    if key.channel.identity_verification == REQUIRED and event.user_id is not None and not (proven or key.secret):
        raise Refused("this channel takes a userId with a secret key or a userHash only", code="identity_unverified")
    authority = key.secret or (proven and _names_nobody_else(event))
    return event._replace(authority=authority, user_hash=None)


def _names_nobody_else(event: Event) -> bool:
    """Whether an event speaks of its own user only: a user's hash proves no other member."""
    properties = _mapping(event.body.get("properties"))
    named = (properties.get(f"{kind}_id") for kind in (MEMBER, CUSTOMER))
    return all(one in (None, "", event.user_id) for one in named)


def _understood(event: Event, wanted: str | None, catalogue: Catalogue) -> Event:
    if event.type == "identify":
        checked_fields(catalogue, CONTACT, _mapping(event.body.get("traits")), where="traits")
    if wanted is None:
        return event
    details = _form_details(event, catalogue) if wanted == FORM else _named_details(event, wanted)
    record = record_of(event, wanted, catalogue)
    body = {**event.body} | ({"contact": details} if details else {}) | ({record[0]: record[1]} if record else {})
    return event._replace(body=body)


def _form_details(event: Event, catalogue: Catalogue) -> dict[str, Any]:
    properties = _mapping(event.body.get("properties"))
    form = catalogue.forms.get(str(properties.get("form", "")))
    return typed_details(form, _mapping(properties.get("fields")), catalogue) if form else {}


def _named_details(event: Event, wanted: str) -> dict[str, Any]:
    """What `contactFields` fill (K-14). Raises Refused for a key that is none of them, and for what is no text."""
    fields = _mapping(_mapping(event.body.get("properties")).get("contactFields")) if wanted == DATA_INPUT else {}
    names = {name.lower(): known for name, known in _KENTICO.items()}
    for name, value in fields.items():
        if name.lower() not in names:
            raise Refused(f"contactFields.{name[:100]} is no contact field", code="unknown_field")
        if not isinstance(value, str) or len(value) > _MAX_VALUE:
            raise Refused(f"contactFields.{name} must be a text of at most {_MAX_VALUE} characters", code="wrong_type")
    return {names[name.lower()]: value.strip() for name, value in fields.items() if value.strip()}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
