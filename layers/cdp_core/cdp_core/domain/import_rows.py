"""What an import makes of a row: which column fills which field, typed values, and whether the row creates, changes or removes."""

import hashlib
import hmac
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from cdp_core.domain import edits
from cdp_core.domain.catalogue import CONTACT, Catalogue
from cdp_core.domain.contact import CUSTOM_PREFIX, MARKETING, OWNER, STATUS, Register, Registers, bounded, fold
from cdp_core.domain.csv_cells import read_cell
from cdp_core.domain.fields import converted
from cdp_core.domain.identity import MAX_IDENTIFIER, USER_ID, is_blocked
from cdp_core.errors import InvalidInput, Refused

EMAIL = "email"
INSERT, OVERWRITE, SKIP, DELETE = "insert", "overwrite", "skip", "delete"
SOURCE = "import"  # of what an import says, where a channel stands for what clients say
MAX_OWNER = 200
MAX_PROBLEMS = 3  # that the report names of one row
_MAX_WORDS = 200
_ABOUT = {"status": STATUS, "owner": OWNER, "marketing_email": MARKETING}
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Outcome(StrEnum):
    """What became of a row."""

    INSERTED = "inserted"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    DELETED = "deleted"
    SUPPRESSED = "suppressed"
    ERASED = "erased"
    FAILED = "failed"


WRITES = (Outcome.INSERTED, Outcome.UPDATED, Outcome.DELETED)
REASONS: Mapping[Outcome, str] = {
    Outcome.UNCHANGED: "everything is stored already, or something newer",
    Outcome.SUPPRESSED: "the person is suppressed: nothing is stored",
    Outcome.ERASED: "the person was erased since the import was made: nothing comes back",
}
NOBODY = "nobody has this key"
IS_THERE = "somebody has this key already"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a row: in which of the mapped columns (by position), or in none alone, and the rule in words without the value."""

    column: int | None
    message: str


@dataclass(frozen=True, slots=True)
class Column:
    """A mapped column: where its cells stand in a row, its name in the header, and the field it fills."""

    index: int
    name: str
    field: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A row that was judged: its number, its outcome and why. One that writes also has the leaf, the life of it that was there
    (None if nobody was), and how much later (ms) than the import it counts as said.
    """

    row: int
    outcome: Outcome
    problems: tuple[Problem, ...] = ()
    leaf: str = ""
    epoch: int | None = None
    later: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """A row that was read: its key, and values by register. What is wrong with it, if anything is."""

    number: int
    key: str = ""
    said: Mapping[str, Any] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Rules:
    """What rows are read by: the mapped columns, which field is the key, the definitions, and the code names of statuses."""

    key: str
    width: int
    columns: Sequence[Column]
    catalogue: Catalogue
    statuses: Collection[str]
    only_key: bool


def check_mapping(key: str, columns: Mapping[str, str | None]) -> None:
    """Raises InvalidInput, naming the column, for a field that cannot be imported or is filled twice, or if none is the key."""
    filled: dict[str, str] = {}
    for name, target in columns.items():
        if target is None:
            continue
        if target not in (key, *edits.EDITABLE, *_ABOUT) and not _is_custom(target):
            raise InvalidInput(f"columns: {_shown(name)} cannot fill {_shown(target)}: there is no such contact field")
        if target in filled:
            raise InvalidInput(f"columns: {_shown(filled[target])} and {_shown(name)} both fill {target}")
        filled[target] = name
    if key not in filled:
        raise InvalidInput(f"columns: one column must fill {key}, which is the key")


def find_columns(columns: Mapping[str, str | None], names: Sequence[str]) -> list[Column]:
    """Where the mapped columns stand in a file. Raises InvalidInput, naming the column, if one is not there or there twice."""
    for name in columns:
        if names.count(name.strip()) != 1:
            times = "no column" if name.strip() not in names else "more than one column"
            raise InvalidInput(f"columns: the file has {times} {_shown(name)}")
    return [Column(names.index(name.strip()), name, target) for name, target in columns.items() if target is not None]


def _is_custom(target: str) -> bool:
    return target.startswith(CUSTOM_PREFIX) and 0 < len(target) - len(CUSTOM_PREFIX) <= edits.MAX_NAME


def _shown(name: str) -> str:
    return repr(name[:100])


def read_row(number: int, cells: Sequence[str], rules: Rules) -> Row | None:
    """The row's key and values, empty cells left out; None for a row that is empty altogether."""
    if not any(map(str.strip, cells)):
        return None
    if len(cells) != rules.width:
        words = f"the row has {len(cells)} cells, the header has {rules.width}"
        return Row(number, problems=(Problem(None, words),))
    said: dict[str, Any] = {}
    problems: list[Problem] = []
    for position, column in enumerate(rules.columns):
        if rules.only_key and column.field != rules.key:
            continue
        try:
            value = _value(column.field, read_cell(cells[column.index]).strip(), rules)
        except Refused as error:
            problems.append(Problem(position, str(error)[:_MAX_WORDS]))
            continue
        if value is not None:
            said[_ABOUT.get(column.field, column.field)] = value
    key = said.pop(USER_ID) if rules.key == USER_ID and USER_ID in said else said.get(rules.key, "")
    return Row(number, key, said, tuple(problems[:MAX_PROBLEMS]))


def _value(target: str, text: str, rules: Rules) -> Any:
    """A cell's value, None if it is empty. Raises Refused."""
    if not text:
        if target == rules.key:
            raise Refused("must not be empty: it is the key")
        return None
    if target == USER_ID:
        return _user_id(text)
    if target in _ABOUT:
        return _about(target, text, rules.statuses)
    custom = rules.catalogue.fields.get((CONTACT, target.removeprefix(CUSTOM_PREFIX)))
    value = converted(custom if target.startswith(CUSTOM_PREFIX) else None, text, where=target)
    try:
        edits.check_fields({target: value}, rules.catalogue)
    except Refused as error:
        raise Refused(str(error).removeprefix("contact."), code=error.code) from error
    return value


def _user_id(text: str) -> str:
    if len(text) > MAX_IDENTIFIER or _CONTROL.search(text) or is_blocked(text):
        raise Refused(f"user_id must be a text of at most {MAX_IDENTIFIER} characters that can identify somebody")
    return text


def _about(target: str, text: str, statuses: Collection[str]) -> str:
    if target == "status" and text not in statuses:
        raise Refused("status must be the code name of a status")
    if target == "marketing_email" and text not in edits.MARKETING_STATES:
        raise Refused(f"marketing_email must be one of {', '.join(edits.MARKETING_STATES)}")
    if len(text) > MAX_OWNER:
        raise Refused(f"{target} must be a text of at most {MAX_OWNER} characters")
    return text


def address_key(address: str) -> str:
    """An e-mail address as two of them are compared."""
    return " ".join(address.casefold().split())


def anonymous_id(secret: bytes, address: str, attempt: int) -> str:
    """The anonymous id of somebody who is imported by an address: the same for every row and import, and known to nobody.

    `attempt` goes on from 0 where who was made so before has another address by now.
    """
    text = f"import email\0{address_key(address)}\0{attempt}".encode()
    return str(UUID(bytes=hmac.new(secret, text, hashlib.sha256).digest()[:16], version=4))


def message_id(import_id: str, row: int) -> str:
    """The message id of what a row says."""
    return f"import-{import_id}-{row}"


def said_of(row: Row, key: str, *, is_new: bool) -> dict[str, Any]:
    """What a row says of the person, by register. An address that found somebody says nothing new of them."""
    return {name: value for name, value in row.said.items() if is_new or name != key}


def effect(
    said: Mapping[str, Any], stored: Registers, *, import_id: str, row: int, created_at: int
) -> tuple[Outcome, int]:
    """Whether a row changes what is stored of a person, and how much later than the import (ms) it counts as said.

    A later row of the same file wins over an earlier one; what was said after the import was made stays.
    Raises Refused if the contact has no room for it.
    """
    mine = message_id(import_id, 0)[:-1]
    earlier = [stored[name].time + 1 - created_at for name in said if name in stored and _is_of(stored[name], mine)]
    later = max([0, *earlier])
    made = edits.edited(said, time=created_at + later, source=SOURCE, message_id=message_id(import_id, row))
    after = bounded(fold(stored, made))
    if made.keys() - after.keys():
        raise Refused("the contact holds as many fields, or as much text, as it can")
    changes = any(name not in stored or stored[name].value != after[name].value for name in made)
    return (Outcome.UPDATED if changes else Outcome.UNCHANGED), later


def _is_of(register: Register, prefix: str) -> bool:
    return register.message_id.startswith(prefix)
