"""The flush's rhythm inside its minute, its idleness, and its workers. A clock of the test's own stands for time."""

import json
from collections import Counter
from typing import Any

import pytest

from cdp_core.config import settings
from cdp_core.usecases import flush as module
from cdp_core.usecases.drain import Drained
from cdp_core.usecases.flush import Invocation, flush
from cdp_core.wire.segment import reread

LIFE_MS = 60_000


class World:
    """A queue that gives what the test says, and a clock that moves only when somebody sleeps."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *drains: Drained, backlog: int = 0, **environment: str) -> None:
        self.now, self.drains, self.started, self.drained_at = 0.0, list(drains), [], []
        self.jobs = self.busy = 0
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        settings.cache_clear()
        monkeypatch.setattr(module.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(module, "drain", self._drain)
        monkeypatch.setattr(module, "work_jobs", self._work)
        monkeypatch.setattr(module.queue, "backlog", lambda: backlog)
        monkeypatch.setattr(module.workers, "start", self.started.append)

    def _drain(self, remaining: Any) -> Drained:
        self.drained_at.append(self.now)
        return self.drains.pop(0) if self.drains else Drained()

    def _work(self, left: Any, again: Any) -> int:
        assert left() > 0
        self.jobs += 1
        return 1 if self.jobs <= self.busy else 0

    def _sleep(self, seconds: float) -> None:
        self.now += seconds

    def run(self, *, worker: bool = False) -> Counter[str]:
        """One invocation."""
        remaining = lambda: LIFE_MS - int(self.now * 1000)  # noqa: E731
        return flush(Invocation(remaining, "flush", worker, reread), sleep=self._sleep)


@pytest.fixture(autouse=True)
def _fresh_settings() -> Any:
    yield
    settings.cache_clear()


def test_an_eager_flush_drains_every_interval_until_its_minute_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, FLUSH_IDLE="eager", FLUSH_INTERVAL_SECONDS="10")
    world.run()
    assert world.drained_at == [0, 10, 20, 30, 40, 50]
    assert world.jobs == 6


def test_a_thrifty_flush_ends_at_its_first_empty_drain_and_still_looks_after_jobs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(monkeypatch, Drained(messages=3), FLUSH_IDLE="thrifty", FLUSH_INTERVAL_SECONDS="10")
    world.run()
    assert world.drained_at == [0, 10]
    assert world.jobs == 2


def test_a_thrifty_flush_stays_while_there_is_a_job_to_work_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """An import of a million rows is no reason to sleep; a job that waits is."""
    world = World(monkeypatch, FLUSH_IDLE="thrifty", FLUSH_INTERVAL_SECONDS="10")
    world.busy = 3
    world.run()
    assert world.drained_at == [0, 10, 20, 30]


def test_a_full_drain_is_followed_by_another_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, Drained(messages=1_000, full=True), Drained(messages=5), FLUSH_IDLE="thrifty")
    world.run()
    assert world.drained_at[:2] == [0, 0]


@pytest.mark.parametrize(("backlog", "workers"), [(0, 0), (1_999, 0), (2_000, 1), (5_000, 2), (10**9, 3)])
def test_a_backlog_starts_workers_up_to_the_limit(monkeypatch: pytest.MonkeyPatch, backlog: int, workers: int) -> None:
    world = World(monkeypatch, Drained(messages=1_000, full=True), backlog=backlog, FLUSH_MAX_WORKERS="4")
    world.run()
    assert world.started == ["flush"] * workers


def test_a_worker_drains_once_through_starts_nobody_and_leaves_jobs_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, *[Drained(messages=1_000, full=True)] * 2, backlog=10**9, FLUSH_IDLE="eager")
    world.run(worker=True)
    assert (world.drained_at, world.started, world.jobs) == ([0, 0, 0], [], 0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FLUSH_INTERVAL_SECONDS", "0"),
        ("FLUSH_INTERVAL_SECONDS", "61"),
        ("FLUSH_INTERVAL_SECONDS", "x"),
        ("FLUSH_IDLE", "lazy"),
    ],
)
def test_a_setting_out_of_its_range_is_refused_by_name(name: str, value: str) -> None:
    from cdp_core.config import Misconfigured, read_settings

    with pytest.raises(Misconfigured, match=name):
        read_settings({name: value})


def test_what_a_drain_did_becomes_metrics(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    World(monkeypatch, Drained(messages=2, counts=Counter(events=7, erased=2)), FLUSH_IDLE="thrifty").run()
    (metrics,) = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    assert (metrics["events"], metrics["erased"]) == (7, 2)
    assert "activities" not in metrics
