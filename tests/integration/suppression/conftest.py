"""Every test has a time of its own."""

import pytest

from cdp_core import clock
from tests.double import StrictAws
from tests.integration.suppression.asking import START, Clock
from tests.support.product import seed_keys


@pytest.fixture(autouse=True)
def _time(monkeypatch: pytest.MonkeyPatch) -> None:
    Clock.now = START
    monkeypatch.setattr(clock, "now_ms", lambda: Clock.now)


@pytest.fixture
def _keys(aws: StrictAws) -> None:
    seed_keys()
