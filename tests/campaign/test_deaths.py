"""F1, F2, D2, A9: real process death, at a size for every run."""

import pytest

from tests.campaign import deaths, tasks
from tests.campaign.mutations import broken
from tests.campaign.world import harness


@pytest.mark.parametrize("part", range(2))
def test_whatever_dies_is_made_good_by_what_runs_next(part: int) -> None:
    """A third of all calls, before and after, and some pairs."""
    result = tasks.process_death(part, 6, 24, 1)
    assert result.figures["runs"] > 30
    assert result.violations == []


def test_a_flush_that_deletes_its_messages_first_is_caught() -> None:
    """The runs can fail."""
    with harness() as enter, broken("message deleted first"):
        total = deaths.calls_of(enter, "flush and link")
        assert any(deaths.one_run(enter, "flush and link", [(nth, True)]) for nth in range(total))
