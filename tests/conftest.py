"""Fixtures that every suite shares."""

import shutil
from collections.abc import Iterator

import pytest

from tests.double import StrictAws, strict_aws
from tests.e2e.running import Running
from tests.integration.engines import available
from tests.sdks import MODULES


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A started `make run` for all tests that only talk to it, stopped at the end."""
    started = Running(tmp_path_factory.mktemp("run") / "state")
    try:
        yield started.wait_until_ready()
    finally:
        started.interrupt()


@pytest.fixture
def aws() -> Iterator[StrictAws]:
    """The product's stack on the strict double."""
    with strict_aws() as active:
        yield active


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line for each thing that this machine lacks and that had to be left out."""
    if "dynamodb-local" not in available():
        terminalreporter.write_line("DynamoDB Local left out: it needs Java, and `bash .ci/dynamodb_local.sh` once")
    if not shutil.which("chromedriver"):
        terminalreporter.write_line("browser tests left out: they need chromium and chromium-driver")
    if not MODULES.is_dir():
        terminalreporter.write_line("JavaScript SDKs left out: they need node and npm, and `bash .ci/node.sh` once")
