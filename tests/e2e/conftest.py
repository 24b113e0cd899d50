"""One `make run` for all tests of the folder that only talk to it."""

from collections.abc import Iterator

import pytest

from tests.e2e.running import Running


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A started `make run`, stopped at the end."""
    started = Running(tmp_path_factory.mktemp("run") / "state")
    try:
        yield started.wait_until_ready()
    finally:
        started.interrupt()
