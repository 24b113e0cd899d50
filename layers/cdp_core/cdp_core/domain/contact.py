"""Contact details as registers: per field the last writer by event time wins, in any order of arrival."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from cdp_core.domain.envelope import MAX_DIGITS

MAX_FIELDS = 300
MAX_BYTES = 65_536
CUSTOM_PREFIX = "custom."
TYPED_EMAIL = "typed_email."  # one register an address that somebody typed into a form: its first writer wins
MEMBER, CUSTOMER = "member.", "customer."  # what the person is registered as
LOCK = "lock."  # what an admin holds a field at, as a list of one value; nothing where the lock was taken away
STATUS, OWNER, MARKETING = "profile.status", "profile.owner", "profile.marketing"  # said by admins only
MAX_TYPED_EMAILS = 20
MAX_EMAIL = 254
STANDARD = (
    "email name first_name middle_name last_name gender birthday mobile_phone private_phone business_phone company job_title "
    "address city zip state country website notes other_emails"
).split()

# One table for every wire: Segment's reserved traits and Kentico's contact fields.
FIELD_OF_TRAIT = {
    "email": "email",
    "name": "name",
    "firstName": "first_name",
    "middleName": "middle_name",
    "lastName": "last_name",
    "gender": "gender",
    "birthday": "birthday",
    "phone": "mobile_phone",
    "title": "job_title",
    "company": "company",
    "address": "address",
    "website": "website",
    "ContactEmail": "email",
    "ContactFirstName": "first_name",
    "ContactMiddleName": "middle_name",
    "ContactLastName": "last_name",
    "ContactBirthday": "birthday",
    "ContactMobilePhone": "mobile_phone",
    "ContactBusinessPhone": "business_phone",
    "ContactCompanyName": "company",
    "ContactJobTitle": "job_title",
    "ContactAddress1": "address",
    "ContactCity": "city",
    "ContactZIP": "zip",
    "ContactCountry": "country",
    "ContactState": "state",
    "ContactNotes": "notes",
} | {name: name for name in STANDARD if name not in ("notes", "other_emails")}
_ADDRESS = {"street": "address", "city": "city", "postalCode": "zip", "state": "state", "country": "country"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """One field's last writer: the value, when it was said (ms), by which channel and which message."""

    value: Any
    time: int
    source: str
    message_id: str

    @property
    def order(self) -> tuple[int, str, str, str]:
        """Later wins; at the same time the greatest canonical value, so that every order of arrival agrees."""
        return (self.time, canonical(self.value), self.message_id, self.source)

    def __eq__(self, other: object) -> bool:
        """Whether people are shown the same: to Python 1, 1.0 and True are equal, and a change of one into another was none."""
        return isinstance(other, Register) and self.order == other.order


Registers = Mapping[str, Register]


def canonical(value: Any) -> str:
    """One text per JSON value as it is stored and shown, used only to compare.

    It does not depend on the Python type that holds a number: a whole one may be a Decimal before it was stored and an int since.
    1 and 1.0 are told apart, because people are shown what was sent: were they the same here, who came first would decide.
    """
    return json.dumps(value, sort_keys=True, ensure_ascii=True, default=_number)


def _number(value: Decimal) -> int | str:
    """The whole number that a store gives back for this one, or a text that no client can send."""
    is_whole = value.as_tuple().exponent == 0
    return int(value) if is_whole and value.adjusted() < MAX_DIGITS else f"\ud800{value}"


def updates(traits: Mapping[str, Any], *, time: int, source: str, message_id: str) -> dict[str, Register]:
    """The registers that the traits of one event ask for. A trait of null removes the field."""
    return {
        field: Register(value=value, time=time, source=source, message_id=message_id)
        for name, given in traits.items()
        for field, value in _fields(name, given)
    }


def _fields(name: str, value: Any) -> Iterable[tuple[str, Any]]:
    if name == "address" and isinstance(value, Mapping):
        for part, given in value.items():
            yield _ADDRESS.get(part, f"{CUSTOM_PREFIX}address_{part}"), given
    elif name == "company" and isinstance(value, Mapping):
        for part, given in value.items():
            yield "company" if part == "name" else f"{CUSTOM_PREFIX}company_{part}", given
    else:
        yield FIELD_OF_TRAIT.get(name, CUSTOM_PREFIX + name), value


def typed(fields: Mapping[str, Any], *, time: int, source: str, message_id: str) -> dict[str, Register]:
    """The registers that a form's contact fields ask for. An address is kept beside others: a form replaces none."""
    said = {
        name: Register(value=value, time=time, source=source, message_id=message_id) for name, value in fields.items()
    }
    address = said.pop("email", None)
    if address is None or not isinstance(address.value, str) or not _is_address(address.value):
        return said
    return said | {TYPED_EMAIL + address.value.lower(): address}


def _is_address(text: str) -> bool:
    return len(text) <= MAX_EMAIL and "@" in text.strip("@") and not any(map(str.isspace, text))


def fold(*many: Registers) -> dict[str, Register]:
    """The union of registers, the greatest per field, the smallest of typed addresses. Commutative, associative, idempotent."""
    folded: dict[str, Register] = {}
    for registers in many:
        for name, register in registers.items():
            if name not in folded or _replaces(name, register, folded[name]):
                folded[name] = register
    return folded


def _replaces(name: str, new: Register, old: Register) -> bool:
    return new.order < old.order if name.startswith(TYPED_EMAIL) else old.order < new.order


def bounded(registers: Registers) -> dict[str, Register]:
    """The registers within MAX_FIELDS and MAX_BYTES: standard fields first, then custom ones by name.

    Of typed addresses the MAX_TYPED_EMAILS earliest: the same ones in whatever order they arrived.
    """
    kept: dict[str, Register] = {}
    size = 0
    late = set(_typed_names(registers)[MAX_TYPED_EMAILS:])
    for name in sorted(registers.keys() - late, key=lambda name: (name.startswith(CUSTOM_PREFIX), name)):
        size += len(name.encode()) + len(canonical(registers[name].value)) + 80
        if len(kept) == MAX_FIELDS or size > MAX_BYTES:
            break
        kept[name] = registers[name]
    return kept


def effective(registers: Registers) -> Registers:
    """The registers as people see them: a lock stands for its field. What came since goes on beneath it, for when it is taken away."""
    locks = {name.removeprefix(LOCK): one for name, one in registers.items() if name.startswith(LOCK) and one.value}
    held = {name: replace(one, value=one.value[0]) for name, one in locks.items()}
    return {**registers, **held} if held else registers


def contact_fields(registers: Registers) -> dict[str, Any]:
    """What people see: snake_case fields, the rest under `custom`; removed fields are absent."""
    registers = effective(registers)
    said = {name: register.value for name, register in registers.items() if register.value is not None}
    said |= _emails(registers)
    custom = {name[len(CUSTOM_PREFIX) :]: value for name, value in said.items() if name.startswith(CUSTOM_PREFIX)}
    shown = {name: said[name] for name in STANDARD if name in said}
    return shown | ({"custom": custom} if custom else {})


def full_name(registers: Registers) -> str:
    """The contact's name as one line, or an empty text."""
    registers = effective(registers)
    parts = [_said(registers, name) for name in ("first_name", "middle_name", "last_name")]
    return _said(registers, "name") or " ".join(part for part in parts if part)


def email(registers: Registers) -> str:
    """The contact's e-mail address, or an empty text."""
    address = _emails(effective(registers)).get("email")
    return address.strip() if isinstance(address, str) else ""


def _emails(registers: Registers) -> dict[str, Any]:
    """`email` is what was said of the person, else the first address typed since it was removed; the rest are `other_emails`."""
    named = registers.get("email")
    addresses = [registers[name] for name in _typed_names(registers)]
    shown = named.value if named else None
    if shown is None:
        removed_at = named.time if named else -1
        shown = next((one.value for one in addresses if one.time > removed_at), None)
    others = [one.value for one in addresses if one.value.lower() != str(shown).strip().lower()]
    return ({} if shown is None else {"email": shown}) | ({"other_emails": others} if others else {})


def _typed_names(registers: Registers) -> list[str]:
    """The registers of typed addresses, earliest first."""
    names = [name for name in registers if name.startswith(TYPED_EMAIL)]
    return sorted(names, key=lambda name: (registers[name].order, name))


def registration(registers: Registers, prefix: str) -> dict[str, Any] | None:
    """What the person is registered as: the fields of MEMBER or CUSTOMER, or None."""
    said = {
        name[len(prefix) :]: r.value for name, r in registers.items() if name.startswith(prefix) and r.value is not None
    }
    return said or None


def _said(registers: Registers, name: str) -> str:
    register = registers.get(name)
    return register.value if register and isinstance(register.value, str) else ""
