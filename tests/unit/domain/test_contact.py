"""Contact details are last writer wins by event time, in any order of arrival."""

from hypothesis import given
from hypothesis import strategies as st

from cdp_core.domain.contact import MAX_BYTES, MAX_FIELDS, Register, bounded, contact_fields, fold, full_name, updates

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
