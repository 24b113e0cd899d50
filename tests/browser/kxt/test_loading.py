"""kxt() in a real browser, on a website of another origin than its main site: the file, and how a page loads it. Tests carry the ids of wire.md's section 2.4."""

import gzip

import pytest
from calmjs.parse import es5
from selenium.webdriver import Chrome

from tests.browser.kxt.visiting import (
    SNIPPET,
    settle,
    visit,
)
from tests.browser.main_site import KEY, SCRIPT, MainSite

pytestmark = pytest.mark.e2e


# ---- The file


def test_the_script_takes_less_than_6_kb_on_the_wire() -> None:
    assert len(gzip.compress(SCRIPT.read_bytes(), 9)) < 6000


def test_every_browser_can_parse_the_script() -> None:
    es5(SCRIPT.read_text())


# ---- Loading


def test_calls_made_before_the_script_is_there_are_replayed_in_order(browser: Chrome, site: MainSite) -> None:
    visit(browser, site, "for (const n of [1, 2, 3]) kxt('click', {label: 'before ' + n});")
    site.wait(lambda: len(site.named("click")) == 3)
    assert [event["properties"]["value"] for event in site.named("click")] == ["before 1", "before 2", "before 3"]


def test_calls_before_init_wait_for_it(browser: Chrome, site: MainSite) -> None:
    site.pages["/"] = f"""<script>{SNIPPET}('kxt', '{site.url}/kxt.js?writeKey={KEY}');
        kxt('consentdefault', {{allow_tracking: false}}); kxt('click', {{label: 'forbidden'}});
        kxt('updateconsent', {{allow_tracking: true}}); kxt('click', {{label: 'allowed'}});</script>"""
    browser.get(site.page())
    settle()
    assert site.batches == []
    browser.execute_script("kxt('init')")
    site.wait(lambda: site.events)
    assert [event["properties"]["value"] for event in site.events] == ["allowed"]


def test_the_function_may_have_another_name(browser: Chrome, site: MainSite) -> None:
    visit(browser, site, "tracker('pagevisit');", name="tracker")
    site.wait(lambda: site.named("page"))
    assert browser.execute_script("return typeof window.kxt") == "undefined"


def test_a_second_script_on_the_page_changes_nothing(browser: Chrome, site: MainSite) -> None:
    visit(browser, site, "kxt('pagevisit');", body=f"<script src='{site.url}/kxt.js?writeKey={KEY}'></script>")
    site.wait(lambda: site.named("page"))
    settle()
    assert len(site.events) == 2
    browser.execute_script("kxt('click', {label: 'after both'})")
    site.wait(lambda: site.named("click"))
    assert len(site.asked_for("/settings")) == 1


def test_kentico_snippets_name_the_main_site_and_pass_document_and_window(browser: Chrome, site: MainSite) -> None:
    site.pages["/"] = (
        f"<script src='/kxt.js'></script><script>kxt('init', {{mainSiteUrl: '{site.url}/', document, window, writeKey: '{KEY}'}}); kxt('pagevisit');</script>"
    )
    browser.get(site.page())
    batch = site.wait(lambda: site.batches)[0]
    assert batch.headers["host"] == f"127.0.0.1:{site.port}"


def test_init_without_a_write_key_says_so(browser: Chrome, site: MainSite) -> None:
    site.pages["/"] = "<script src='/kxt.js'></script>"
    browser.get(site.page())
    told = browser.execute_script("try { kxt('init') } catch (error) { return error.message }")
    assert told == "kxt: init needs the writeKey of a channel"


def test_x22_a_script_may_start_itself_and_log_the_page_visit(browser: Chrome, site: MainSite) -> None:
    site.pages["/"] = (
        f"<title>Alone</title><script async src='{site.url}/kxt.js?writeKey={KEY}&logPageVisit=true&loggingFunctionName=tracker'></script>"
    )
    browser.get(site.page())
    assert site.wait(lambda: site.named("page"))[0]["name"] == "Alone"
    browser.execute_script("tracker('click', {label: 'named'})")
    site.wait(lambda: site.named("click"))
