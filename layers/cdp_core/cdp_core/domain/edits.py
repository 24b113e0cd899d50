"""What an admin says of a profile: fields, locks, status, owner. Registers like everybody's, so order never matters."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cdp_core.domain import contact
from cdp_core.domain.catalogue import CONTACT, Catalogue
from cdp_core.domain.contact import (
    CUSTOM_PREFIX,
    LOCK,
    MARKETING,
    MAX_EMAIL,
    OWNER,
    STANDARD,
    STATUS,
    Register,
    Registers,
)
from cdp_core.domain.fields import checked
from cdp_core.domain.times import parse_time
from cdp_core.errors import Refused

RECEIVING, OPTED_OUT, UNDELIVERABLE, NO_ADDRESS = "receiving", "opted_out", "undeliverable", "no_address"
MARKETING_STATES = (RECEIVING, OPTED_OUT, UNDELIVERABLE)
EDITABLE = tuple(name for name in STANDARD if name != "other_emails")
MAX_TEXT, MAX_NAME = 4_000, 100
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_ABOUT = {"status": STATUS, "owner": OWNER, "marketing_email": MARKETING}


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Changes to one profile: `fields` by register name (None removes), names to lock and to unlock, and `about` by name
    (status, owner, marketing_email; None removes).
    """

    fields: Mapping[str, Any] = field(default_factory=dict)
    lock: frozenset[str] = frozenset()
    unlock: frozenset[str] = frozenset()
    about: Mapping[str, Any] = field(default_factory=dict)


def register_names(given: Mapping[str, Any]) -> dict[str, Any]:
    """Contact fields as the API takes them, by the names of their registers: what is under `custom` gets its prefix.

    Raises Refused if `custom` holds no fields.
    """
    custom = given.get("custom") or {}
    if not isinstance(custom, Mapping):
        raise Refused("contact.custom must be an object of values by name", code="wrong_type")
    plain = {name: value for name, value in given.items() if name != "custom"}
    return plain | {CUSTOM_PREFIX + name: value for name, value in custom.items()}


def check_fields(fields: Mapping[str, Any], catalogue: Catalogue) -> None:
    """Raises Refused for a field that nobody can set, or a value that is not of its type, naming it."""
    for name, value in fields.items():
        if name.startswith(CUSTOM_PREFIX):
            _check_custom(name, value, catalogue)
        elif name not in EDITABLE:
            raise Refused(
                f"contact.{name[:MAX_NAME]} is no contact field; others go under custom", code="unknown_field"
            )
        elif value is not None and not _fits(name, value):
            raise Refused(f"contact.{name} must be {_WORDS.get(name, _TEXT)}", code="wrong_type")


def check_account_fields(fields: Mapping[str, Any]) -> None:
    """The same for an account's fields, of which none has a type of its own."""
    check_fields(fields, Catalogue())


def _check_custom(name: str, value: Any, catalogue: Catalogue) -> None:
    plain = name.removeprefix(CUSTOM_PREFIX)
    if not 0 < len(plain) <= MAX_NAME:
        raise Refused(f"contact.custom: a name has 1 to {MAX_NAME} characters", code="unknown_field")
    defined = catalogue.fields.get((CONTACT, plain))
    if defined is not None:
        checked(defined, value, where=f"contact.{name}")
    elif isinstance(value, list | dict) or (isinstance(value, str) and len(value) > MAX_TEXT):
        raise Refused(f"contact.{name} must be {_TEXT}, a number, true or false", code="wrong_type")


def _fits(name: str, value: Any) -> bool:
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        return False
    if name == "email":
        return len(value) <= MAX_EMAIL and _ADDRESS.fullmatch(value) is not None
    return name != "birthday" or (_DAY.fullmatch(value) is not None and _is_day(value))


def _is_day(text: str) -> bool:
    """Whether the calendar has this day, in whatever century."""
    return parse_time(f"20{text[2:]}") != 0


_TEXT = f"a text of at most {MAX_TEXT} characters"
_WORDS = {"email": f"an e-mail address of at most {MAX_EMAIL} characters", "birthday": "a date such as 1990-01-31"}


def registers_of(edit: Edit, stored: Registers) -> dict[str, Any]:
    """The values that an edit asks for, by register. A field that is locked, or gets locked, is held at its new value."""
    said = dict(edit.fields) | {_ABOUT[name]: value for name, value in edit.about.items()}
    held = {name for name in edit.fields if is_locked(stored, name)} | edit.lock
    for name in sorted(held - edit.unlock):
        said[LOCK + name] = [edit.fields[name] if name in edit.fields else value_of(stored, name)]
    return said | {LOCK + name: None for name in sorted(edit.unlock)}


def is_locked(registers: Registers, name: str) -> bool:
    """Whether an admin holds this field at a value."""
    lock = registers.get(LOCK + name)
    return lock is not None and bool(lock.value)


def value_of(registers: Registers, name: str) -> Any:
    """What people see in a field now, or None."""
    if name == "email":
        return contact.email(registers) or None
    shown = contact.effective(registers).get(name)
    return shown.value if shown else None


def time_of(said: Mapping[str, Any], stored: Registers, *, now: int) -> int:
    """When an edit counts as said (ms): now, or just behind what a clock that is ahead said, so that a correction always shows."""
    return max([now, *(stored[name].time + 1 for name in said if name in stored)])


def edited(said: Mapping[str, Any], *, time: int, source: str, message_id: str) -> dict[str, Register]:
    """The registers of an edit that travels in an envelope; names that are no admin's to say are passed over."""
    return {
        name: Register(value=value, time=time, source=source, message_id=message_id)
        for name, value in said.items()
        if name in EDITABLE or name in _ABOUT.values() or name.startswith((CUSTOM_PREFIX, LOCK))
    }


def marketing_state(registers: Registers) -> str:
    """Whether the person gets marketing e-mail: what an admin said last, unless there is no address to send to."""
    if not contact.email(registers):
        return NO_ADDRESS
    said = registers.get(MARKETING)
    return said.value if said and said.value in MARKETING_STATES else RECEIVING
