"""At a size for every run: what grows with history, with names, with waiting events, with what is erased."""

import pytest

from tests.campaign import sizes
from tests.campaign.world import harness


def test_a_flush_costs_the_same_whatever_the_history() -> None:
    """F14: no call more, no byte more."""
    with harness() as enter:
        short = sizes.hot_profile(enter, events=200, history=1)
        long = sizes.hot_profile(enter, events=200, history=100_000)
    assert long["calls"] == short["calls"]
    assert long["hot item bytes"] <= short["hot item bytes"] + 8


def test_ten_thousand_names_from_one_sender_do_not_fill_the_hot_item() -> None:
    """Invariant 10: names of four bytes a letter included."""
    with harness() as enter:
        assert sizes.hot_profile(enter, events=10_000, history=1, names=10_000)["hot item bytes"] < sizes.MAX_HOT


def test_a_backlog_drains_with_workers_and_nobody_starves() -> None:
    """Each person has all of his events at the end."""
    with harness() as enter:
        assert sizes.backlog(enter, events=10_000, people=100, workers=5, a_request=5)["workers"] > 0


@pytest.mark.parametrize("seed", [1, 2])
def test_a_large_erasure_goes_on_in_short_slices_and_counts_right(seed: int) -> None:
    """D4: dies now and then, progress never goes back."""
    with harness() as enter:
        figures = sizes.erasure(enter, rows=30_000, seed=seed, crash=0.003)
    assert figures["slices"] > 1
    assert figures["crashes"] > 0


def test_a_bulk_erasure_goes_on_in_short_slices_and_counts_right() -> None:
    """Likewise."""
    with harness() as enter:
        assert sizes.bulk_erasure(enter, people=500, seed=1, crash=0.002)["slices"] > 1
