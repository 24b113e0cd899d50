"""kxt() in a real browser, on a website of another origin than its main site: how events reach the main site. Tests carry the ids of wire.md's section 2.4."""

import threading
from collections.abc import Callable

import pytest
from selenium.webdriver import Chrome

from tests.browser.kxt.visiting import called_back, hide, html, settle, stored, visit
from tests.browser.main_site import DROPPED, KEY, MainSite

pytestmark = pytest.mark.e2e


def test_x26_calls_of_a_second_go_in_one_request(browser: Chrome, site: MainSite) -> None:
    visit(browser, site)
    browser.execute_script("for (let n = 0; n < 5; n++) kxt('click', {label: n + '.'})")
    site.wait(lambda: site.events)
    settle()
    assert [len(batch.json["batch"]) for batch in site.batches] == [5]


def test_x26_twenty_events_do_not_wait(browser: Chrome, site: MainSite) -> None:
    visit(browser, site, "kxt('pagevisit');")
    site.wait(lambda: site.events)
    browser.execute_script("for (let n = 0; n < 45; n++) kxt('click', {label: n + '.'})")
    site.wait(lambda: len(site.batches) >= 3, seconds=0.8)
    site.wait(lambda: len(site.named("click")) == 45)
    assert [event["properties"]["value"] for event in site.named("click")] == [f"{n}." for n in range(45)]
    assert max(len(batch.json["batch"]) for batch in site.batches) == 20


@pytest.mark.parametrize("status", [500, 429, 408, DROPPED])
def test_events_that_did_not_arrive_are_sent_again_with_the_same_ids(
    browser: Chrome, site: MainSite, status: int
) -> None:
    site.answer_next("/v1/batch", status)
    visit(browser, site, "kxt('click', {label: 'a'});")
    site.wait(lambda: len(site.batches) == 2)
    settle()
    assert len(site.batches) == 2
    assert len({event["messageId"] for event in site.events}) == 1
    assert stored(browser) == 0


def test_a_retry_waits_as_long_as_it_is_told(browser: Chrome, site: MainSite) -> None:
    site.answer_next("/v1/batch", 429, Retry_After="3")
    visit(browser, site, "kxt('click', {label: 'a'});")
    site.wait(lambda: len(site.batches) == 2)
    first, second = site.batches
    assert 2.9 < second.at - first.at < 4


def test_an_event_of_the_last_moment_arrives_once(browser: Chrome, site: MainSite) -> None:
    visit(browser, site, "kxt('pagevisit');")
    site.wait(lambda: site.events)
    site.pages["/next"] = html(site, "kxt('pagevisit');", title="Next")
    browser.execute_script("""
        const send = fetch;
        window.fetch = (url, init) => { sessionStorage.outlives = init.keepalive; return send(url, init); };
    """)
    browser.execute_script("kxt('click', {label: 'leaving'}); location.href = '/next'")
    site.wait(lambda: len(site.named("page")) == 2)
    settle()
    assert len({event["messageId"] for event in site.named("click")}) == 1
    assert browser.execute_script("return sessionStorage.outlives") == "true"
    assert stored(browser) == 0


def test_an_event_of_the_last_moment_needs_no_next_page(browser: Chrome, site: MainSite) -> None:
    visit(browser, site, "kxt('pagevisit');")
    site.wait(lambda: site.events)
    browser.execute_script("kxt('click', {label: 'leaving'}); location.href = 'about:blank'")
    site.wait(lambda: site.named("click"), seconds=3)
    settle()
    assert len(site.named("click")) == 1


def test_an_event_of_the_last_moment_without_an_answer_is_sent_by_the_next_page(
    browser: Chrome, site: MainSite
) -> None:
    visit(browser, site, "kxt('pagevisit');")
    site.wait(lambda: site.events)
    site.pages["/next"] = html(site)
    site.held = threading.Event()
    browser.execute_script("kxt('click', {label: 'leaving'}); location.href = '/next'")
    site.wait(lambda: len(site.named("click")) == 2)
    assert len({event["messageId"] for event in site.named("click")}) == 1
    site.held.set()
    site.wait(lambda: stored(browser) == 0)


def test_a_page_that_is_left_at_once_by_somebody_known_is_not_lost(browser: Chrome, site: MainSite) -> None:
    visit(browser, site, "kxt('pagevisit');")
    site.wait(lambda: site.events)
    site.answer_next(f"/v1/projects/{KEY}/settings", 503, times=50)
    browser.execute_cdp_cmd("Network.clearBrowserCache", {})
    site.pages["/short"] = (
        f"<title>Short</title><script src='{site.url}/kxt.js?writeKey={KEY}'></script><script>kxt('init'); kxt('pagevisit'); location.href = 'about:blank'</script>"
    )
    browser.get(site.page("/short"))
    site.wait(lambda: len(site.named("page")) == 2)


def test_the_next_page_sends_what_could_not_be_sent(browser: Chrome, site: MainSite) -> None:
    visit(browser, site)
    site.answer_next("/v1/batch", 503, times=1, Retry_After="60")
    browser.execute_script("kxt('click', {label: 'kept'})")
    site.wait(lambda: stored(browser) == 1)
    visit(browser, site, at="/next")
    site.wait(lambda: len(site.batches) == 2)
    assert [event["messageId"] for event in site.batches[0].json["batch"]] == [
        event["messageId"] for event in site.batches[1].json["batch"]
    ]
    site.wait(lambda: stored(browser) == 0)


def test_a_hidden_page_sends_at_once(browser: Chrome, site: MainSite) -> None:
    visit(browser, site, "kxt('pagevisit');")
    site.wait(lambda: site.events)
    browser.execute_script("kxt('click', {label: 'a'})")
    hide(browser)
    site.wait(lambda: site.named("click"), seconds=0.8)
    site.wait(lambda: stored(browser) == 0)
    settle()
    assert len(site.named("click")) == 1


def test_a_page_that_leaves_splits_what_is_too_large(browser: Chrome, site: MainSite) -> None:
    visit(browser, site, "kxt('pagevisit');")
    site.wait(lambda: site.events)
    browser.execute_script(
        "for (let n = 0; n < 12; n++) kxt('customactivity', {type: 'large', value: 'ž'.repeat(5000)})"
    )
    site.pages["/next"] = html(site)
    browser.get(site.page("/next"))
    site.wait(lambda: len({event["messageId"] for event in site.named("large")}) == 12)
    assert max(len(batch.body.encode()) for batch in site.batches) < 61_000


def test_a_browser_that_cannot_keep_a_request_alive_sends_a_beacon(
    browser: Chrome, site: MainSite, in_every_page: Callable[[str], None]
) -> None:
    in_every_page(
        "delete Request.prototype.keepalive; const send = navigator.sendBeacon; navigator.sendBeacon = function () { sessionStorage.beacons = 1; return send.apply(this, arguments); }"
    )
    visit(browser, site, "kxt('pagevisit');")
    site.wait(lambda: site.events)
    site.pages["/next"] = html(site)
    browser.execute_script("kxt('click', {label: 'leaving'}); location.href = '/next'")
    site.wait(lambda: site.named("click"))
    settle()
    assert len(site.named("click")) == 1
    assert browser.execute_script("return sessionStorage.beacons") == "1"


def test_a_request_that_fails_after_a_withdrawal_is_not_repeated(browser: Chrome, site: MainSite) -> None:
    visit(browser, site)
    site.held = threading.Event()
    site.answer_next("/v1/batch", 503)
    browser.execute_script("kxt('click', {label: 'a'})")
    site.wait(lambda: site.batches)
    browser.execute_script("kxt('consentrevoke', {codeName: 'tracking'})")
    site.wait(lambda: site.asked_for("/contacts/", "POST"))
    site.held.set()
    settle()
    assert (len(site.batches), stored(browser)) == (1, 0)


def test_what_was_not_sent_is_dropped_where_the_website_lowers_the_level(browser: Chrome, site: MainSite) -> None:
    visit(browser, site)
    site.answer_next("/v1/batch", 503, Retry_After="60")
    browser.execute_script("kxt('click', {label: 'kept'})")
    site.wait(lambda: stored(browser) == 1)
    browser.execute_script("document.cookie = 'CMSCookieLevel=0; path=/'")
    visit(browser, site, at="/next")
    settle()
    assert (len(site.batches), stored(browser)) == (1, 0)


def test_what_was_not_sent_is_not_sent_to_somebody_who_withdrew(browser: Chrome, site: MainSite) -> None:
    visit(browser, site)
    site.answer_next("/v1/batch", 503, Retry_After="60")
    browser.execute_script("kxt('click', {label: 'kept'})")
    site.wait(lambda: stored(browser) == 1)
    assert called_back(browser, "consentrevoke") == [["callback", None]]
    assert stored(browser) == 0
    visit(browser, site, at="/next")
    settle()
    assert len(site.batches) == 1
