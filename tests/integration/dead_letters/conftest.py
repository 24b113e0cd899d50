"""Every test has a time of its own, and sleeps none of it."""

import time

import pytest

from cdp_core import clock
from cdp_core.usecases import redrive
from tests.double import StrictAws
from tests.integration.dead_letters.asking import START, Clock
from tests.support.product import seed_keys


@pytest.fixture(autouse=True)
def _time(monkeypatch: pytest.MonkeyPatch) -> None:
    Clock.now, Clock.slept = START, []
    monkeypatch.setattr(clock, "now_ms", lambda: Clock.now)
    monkeypatch.setattr(time, "sleep", Clock.slept.append)
    monkeypatch.setattr(redrive, "_WAIT_SECONDS", 0)


@pytest.fixture
def _keys(aws: StrictAws) -> None:
    seed_keys()
