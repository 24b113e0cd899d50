"""SIGKILL for function processes of the embedded engine under load, at a size for every run."""

from pathlib import Path

from tests.campaign import sigkill
from tests.e2e.running import Running


def test_killed_functions_lose_and_double_nothing(tmp_path: Path) -> None:
    """F1 and F12 for real: message ids, counters and names of every person are exact at the end."""
    state = tmp_path / "state"
    running = Running(state)
    try:
        figures = sigkill.run(running.wait_until_ready(), state, events=400, kills=3, seed=1)
    finally:
        running.interrupt()
    assert figures["kills"] == 3
