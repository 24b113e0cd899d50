"""Fixtures that every suite shares."""

import shutil
from collections.abc import Iterator

import pytest

from tests.double import StrictAws, strict_aws
from tests.integration.engines import available


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
