"""What an import makes of a row: mapping, typed values, problems by column, and whether it changes anything."""

from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from cdp_core.domain.catalogue import Catalogue, CustomField
from cdp_core.domain.contact import MAX_FIELDS, Register
from cdp_core.domain.csv_cells import cell
from cdp_core.domain.import_rows import (
    Outcome,
    Problem,
    Rules,
    anonymous_id,
    check_mapping,
    effect,
    find_columns,
    read_row,
    said_of,
)
from cdp_core.errors import InvalidInput, Refused

T = 1_900_000_000_000
FIELDS = {
    "age": "number",
    "vip": "boolean",
    "since": "date",
    "plan": "choice",
}
CATALOGUE = Catalogue(
    fields={
        ("contact", name): CustomField(
            entity="contact", name=name, caption=name, type=kind, choices=("free", "pro") if kind == "choice" else ()
        )
        for name, kind in FIELDS.items()
    }
)
MAPPING: dict[str, str | None] = {
    "E": "email", "F": "first_name", "B": "birthday", "A": "custom.age", "V": "custom.vip", "S": "custom.since",
    "P": "custom.plan", "X": "custom.free_text", "ST": "status", "O": "owner", "M": "marketing_email", "N": None,
}  # fmt: skip
COLUMNS = find_columns(MAPPING, list(MAPPING))
RULES = Rules(
    key="email", width=len(MAPPING), columns=COLUMNS, catalogue=CATALOGUE, statuses={"customer"}, only_key=False
)
GOOD = ["ann@b.c", "Ann", "1990-01-31", "42", "yes", "2026-01-31", "pro", "hi", "customer", "Eve", "opted_out", "?"]


def row(**changed: str) -> list[str]:
    """A good row with other cells, by column."""
    return [changed.get(name, value) for name, value in zip(MAPPING, GOOD, strict=True)]


def register(value: Any, *, time: int = T - 1, message_id: str = "m") -> Register:
    """Something said before."""
    return Register(value=value, time=time, source="website", message_id=message_id)


def test_cells_become_typed_values_by_register() -> None:
    """Custom fields by their definitions, others as texts; a column mapped to nothing is not read."""
    read = read_row(2, GOOD, RULES)
    assert read is not None
    assert (read.number, read.key, read.problems) == (2, "ann@b.c", ())
    assert read.said == {
        "email": "ann@b.c", "first_name": "Ann", "birthday": "1990-01-31", "custom.age": 42, "custom.vip": True,
        "custom.since": "2026-01-31", "custom.plan": "pro", "custom.free_text": "hi", "profile.status": "customer",
        "profile.owner": "Eve", "profile.marketing": "opted_out",
    }  # fmt: skip


def test_empty_cells_say_nothing_and_empty_rows_are_no_rows() -> None:
    """Spaces are nothing either."""
    read = read_row(2, row(F="", A="  ", O=""), RULES)
    assert read is not None
    assert not {"first_name", "custom.age", "profile.owner"} & read.said.keys()
    assert read_row(2, [], RULES) is None
    assert read_row(2, ["", " "], RULES) is None


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("E", "", "must not be empty"),
        ("E", "ann", "an e-mail address"),
        ("E", "a@" + "b" * 260, "254"),
        ("F", "x" * 4_001, "4000"),
        ("B", "31.01.1990", "a date"),
        ("B", "1990-02-31", "a date"),
        ("A", "forty", "a number"),
        ("V", "perhaps", "true or false"),
        ("S", "yesterday", "a date"),
        ("P", "gold", "free, pro"),
        ("ST", "unknown", "status"),
        ("O", "x" * 201, "200"),
        ("M", "sometimes", "receiving"),
    ],
)
def test_a_bad_cell_names_its_column_and_the_rule_and_never_the_value(column: str, value: str, words: str) -> None:
    """Issue: errors name row and column."""
    read = read_row(7, row(**{column: value}), RULES)
    assert read is not None
    (problem,) = read.problems
    assert problem.column is not None
    assert COLUMNS[problem.column].name == column
    assert words in problem.message
    assert not value or value not in problem.message


def test_the_first_three_problems_of_a_row_are_named() -> None:
    """Bounded, and more than one at a time."""
    read = read_row(7, row(E="x", B="x", A="x", V="x"), RULES)
    assert read is not None
    assert [COLUMNS[one.column or 0].name for one in read.problems] == ["E", "B", "A"]


@pytest.mark.parametrize("cells", [GOOD[:-1], [*GOOD, ""], ["x"]])
def test_a_row_with_another_number_of_cells_is_refused(cells: list[str]) -> None:
    """What would stand where is not guessed."""
    read = read_row(7, cells, RULES)
    assert read is not None
    assert read.problems == (Problem(None, f"the row has {len(cells)} cells, the header has 12"),)


@pytest.mark.parametrize("value", ["null", "0", "x" * 201, "a\nb", "[object Object]"])
def test_a_user_id_that_identifies_nobody_is_refused(value: str) -> None:
    """Blocked values, controls, length."""
    rules = replace(RULES, key="user_id", width=1, columns=find_columns({"U": "user_id"}, ["U"]))
    read = read_row(2, [value], rules)
    assert read is not None
    assert read.problems[0].column == 0
    good = read_row(2, [" 42 "], rules)
    assert good is not None
    assert (good.key, good.said) == ("42", {})


@pytest.mark.parametrize("text", ["=1+1", "+49 30 1", "-x", "@ann", "'=quoted", "plain", "'plain"])
def test_what_an_export_protected_is_read_as_it_was(text: str) -> None:
    """I12, the way back."""
    read = read_row(2, row(F=cell(text, str)), RULES)
    assert read is not None
    assert read.said["first_name"] == text


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ({"F": "first_name"}, "one column must fill email"),
        ({"E": "email", "F": "first-name"}, "'F' cannot fill 'first-name'"),
        ({"E": "email", "F": "email"}, "'E' and 'F' both fill email"),
        ({"E": "email", "F": "other_emails"}, "'F' cannot fill"),
        ({"E": "email", "F": "user_id"}, "'F' cannot fill"),
        ({"E": "email", "F": "custom."}, "'F' cannot fill"),
        ({"E": "email", "F": "custom." + "x" * 101}, "'F' cannot fill"),
        ({"E": "email", "F": "lock.email"}, "'F' cannot fill"),
        ({"E": None}, "one column must fill email"),
    ],
)
def test_a_mapping_that_makes_no_sense_is_refused_by_column(mapping: dict[str, str | None], words: str) -> None:
    """Before any file is read."""
    with pytest.raises(InvalidInput, match=words):
        check_mapping("email", mapping)


@pytest.mark.parametrize(("names", "words"), [(["E"], "no column 'F'"), (["E", "F", "F"], "more than one column 'F'")])
def test_a_mapped_column_is_in_the_file_once(names: list[str], words: str) -> None:
    """A name that stands for two columns would be a guess."""
    with pytest.raises(InvalidInput, match=words):
        find_columns({"E": "email", "F": None}, names)


def test_columns_are_found_wherever_they_stand() -> None:
    """Spaces around a name are nothing."""
    found = find_columns({" F ": "first_name", "E": "email", "N": None}, ["N", "E", "?", "F"])
    assert [(one.index, one.field) for one in found] == [(3, "first_name"), (1, "email")]


def test_the_anonymous_id_of_an_address_is_the_same_for_every_way_to_write_it() -> None:
    """And another one for another address, secret or attempt; it looks like any GUID."""
    one = anonymous_id(b"k", "Ann@B.C ", 0)
    assert one == anonymous_id(b"k", "ann@b.c", 0) == str(UUID(one))
    others = {anonymous_id(b"k", "ann@b.d", 0), anonymous_id(b"l", "ann@b.c", 0), anonymous_id(b"k", "ann@b.c", 1)}
    assert len(others | {one}) == 4


def test_an_address_that_found_somebody_says_nothing_new() -> None:
    """Of somebody new it does."""
    read = read_row(2, row(), RULES)
    assert read is not None
    assert "email" not in said_of(read, "email", is_new=False)
    assert said_of(read, "email", is_new=True) == read.said
    assert said_of(read, "user_id", is_new=False) == read.said


def outcome(said: dict[str, Any], stored: dict[str, Register], *, row: int = 5) -> tuple[Outcome, int]:
    """What a row does to what is stored."""
    return effect(said, stored, import_id="i", row=row, created_at=T)


def test_a_row_changes_what_is_older_and_leaves_what_is_newer_or_the_same() -> None:
    """What was said after the import was made stays."""
    assert outcome({"city": "Rome"}, {}) == (Outcome.UPDATED, 0)
    assert outcome({"city": "Rome"}, {"city": register("Oslo")}) == (Outcome.UPDATED, 0)
    assert outcome({"city": "Rome"}, {"city": register("Rome")}) == (Outcome.UNCHANGED, 0)
    assert outcome({"city": "Rome"}, {"city": register("Oslo", time=T + 1)}) == (Outcome.UNCHANGED, 0)
    assert outcome({}, {"city": register("Oslo")}) == (Outcome.UNCHANGED, 0)
    assert outcome({"custom.n": Decimal("1.5")}, {"custom.n": register(Decimal("1.5"))})[0] is Outcome.UNCHANGED


def test_a_later_row_of_the_same_file_wins_over_an_earlier_one() -> None:
    """Whatever their values; another import of the same moment does not count."""
    earlier = register("Zagreb", time=T, message_id="import-i-4")
    assert outcome({"city": "Aachen"}, {"city": earlier}) == (Outcome.UPDATED, 1)
    again = replace(earlier, time=T + 1, message_id="import-i-5")
    assert outcome({"city": "Aachen"}, {"city": again}, row=6) == (Outcome.UPDATED, 2)
    assert outcome({"city": "Aachen"}, {"city": replace(earlier, message_id="import-ii-4")}) == (Outcome.UNCHANGED, 0)


def test_a_contact_without_room_is_refused_and_nothing_is_dropped_silently() -> None:
    """I9: 300 fields."""
    stored = {f"custom.a{n:03d}": register(n) for n in range(MAX_FIELDS)}
    with pytest.raises(Refused, match="as it can"):
        outcome({"custom.zzz": "x"}, stored)
    assert outcome({"custom.a000": "x"}, stored) == (Outcome.UPDATED, 0)
