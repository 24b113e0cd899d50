"""A real headless Chromium."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

OPTIONS = """--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
--disable-component-update --disable-sync --disable-dev-shm-usage --window-size=1000,1200""".split()
SCREENSHOTS = Path(__file__).parents[2] / ".build" / "screenshots"


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Without a browser on the machine these tests are left out; the terminal's summary says so."""
    return None if shutil.which("chromedriver") or not collection_path.name.startswith("test_") else True


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Chrome]:
    """A browser with an empty profile."""
    options = ChromeOptions()
    for option in (*OPTIONS, f"--user-data-dir={tmp_path / 'profile'}"):
        options.add_argument(option)
    options.binary_location = shutil.which("chromium") or shutil.which("google-chrome") or ""
    driver = Chrome(options, Service(shutil.which("chromedriver")))
    driver.set_script_timeout(30)
    try:
        yield driver
    finally:
        driver.quit()


@pytest.fixture
def screenshot(browser: Chrome, request: pytest.FixtureRequest) -> Iterator[None]:
    """Leaves a picture of what the test saw last under .build/screenshots."""
    yield
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    browser.save_screenshot(str(SCREENSHOTS / f"{request.node.name}.png"))
