"""One browser for all of kxt()'s tests, and a main site for each of them."""

from collections.abc import Callable, Iterator

import pytest
from selenium.webdriver import Chrome

from tests.browser.chromium import chromium
from tests.browser.main_site import MainSite, main_site


@pytest.fixture(scope="session")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """One browser for all tests of this folder."""
    with chromium(tmp_path_factory.mktemp("browser") / "profile") as driver:
        yield driver


@pytest.fixture
def browser(started: Chrome) -> Iterator[Chrome]:
    """The browser as a new visitor has it. Local storage is new as well: each main site has a port of its own."""
    started.execute_cdp_cmd("Network.clearBrowserCookies", {})
    started.execute_cdp_cmd("Network.clearBrowserCache", {})
    yield started
    started.get("about:blank")


@pytest.fixture
def in_every_page(browser: Chrome) -> Iterator[Callable[[str], None]]:
    """Runs a script in each new page before the page's own."""
    added: list[str] = []

    def add(script: str) -> None:
        made = browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": script})
        added.append(made["identifier"])

    yield add
    for identifier in added:
        browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", {"identifier": identifier})


@pytest.fixture
def site() -> Iterator[MainSite]:
    with main_site() as running:
        yield running
