"""Creates and corrects profiles. What admins say are registers like everybody's: nothing is overwritten, the latest shows."""

import uuid
from collections.abc import Mapping
from typing import Any

from cdp_core import clock
from cdp_core.domain import edits
from cdp_core.domain.contact import CUSTOM_PREFIX, LOCK, STATUS, Register
from cdp_core.domain.edits import Edit
from cdp_core.domain.identity import ANONYMOUS_ID, USER_ID, Identifier, is_blocked, leaf_id, parse_identifier
from cdp_core.domain.times import iso
from cdp_core.errors import Contended, InvalidInput, NotFound
from cdp_core.secrets import identity_key
from cdp_core.tables import catalogue, labels, leaves
from cdp_core.usecases import profiles
from cdp_core.usecases.apply_now import apply_edits, by_kind
from cdp_core.usecases.profiles import Profile
from cdp_core.usecases.resolve import Named


def create(user_id: str | None, anonymous_id: str | None, edit: Edit) -> Profile:
    """A new person with one or both identifiers, or with a new anonymous one. Raises InvalidInput if somebody has one already."""
    named = {USER_ID: user_id, ANONYMOUS_ID: anonymous_id}
    given = {kind: value for kind, value in named.items() if value is not None} or {ANONYMOUS_ID: str(uuid.uuid4())}
    for kind, value in given.items():
        if is_blocked(value):
            raise InvalidInput(f"{kind}: {value!r} can identify nobody")
    _check(edit)
    found = leaves.load_many(leaf_id(identity_key(), Identifier(kind, value)) for kind, value in given.items())
    if any(leaf.is_live for leaf in found.values()):
        raise InvalidInput("somebody with this identifier exists already", code="already_exists")
    apply_edits(given, edits.registers_of(edit, {}), time=clock.now_ms())
    return _after(Named(next(iter(found))))


def change(text: str, edit: Edit) -> Profile:
    """The profile that `text` names, with the changes. Raises InvalidInput, and what `profiles.find` raises."""
    profile = profiles.find(text)
    _check(edit)
    said = edits.registers_of(edit, profile.registers)
    identifier = parse_identifier(profile.root.identifier)
    if identifier is None:
        raise Contended("the profile is being made; send the request again")
    if said:
        time = edits.time_of(said, profile.registers, now=clock.now_ms())
        apply_edits(by_kind(identifier), said, time=time)
    return _after(Named(profile.root.id, profile.root.epoch))


def _after(named: Named) -> Profile:
    """The profile as it is now; gone again if it was erased meanwhile, or if the person wants nothing stored."""
    try:
        return profiles.load(named)
    except NotFound as error:
        raise NotFound("nothing is stored: the person was erased or is suppressed") from error


def _check(edit: Edit) -> None:
    """Raises InvalidInput for fields, locks or a status that cannot be."""
    definitions = catalogue.load()
    edits.check_fields(edit.fields, definitions)
    edits.check_fields(dict.fromkeys(edit.lock | edit.unlock), definitions)
    if both := sorted(edit.lock & edit.unlock):
        raise InvalidInput(f"lock and unlock both name {both[0]}")
    status = edit.about.get("status")
    if status is not None and status not in labels.all_of(labels.STATUSES):
        raise InvalidInput(f"status: there is no status {status!r}; GET /statuses lists them")


def fields(profile: Profile) -> list[dict[str, Any]]:
    """Where each field's value comes from: value, source, time, message; locked ones with what would show without the lock."""
    registers = profile.registers
    names = sorted({name.removeprefix(LOCK) for name in registers if _is_field(name.removeprefix(LOCK))})
    shown = [_field(name, registers) for name in names]
    return [one for one in shown if one is not None]


def _is_field(name: str) -> bool:
    return name in edits.EDITABLE or name.startswith(CUSTOM_PREFIX) or name == STATUS


def _field(name: str, registers: Mapping[str, Register]) -> dict[str, Any] | None:
    locked = edits.is_locked(registers, name)
    own = registers.get(name)
    shown = registers[LOCK + name] if locked else own
    if shown is None:
        return None
    return {
        "field": "status" if name == STATUS else name,
        "value": shown.value[0] if locked else shown.value,
        "source": shown.source,
        "time": iso(shown.time),
        "message_id": shown.message_id,
        "locked": locked,
        "underlying": own.value if locked and own else None,
    }
