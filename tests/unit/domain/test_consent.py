"""What a history decides, and on which basis an event is kept."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp_core.domain.channels import LEVELS, Channel
from cdp_core.domain.consent import (
    MAX_ENTRIES,
    Entry,
    added,
    claimed_by,
    decided,
    deciding,
    of_leaves,
    union,
    verdict,
)
from cdp_core.domain.envelope import Event

NOW = 1_800_000_000_000


def entry(agreed: bool, rank: int, *, leaf: str = "u1", code: str = "tracking") -> Entry:
    """A decision."""
    return Entry(code=code, agreed=agreed, at=rank, rank=rank, text="t", language="en", channel="web", leaf=leaf)


ENTRIES = st.builds(
    entry, st.booleans(), st.integers(0, 40_000), leaf=st.sampled_from(["u1", "v1"]), code=st.sampled_from("ab")
)
HISTORIES = st.lists(ENTRIES, max_size=8)


@given(HISTORIES, HISTORIES, HISTORIES)
def test_histories_come_together_in_any_order(a: list[Entry], b: list[Entry], c: list[Entry]) -> None:
    """Links may be processed in any order."""
    assert union(a, b) == union(b, a)
    assert union(union(a, b), c) == union(a, union(b, c))
    assert union(a, a) == union(a)


@given(HISTORIES, HISTORIES)
def test_what_came_together_comes_apart_again(a: list[Entry], b: list[Entry]) -> None:
    """Unmerge is exact: each side keeps what was decided through its own leaves."""
    mine, theirs = [one._replace(leaf="u1") for one in a], [one._replace(leaf="v1") for one in b]
    assert of_leaves(union(mine, theirs), ["u1"]) == union(mine)


@given(HISTORIES, st.booleans(), st.integers(0, 40_000))
def test_what_is_said_in_the_knowledge_of_a_history_decides(history: list[Entry], agreed: bool, now: int) -> None:
    """Whatever clocks say."""
    after = added(history, entry(agreed, now, code="a"))
    assert deciding(after)["a"].agreed is agreed


def test_an_agreement_outweighs_at_once_what_it_knew_and_nothing_that_was_said_elsewhere() -> None:
    """A second is enough on one device; a withdrawal on another one stands until clocks leave no doubt."""
    mine = added(added([], entry(False, NOW)), entry(True, NOW + 1_000))
    assert deciding(mine)["tracking"].agreed is True
    assert deciding(union(mine, [entry(False, NOW, leaf="v1")]))["tracking"].agreed is False


def test_saying_the_same_again_is_no_new_entry_but_counts_as_said_now() -> None:
    """A withdrawal repeated after somebody else's agreement stands when the two turn out to be one."""
    mine = added(added([], entry(False, NOW)), entry(False, NOW + 60_000))
    assert [(one.at, one.rank) for one in mine] == [(NOW, NOW + 60_000)]
    assert deciding(union(mine, [entry(True, NOW + 30_000, leaf="v1")]))["tracking"].agreed is False


def test_of_two_decisions_made_apart_within_the_margin_of_clocks_the_withdrawal_holds() -> None:
    apart = [entry(False, NOW, leaf="u1"), entry(True, NOW + 9_000, leaf="v1")]
    assert deciding(apart)["tracking"].agreed is False
    assert deciding([*apart, entry(True, NOW + 10_001, leaf="v1")])["tracking"].agreed is True


def test_the_last_words_survive_the_limit() -> None:
    """Invariant 10."""
    many = [entry(False, 1), *(entry(True, NOW + n) for n in range(500))]
    kept = union(many)
    assert len(kept) == MAX_ENTRIES
    assert deciding(kept) == deciding(many)
    assert many[0] in kept


def test_one_persons_withdrawal_holds_for_an_event_with_anothers_agreement() -> None:
    """A shared device."""
    assert decided([[entry(False, 1)], [entry(True, NOW)]], "tracking") is False
    assert decided([[], [entry(True, NOW)]], "tracking") is True
    assert decided([[], [entry(True, NOW, code="other")]], "tracking") is None


@pytest.mark.parametrize("level", LEVELS.values())
@pytest.mark.parametrize(
    ("said", "claimed", "below", "above"),
    [
        (None, None, None, "channel_default"),
        (True, None, "consent", "consent"),
        (False, None, None, None),
        (None, True, "consent", "consent"),
        (None, False, None, None),
        (True, False, None, None),
        (False, True, None, None),
    ],
)
def test_the_basis_of_every_combination(
    level: int, said: bool | None, claimed: bool | None, below: str | None, above: str | None
) -> None:
    """Design section 6; visitor (200) is the line."""
    channel = Channel(code_name="c", name="C", type="website", cookie_level=level)
    assert verdict(channel, decided=said, claimed=claimed) == (above if level >= LEVELS["visitor"] else below)
    assert verdict(channel._replace(consent_gate=False), decided=said, claimed=claimed) == "channel_default"


@pytest.mark.parametrize(
    ("context", "claimed"),
    [
        ({}, None),
        ({"consent": None}, None),
        ({"consent": {"categoryPreferences": []}}, None),
        ({"consent": {"categoryPreferences": {"x": True}}}, None),
        ({"consent": {"categoryPreferences": {"a": True, "b": True}}}, True),
        ({"consent": {"categoryPreferences": {"a": True, "b": False}}}, False),
    ],
)
def test_what_an_event_claims(context: dict[str, Any], claimed: bool | None) -> None:
    event = Event(type="page", message_id="m", body={"context": context})
    assert claimed_by(event, ["a", "b"]) is claimed
