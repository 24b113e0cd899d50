"""Suppression's intervals: only when something was received decides."""

from hypothesis import given
from hypothesis import strategies as st

from cdp_core.domain.erasure import CLOCK_MARGIN_MS, NOTHING_SAID, TOMBSTONE_TTL_MS
from cdp_core.domain.leaf import Interval, Leaf
from cdp_core.domain.suppression import (
    MAX_INTERVALS,
    as_one,
    begun,
    is_in_doubt,
    is_suppressed,
    lifted,
    suppressions_of,
)

STEPS = st.lists(st.integers(1, TOMBSTONE_TTL_MS // 8), min_size=2, max_size=60).filter(
    lambda steps: len(steps) % 2 == 0
)


def history(steps: list[int], *, start: int = 10**12) -> tuple[tuple[Interval, ...], list[Interval]]:
    """Suppressed and lifted in turns: the intervals as kept, and all that there were."""
    kept: tuple[Interval, ...] = ()
    every, now = [], start
    for wait, held in zip(steps[::2], steps[1::2], strict=True):
        now += wait
        kept, since = begun(kept, since=now), now
        now += held
        kept = lifted(kept, at=now)
        every.append((since, now))
    return kept, every


@given(STEPS)
def test_what_was_refused_stays_refused_as_long_as_any_message_may_come_back(steps: list[int]) -> None:
    """Merging the oldest only ever refuses more; forgetting is for what no message is as old as."""
    kept, every = history(steps)
    now = every[-1][1]
    assert len(kept) <= MAX_INTERVALS
    for since, until in every:
        for received_at in (since, until - 1):
            if received_at > now - TOMBSTONE_TTL_MS:
                assert is_suppressed(kept, received_at)
    assert not is_suppressed(kept, now)
    assert list(kept) == sorted(kept)


def test_an_interval_begins_with_its_first_and_ends_before_its_last_millisecond() -> None:
    """Open until somebody lifts it."""
    (held,) = begun((), since=100)
    assert [is_suppressed([held], at) for at in (99, 100, 10**15)] == [False, True, True]
    done = lifted([held], at=200)
    assert [is_suppressed(done, at) for at in (99, 100, 199, 200)] == [False, True, True, False]
    assert lifted([held], at=100) == ((100, 101),)  # lifted in the same millisecond


def test_doubt_lasts_as_long_as_clocks_may_differ() -> None:
    """Two margins: the interval begins one early."""
    held = begun((), since=1_000)
    assert [is_in_doubt(held, 1_000 + at) for at in (-1, 0, 2 * CLOCK_MARGIN_MS - 1, 2 * CLOCK_MARGIN_MS)] == [
        False,
        True,
        True,
        False,
    ]


def test_each_profile_is_one_suppression_of_its_leaves_that_no_other_one_holds() -> None:
    """Trees are told apart by their links."""
    members = [
        Leaf(id="u1"),
        Leaf(id="v1", parent="u1"),
        Leaf(id="v2", parent="v1"),
        Leaf(id="u2"),
        Leaf(id="v3", parent="u2", suppressions=((5, 0),)),
        Leaf(id="v4", parent="u9"),
    ]
    found = suppressions_of(members, asked_at=20_000, asked=NOTHING_SAID, erasure="job")
    assert [(one.head, one.leaves) for one in found] == [("u1", ("u1", "v1", "v2")), ("u2", ("u2",)), ("v4", ("v4",))]
    assert {one.since for one in found} == {20_000 - CLOCK_MARGIN_MS}
    together = as_one(found)
    assert (together.head, together.leaves, together.erasure) == ("u1", ("u1", "u2", "v1", "v2", "v4"), "job")
    assert suppressions_of([members[4]], asked_at=0, asked=NOTHING_SAID) == []
