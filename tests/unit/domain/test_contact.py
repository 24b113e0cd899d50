"""Contact details are last writer wins by event time, in any order of arrival."""

from random import Random
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp_core.domain.contact import (
    MAX_BYTES,
    MAX_FIELDS,
    Register,
    bounded,
    contact_fields,
    email,
    fold,
    full_name,
    typed,
    updates,
)

VALUES = st.sampled_from([None, True, 0, 1, "", "a", "b"])
REGISTER = st.tuples(VALUES, st.integers(0, 3), st.sampled_from("abc")).map(
    lambda parts: Register(value=parts[0], time=parts[1], source="web", message_id=parts[2])
)
REGISTERS = st.dictionaries(st.sampled_from(["email", "name", "custom.plan"]), REGISTER, max_size=3)


def said(value: object, time: int = 1, message_id: str = "m") -> Register:
    """A register."""
    return Register(value=value, time=time, source="web", message_id=message_id)


@given(REGISTERS, REGISTERS, REGISTERS)
def test_folding_commutes_associates_and_repeats_without_effect(a: dict, b: dict, c: dict) -> None:  # type: ignore[type-arg]
    """Order-free: state depends on the set of events only."""
    assert fold(a, b) == fold(b, a)
    assert fold(fold(a, b), c) == fold(a, fold(b, c))
    assert fold(a, b, a) == fold(a, b)


def test_a_later_event_time_wins_even_if_it_arrives_first() -> None:
    """A late event does not overwrite what was said after it."""
    assert fold({"name": said("new", 2)}, {"name": said("old", 1)})["name"].value == "new"


def test_at_the_same_time_the_greatest_canonical_value_wins() -> None:
    """Ties are decided by the value, not by the order of arrival."""
    assert fold({"name": said("b", message_id="1")}, {"name": said("a", message_id="2")})["name"].value == "b"


def test_a_null_trait_removes_the_field_and_an_empty_text_stays() -> None:
    """Segment's rule."""
    registers = fold({"email": said("a@b.c", 1), "city": said("x")}, {"email": said(None, 2), "city": said("", 2)})
    assert contact_fields(registers) == {"city": ""}


def test_traits_of_every_wire_come_to_the_same_fields_and_unknown_ones_to_custom() -> None:
    """One mapping table from Segment's camelCase and Kentico's names."""
    traits = {"firstName": "Ann", "ContactLastName": "Lee", "plan": "pro", "address": {"postalCode": "1", "floor": 2},
              "company": {"name": "Acme", "id": 7}}  # fmt: skip
    registers = updates(traits, time=1, source="web", message_id="m")
    assert contact_fields(registers) == {
        "first_name": "Ann", "last_name": "Lee", "company": "Acme", "zip": "1",
        "custom": {"plan": "pro", "address_floor": 2, "company_id": 7},
    }  # fmt: skip
    assert full_name(registers) == "Ann Lee"


def test_a_contact_holds_at_most_300_fields_and_standard_ones_are_kept_first() -> None:
    """I9: a thousand made-up traits cannot push out the e-mail address."""
    many = {f"custom.{n:04d}": said(n) for n in range(1_000)} | {"website": said("https://a.b")}
    kept = bounded(many)
    assert len(kept) == MAX_FIELDS
    assert "website" in kept


def test_a_contact_holds_at_most_64_kb() -> None:
    """I9: growth is bounded by size too."""
    many = {f"custom.{n:03d}": said("x" * 1_000) for n in range(200)}
    assert sum(len(name) + len(str(register.value)) for name, register in bounded(many).items()) <= MAX_BYTES


# Addresses that people typed into forms

ADDRESSES = st.sampled_from(["a@b.c", "A@b.c", "x@y.z", "p@q.r"])
TYPED = st.lists(st.tuples(ADDRESSES, st.integers(0, 9)), max_size=6)


def typed_at(address: str, time: int) -> dict[str, Register]:
    """The registers of one submission."""
    return typed({"email": address}, time=time, source="web", message_id=f"{time}")


@given(TYPED, st.randoms())
def test_typed_addresses_are_the_same_in_every_order_of_arrival(given_: list[tuple[str, int]], dice: Random) -> None:
    """Invariant 4, at the limit of addresses too."""
    shuffled = list(given_)
    dice.shuffle(shuffled)
    with mock.patch("cdp_core.domain.contact.MAX_TYPED_EMAILS", 2):
        one, other = ({}, {})
        for address, time in given_:
            one = bounded(fold(one, typed_at(address, time)))
        for address, time in shuffled:
            other = bounded(fold(other, typed_at(address, time)))
    assert one == other


def test_a_form_never_replaces_an_address() -> None:
    """Design section 5, in place of K-15."""
    registers = fold({"email": said("ann@b.c", 1)}, typed_at("new@b.c", 9))
    assert contact_fields(registers) == {"email": "ann@b.c", "other_emails": ["new@b.c"]}


def test_the_first_typed_address_is_the_contacts_until_somebody_says_otherwise() -> None:
    registers = fold(typed_at("late@b.c", 9), typed_at("first@b.c", 1))
    assert contact_fields(registers) == {"email": "first@b.c", "other_emails": ["late@b.c"]}
    assert email(registers) == "first@b.c"
    assert contact_fields(fold(registers, {"email": said("own@b.c", 0)}))["email"] == "own@b.c"


def test_a_removed_address_gives_way_to_what_is_typed_later_only() -> None:
    removed = {"email": said(None, 5)}
    assert "email" not in contact_fields(fold(removed, typed_at("before@b.c", 1)))
    assert contact_fields(fold(removed, typed_at("after@b.c", 9)))["email"] == "after@b.c"


@pytest.mark.parametrize("text", ["", "nobody", "@", "two words@b.c", "a" * 251 + "@b.c"])
def test_what_is_no_address_is_not_taken_for_one(text: str) -> None:
    assert contact_fields(typed_at(text, 1)) == {}
