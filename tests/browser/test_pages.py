"""What a person sees in a browser: the demo page, the API's documentation, and tracking from another website."""

import json
from typing import Any

import pytest
from selenium.common import NoSuchElementException
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from tests.e2e.running import Running

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("screenshot")]


def until(browser: Chrome, condition: Any) -> Any:
    """Waits for what the page shows."""
    return WebDriverWait(browser, 40, ignored_exceptions=[ValueError, KeyError, NoSuchElementException]).until(
        lambda _: condition()
    )


def press(browser: Chrome, selector: str) -> None:
    """Presses what is there as soon as it is."""
    until(browser, lambda: browser.find_elements(By.CSS_SELECTOR, selector))[0].click()


def fill(browser: Chrome, form: str, **inputs: str) -> None:
    """Fills in a form and submits it."""
    for name, value in inputs.items():
        browser.find_element(By.CSS_SELECTOR, f"{form} [name={name}]").send_keys(value)
    press(browser, f"{form} button")


def status(browser: Chrome) -> str:
    return browser.find_element(By.ID, "status").text


def test_the_demo_website_makes_a_member_out_of_a_visitor(browser: Chrome, running: Running) -> None:
    demo = f"http://127.0.0.1:{running.port}/demo/"
    browser.get(demo)
    until(browser, lambda: "remember what you do" in browser.find_element(By.ID, "banner").text)
    assert browser.get_cookies() == []
    press(browser, "#agree")
    until(browser, lambda: "You agreed" in status(browser))
    press(browser, "#brochure")
    press(browser, "[data-click='See the trips']")
    until(browser, lambda: browser.current_url.endswith("trips.html"))
    browser.get(f"{demo}contact.html")
    fill(browser, "#newsletter", firstName="Ann", email="ann@example.com", bird="heron")
    assert "data input" in status(browser)
    browser.get(f"{demo}members.html")
    fill(browser, "#register", name="Ann Heron", email="ann@example.com")
    until(browser, lambda: "you are a member now" in status(browser))
    browser.get(f"{demo}profile.html")

    def profile() -> Any:
        press(browser, "#show")
        shown = json.loads(browser.find_element(By.ID, "json").get_attribute("textContent"))
        return shown if shown["verified"] and shown["activity_counts"]["total"] >= 10 else None

    shown = until(browser, profile)
    assert shown["activity_counts"]["by_type"] == {
        "pagevisit": 5,
        "landingpage": 1,
        "click": 1,
        "brochure_download": 1,
        "datainput": 1,
        "memberregistration": 1,
    }
    assert (shown["display_name"], shown["contact"]["first_name"]) == ("ann@example.com", "Ann")
    assert "heron" not in json.dumps(shown["contact"])


def test_who_refuses_on_the_demo_website_stays_unknown(browser: Chrome, running: Running) -> None:
    browser.get(f"http://127.0.0.1:{running.port}/demo/")
    press(browser, "#language")
    until(browser, lambda: "Souhlasím" in browser.find_element(By.ID, "banner").text)
    press(browser, "#refuse")
    until(browser, lambda: "keeps no id" in status(browser))
    assert [one["name"] for one in browser.get_cookies()] == ["CMSCookieLevel"]
    browser.refresh()
    press(browser, "#brochure")
    assert "you have not agreed" in status(browser)
    assert browser.find_elements(By.ID, "banner") == []


def test_a_plain_form_of_the_demo_website_needs_no_consent(browser: Chrome, running: Running) -> None:
    browser.get(f"http://127.0.0.1:{running.port}/demo/contact.html")
    fill(browser, "form[action]", email="question@example.com", message="Is there a trip in May?")
    browser.switch_to.frame("answer")
    until(browser, lambda: "Thank you" in browser.find_element(By.TAG_NAME, "body").text)


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
