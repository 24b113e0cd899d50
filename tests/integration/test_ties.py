"""Ties between values said at the same time: every order of arrival ends the same, whatever was stored in between."""

import itertools
from decimal import Decimal
from typing import Any

import pytest

from cdp_core.domain.contact import Register, canonical, fold
from cdp_core.tables import contacts
from cdp_core.tables.codec import from_json, to_json
from tests.double import strict_aws
from tests.double.memory import Memory
from tests.support.product import drain_all, leaf_of, seed_keys, track

DIGITS = "1" * 4_301


def register(value: Any, message_id: str = "m") -> Register:
    """What a message said at the one time of this test."""
    return Register(value=value, time=1, source="website", message_id=message_id)


def stored(held: Register) -> Register:
    """The register as it is read again."""
    return register(from_json(to_json(held.value)), held.message_id)


@pytest.mark.parametrize(
    ("held", "same"),
    [
        (Decimal("15"), 15),
        (Decimal("15e0"), 15),
        (Decimal("-0"), 0),
        ([Decimal("15"), {"n": Decimal("2")}], [15, {"n": 2}]),
        (Decimal("1" * 4_300), int("1" * 4_300)),
        (Decimal("-" + "1" * 4_300), -int("1" * 4_300)),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_number_has_one_text_whatever_python_type_holds_it(held: Any, same: Any) -> None:
    """`15e0` reaches the flush as a Decimal by the short way and as an int by the long one."""
    assert canonical(held) == canonical(same)


@pytest.mark.parametrize(
    "value",
    [
        "15e0",
        "15",
        "1.0",
        "1E+1",
        "1e1",
        "-0",
        "-0.0",
        "-0e0",
        "1e400",
        "0.10",
        DIGITS + "e0",
        "-" + DIGITS + "e0",
        DIGITS + ".5",
        "1" * 4_300 + "e0",
    ],
    ids=lambda value: value[:20],
)
def test_a_number_that_was_stored_compares_as_before(value: str) -> None:
    """Also those that change their type on the way: numbers round-trip exactly."""
    held = Decimal(value)
    read = from_json(to_json(held))
    assert canonical(read) == canonical(held)
    assert to_json(read).removeprefix("-0").lstrip("0") == to_json(held).removeprefix("-0").lstrip("0")


def test_a_number_is_not_the_text_that_looks_like_it() -> None:
    """Nor are two ways to write it the same: people are shown what was sent."""
    texts = [Decimal("1.0"), "1.0", 1, "1", Decimal("1E+1"), 10, "1E+1", True, None]
    assert len({canonical(one) for one in texts}) == len(texts)


SAID = [
    register(Decimal("15")),
    register(15),
    register(Decimal("15.0")),
    register(Decimal("1.5E+1")),
    register("15"),
    register(Decimal("15"), "n"),
    register(Decimal("9.75"), "n"),
]


@pytest.mark.parametrize("some", list(itertools.combinations(SAID, 4)))
def test_every_order_of_arrival_and_storing_ends_with_the_same_value(some: tuple[Register, ...]) -> None:
    """Invariant 4: what is shown does not depend on who came first, nor on which of them had been stored by then."""
    ends = set()
    for order in itertools.permutations(some):
        for read_again in (False, True):
            winner: dict[str, Register] = {}
            for one in order:
                winner = fold(winner, {"n": one})
                winner = {"n": stored(winner["n"])} if read_again else winner
            ends.add((to_json(winner["n"].value), winner["n"].message_id))
    assert len(ends) == 1


def test_a_register_is_equal_to_another_where_people_are_shown_the_same() -> None:
    """To Python 1, 1.0 and True are equal."""
    assert register(Decimal("15")) == register(15)
    assert len([one for one in (1, Decimal("1.0"), True) if register(one) == register(1)]) == 1
    assert register([1]) != register([True])


@pytest.mark.parametrize("together", [False, True])
def test_an_event_said_again_with_another_number_ends_the_same_in_every_order(together: bool) -> None:
    """Through the tables: each order in a world of its own, in one drain or in several."""
    ends = set()
    for order in itertools.permutations(["1", "1.0", "10e-1", "true"]):
        with strict_aws(memory=Memory()):
            seed_keys()
            for number in order:
                track(
                    "/v1/identify",
                    b'{"userId":"1","messageId":"m","traits":{"n":%s},"timestamp":"2026-01-02"}' % number.encode(),
                )
                if not together:
                    drain_all()
            drain_all()
            (details,) = contacts.load_many([contacts.contact_key(leaf_of("user_id", "1"), 0)]).values()
            ends.add(to_json(details.registers["custom.n"].value))
    assert len(ends) == 1
