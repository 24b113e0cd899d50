"""How long something remembered is believed."""

import pytest

from cdp_core import clock


@pytest.mark.parametrize(("age", "recent"), [(0, True), (59_999, True), (60_000, False), (10**9, False), (-1, False)])
def test_a_moment_is_recent_for_its_seconds_and_not_before_it_comes(
    age: int, recent: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now_ms", lambda: 1_800_000_000_000)
    assert clock.is_recent(1_800_000_000_000 - age, seconds=60) is recent
