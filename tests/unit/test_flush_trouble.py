"""A flush whose queue or whose helpers do not answer does what it can without them."""

from typing import Any

import pytest

from cdp_core.config import settings
from cdp_core.errors import Unavailable
from cdp_core.usecases import flush as module
from cdp_core.usecases.drain import Drained
from tests.unit.test_flush_rhythm import World

BACKLOG = [Drained(messages=1_000, full=True), Drained(messages=1_000, full=True), Drained(messages=5)]


@pytest.fixture(autouse=True)
def _fresh_settings() -> Any:
    yield
    settings.cache_clear()


def _unavailable(*_: Any) -> Any:
    raise Unavailable("no answer")


@pytest.mark.parametrize("broken", ["queue.backlog", "workers.start"])
def test_a_flush_that_gets_no_help_works_off_the_backlog_alone(broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, *BACKLOG, backlog=10**9, FLUSH_IDLE="thrifty")
    monkeypatch.setattr(f"cdp_core.usecases.flush.{broken}", _unavailable)
    world.run()
    assert (world.drains, world.jobs) == ([], 2)


def test_workers_that_were_started_before_one_could_not_be_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, *BACKLOG, backlog=10**9, FLUSH_IDLE="thrifty", FLUSH_MAX_WORKERS="4")

    def start(name: str) -> None:
        if len(world.started) == 2:
            raise Unavailable("no answer")
        world.started.append(name)

    monkeypatch.setattr(module.workers, "start", start)
    assert world.run()["workers"] == 2


def test_jobs_have_their_turn_where_the_queue_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """An erasure goes on. Lambda reports the error."""
    world = World(monkeypatch, FLUSH_IDLE="eager")
    monkeypatch.setattr(module, "drain", _unavailable)
    with pytest.raises(Unavailable):
        world.run()
    assert world.jobs == 1


def test_a_worker_whose_queue_cannot_be_read_leaves_jobs_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch)
    monkeypatch.setattr(module, "drain", _unavailable)
    with pytest.raises(Unavailable):
        world.run(worker=True)
    assert world.jobs == 0
