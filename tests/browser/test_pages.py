"""What a person sees in a browser: the demo page, the API's documentation, and tracking from another website."""

import json
from typing import Any

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from tests.e2e.running import Running

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("screenshot")]


def until(browser: Chrome, condition: Any) -> Any:
    """Waits for what the page shows."""
    return WebDriverWait(browser, 40, ignored_exceptions=[ValueError, KeyError]).until(lambda _: condition())


def test_the_demo_page_makes_a_person_out_of_a_visitor(browser: Chrome, running: Running) -> None:
    browser.get(f"http://127.0.0.1:{running.port}/demo/")
    for kind in ("page", "track", "identify"):
        browser.find_element(By.CSS_SELECTOR, f"[data-send={kind}]").click()
        until(browser, lambda kind=kind: f"{kind}: 200" in browser.find_element(By.ID, "answers").text)

    def profile() -> Any:
        browser.find_element(By.ID, "show").click()
        shown = json.loads(browser.find_element(By.ID, "profile").text)
        return shown if shown["activity_counts"]["total"] == 2 else None

    shown = until(browser, profile)
    assert shown["contact"] == {"email": "demo-user@example.com", "first_name": "Demo"}


def test_the_documentation_lists_every_route_without_the_internet(browser: Chrome, running: Running) -> None:
    browser.get(f"http://127.0.0.1:{running.port}/docs")
    routes = until(
        browser, lambda: [one.text for one in browser.find_elements(By.CSS_SELECTOR, ".opblock-summary-path")]
    )
    assert "/profiles" in routes
    requested = browser.execute_script("return performance.getEntriesByType('resource').map(one => one.name)")
    assert [one for one in requested if not one.startswith(f"http://127.0.0.1:{running.port}/")] == []


FETCH = """
const [url, done] = arguments;
const headers = {"Content-Type": "application/json", "Authorization": "Basic " + btoa("local-write-key:"), "X-Retry-Count": "1"};
fetch(url, {method: "POST", headers, body: JSON.stringify({userId: "foreign", event: "Seen Elsewhere"})})
  .then(async answer => done([answer.status, await answer.text()]), error => done([0, String(error)]));
"""


def test_another_website_may_track_and_reads_the_answer(browser: Chrome, running: Running) -> None:
    browser.get(f"http://localhost:{running.port}/demo/")  # another origin than 127.0.0.1
    status, text = browser.execute_async_script(FETCH, f"http://127.0.0.1:{running.port}/v1/track")
    assert (status, json.loads(text)) == (200, {"success": True})
    status, text = browser.execute_async_script(
        FETCH.replace("local-write-key", "wrong"), f"http://127.0.0.1:{running.port}/v1/track"
    )
    assert (status, json.loads(text)["code"]) == (401, "unauthorized")


def test_another_website_may_not_read_profiles(browser: Chrome, running: Running) -> None:
    browser.get(f"http://localhost:{running.port}/demo/")  # another origin than 127.0.0.1
    status, _ = browser.execute_async_script(FETCH, f"http://127.0.0.1:{running.port}/profiles/lookup")
    assert status == 0
