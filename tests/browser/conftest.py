"""Browsers for the tests, and pictures of what they saw."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome

from tests.browser.chromium import chromium
from tests.sdks import MODULES

SCREENSHOTS = Path(__file__).parents[2] / ".build" / "screenshots"


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Without a browser on the machine these tests are left out, and those of SDKs without the SDKs; the terminal's summary says so."""
    lacks = not shutil.which("chromedriver") or ("sdks" in collection_path.name and not MODULES.is_dir())
    return True if lacks and collection_path.name.startswith("test_") else None


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Chrome]:
    """A browser with an empty profile."""
    with chromium(tmp_path / "profile") as driver:
        yield driver


@pytest.fixture
def screenshot(browser: Chrome, request: pytest.FixtureRequest) -> Iterator[None]:
    """Leaves a picture of what the test saw last under .build/screenshots."""
    yield
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    browser.save_screenshot(str(SCREENSHOTS / f"{request.node.name}.png"))
