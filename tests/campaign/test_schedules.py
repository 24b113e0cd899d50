"""Random schedules at a size for every run; `make campaign` runs the large ones."""

import pytest

from tests.campaign import tasks
from tests.campaign.configs import CONFIGS
from tests.campaign.mutations import MUTANTS
from tests.campaign.schedules import run
from tests.campaign.world import harness


@pytest.mark.parametrize("name", CONFIGS)
def test_no_schedule_loses_doubles_or_raises_anything(name: str) -> None:
    """D1, D3, F4, F12, F13, M1 to M3: the oracle of design section 10 after each of them."""
    result = tasks.schedules(name, 0, 25)
    assert result.figures["crashes"] > 0
    assert result.violations == []


def test_a_faulty_aws_delays_and_never_falsifies() -> None:
    """A1, A2, A5, A7: throttling, 5xx, timeouts, lost answers, halves of batches; track says 200 only for what is on the queue."""
    result = tasks.faulty(0, 25)
    assert result.figures["answers 503"] > 0
    assert result.violations == []


@pytest.mark.parametrize("name", MUTANTS)
def test_the_schedules_see_a_broken_rule(name: str) -> None:
    """A harness that never fails proves nothing."""
    assert tasks.mutant(name, tasks.MUTANT_LIMIT).violations == []


def test_a_seed_replays() -> None:
    """The same seed makes the same calls and the same deaths."""
    with harness() as enter:
        first, second = (run(7, CONFIGS["everything"], enter) for _ in range(2))
    assert (first.world.calls, first.world.crashes, first.world.now) == (
        second.world.calls,
        second.world.crashes,
        second.world.now,
    )
    assert first.world.crashes > 0


def test_tombstones_expire_while_people_come_back() -> None:
    """D9: otherwise the schedules would say nothing about it."""
    assert tasks.schedules("expiring tombstones", 0, 40).figures["vanished"] > 0
