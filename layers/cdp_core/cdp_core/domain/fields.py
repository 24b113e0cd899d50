"""Fields: what their values must be, what people typed into them, and which contact field a form's field is for."""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from cdp_core.domain.catalogue import CONTACT, Catalogue, CustomField, Form
from cdp_core.domain.contact import CUSTOM_PREFIX, FIELD_OF_TRAIT, STANDARD
from cdp_core.errors import Refused

DATES = ("date", "datetime")
MAX_TEXT = 4_000
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_NOT_MAPPED = {
    "birthday",
    "notes",
    "other_emails",
}  # dates are not offered for mapping, the others are not typed by people
MAPPABLE = tuple(name for name in STANDARD if name not in _NOT_MAPPED)


def suggested_field(name: str) -> str | None:
    """The contact field that a form's field of this name is for, if it is one that everybody names alike."""
    plain = re.sub(r"[^a-z]", "", name.lower())
    found = _FEATURED.get(plain)
    return found if found in MAPPABLE else None


_FEATURED = {re.sub(r"[^a-z]", "", name.lower()): known for name, known in FIELD_OF_TRAIT.items()} | {
    "emailaddress": "email",
    "mail": "email",
    "surname": "last_name",
    "givenname": "first_name",
    "familyname": "last_name",
    "mobile": "mobile_phone",
    "telephone": "mobile_phone",
    "postcode": "zip",
    "zipcode": "zip",
    "fullname": "name",
}


def checked(definition: CustomField, value: Any, *, where: str) -> Any:
    """The value if it is of the field's type, None included (it removes the field). Raises Refused, naming the place `where`."""
    if value is not None and not _FITS[definition.type](value, definition):
        expected = f"one of {', '.join(definition.choices)}" if definition.type == "choice" else _WORDS[definition.type]
        raise Refused(f"{where} must be {expected}", code="wrong_type")
    return value


def checked_fields(catalogue: Catalogue, entity: str, values: Mapping[str, Any], *, where: str) -> dict[str, Any]:
    """Those of the values that are custom fields of an entity, each of its type. Raises Refused, naming the field."""
    return {
        name: checked(catalogue.fields[entity, name], value, where=f"{where}.{name}")
        for name, value in values.items()
        if (entity, name) in catalogue.fields
    }


def typed_details(form: Form, typed: Mapping[str, Any], catalogue: Catalogue) -> dict[str, Any]:
    """The contact fields that a submission of the form fills: mapped, not empty, and of their type.

    Raises Refused, naming the form's field.
    """
    details: dict[str, Any] = {}
    for name, value in typed.items():
        target = form.fields.get(name)
        given = value.strip() if isinstance(value, str) else value
        if target and given not in (None, ""):
            custom = catalogue.fields.get((CONTACT, target.removeprefix(CUSTOM_PREFIX)))
            is_custom = target.startswith(CUSTOM_PREFIX) and custom is not None
            details[target] = converted(custom if is_custom else None, given, where=f"fields.{name[:100]}")
    return details


def converted(definition: CustomField | None, given: Any, *, where: str) -> Any:
    """What a person typed as the field's type; without a definition it is a text. Raises Refused where it is none."""
    if definition is None:
        if not isinstance(given, str):
            raise Refused(f"{where} must be a text", code="wrong_type")
        return given
    if not isinstance(given, str):
        return checked(definition, given, where=where)
    if definition.type == "boolean":
        return checked(definition, _BOOLEANS.get(given.lower(), given), where=where)
    if definition.type == "number" and _NUMBER.fullmatch(given):
        return Decimal(given) if "." in given else int(given)
    return checked(definition, given, where=where)


_NUMBER = re.compile(r"-?\d{1,30}(\.\d{1,30})?")
_BOOLEANS = {"true": True, "on": True, "yes": True, "1": True, "false": False, "off": False, "no": False, "0": False}
_WORDS = {
    "text": f"a text of at most {MAX_TEXT} characters",
    "number": "a number",
    "boolean": "true or false",
    "date": "a date such as 2026-01-31",
    "datetime": "an ISO 8601 time such as 2026-01-31T12:00:00Z",
}


def _is_date(value: Any) -> bool:
    return isinstance(value, str) and _DAY.fullmatch(value) is not None and _is_time(value)


def _is_time(value: Any) -> bool:
    try:
        return isinstance(value, str) and len(value) <= 40 and bool(datetime.fromisoformat(value))
    except ValueError:
        return False


_FITS: Mapping[str, Any] = {
    "text": lambda value, _: isinstance(value, str) and len(value) <= MAX_TEXT,
    "number": lambda value, _: isinstance(value, int | float | Decimal) and not isinstance(value, bool),
    "boolean": lambda value, _: isinstance(value, bool),
    "date": lambda value, _: _is_date(value),
    "datetime": lambda value, _: _is_time(value),
    "choice": lambda value, definition: isinstance(value, str) and value in definition.choices,
}
