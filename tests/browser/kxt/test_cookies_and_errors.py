"""kxt() in a real browser, on a website of another origin than its main site: cookies, and what is told where something is wrong. Tests carry the ids of wire.md's section 2.4."""

import time
import uuid

import pytest
from selenium.webdriver import Chrome

from tests.browser.kxt.visiting import MINUTE, YEAR, agree, called_back, cookies, html, settle, stored, visit
from tests.browser.main_site import DROPPED, KEY, MainSite

pytestmark = pytest.mark.e2e


# ---- Cookies


def test_x21_a_website_has_a_first_party_id_for_a_year(browser: Chrome, site: MainSite) -> None:
    visit(browser, site, "kxt('pagevisit');")
    site.wait(lambda: site.events)
    cookie = browser.get_cookie("CMSCurrentProfile")
    assert uuid.UUID(cookie["value"]).version == 4
    assert (cookie["sameSite"], cookie["path"], cookie["domain"]) == ("Lax", "/", "localhost")
    assert YEAR - 2 * MINUTE < cookie["expiry"] - time.time() <= YEAR


def test_an_id_that_is_none_is_replaced(browser: Chrome, site: MainSite) -> None:
    visit(browser, site)
    browser.execute_script("document.cookie = 'CMSCurrentProfile=undefined; path=/'; kxt('pagevisit')")
    site.wait(lambda: site.events)
    assert uuid.UUID(site.events[0]["anonymousId"]).version == 4


def test_the_cookie_has_the_name_and_domain_of_the_options(browser: Chrome, site: MainSite) -> None:
    host = "shop.site.localhost"
    site.pages["/"] = html(site, "kxt('pagevisit');", init="{cookieName: 'visitor', cookieDomain: 'site.localhost'}")
    browser.get(site.page(host=host))
    site.wait(lambda: site.events)
    assert browser.get_cookie("visitor")["domain"] == ".site.localhost"
    browser.execute_script("document.cookie = 'CMSCookieLevel=0; path=/'")  # of this host only, from earlier days
    agree(browser)
    assert cookies(browser)["CMSCookieLevel"] == "1000"
    assert "CMSCurrentProfile" not in cookies(browser)


def test_cookies_are_secure_on_https(browser: Chrome, site: MainSite) -> None:
    site.pages["/"] = "<script src='/kxt.js'></script>"
    browser.get(site.page())
    browser.execute_script(f"""
        const secure = {{location: {{protocol: 'https:', href: 'https://a.example/'}}, navigator, crypto, localStorage, Request,
            addEventListener() {{}}, fetch: fetch.bind(window)}};
        const paper = {{title: 'Given', referrer: '', addEventListener() {{}}, written: [],
            get cookie() {{ return this.written.map(one => one.split(';')[0]).join('; '); }}, set cookie(one) {{ this.written.push(one); }}}};
        window.paper = paper;
        kxt('init', {{mainSiteUrl: '{site.url}', writeKey: '{KEY}', window: secure, document: paper}});
        kxt('pagevisit');
    """)
    site.wait(lambda: site.events)
    assert site.named("page")[0]["properties"] == {"title": "Given", "url": "https://a.example/", "referrer": ""}
    written = browser.execute_script("return paper.written")
    assert written
    assert all(one.endswith("; SameSite=Lax; Secure") for one in written)


# ---- Errors


def test_x20_a_bad_response_reaches_onerror_and_no_callback(browser: Chrome, site: MainSite) -> None:
    visit(browser, site)
    for command in ("consentdata", "consentagree"):
        assert called_back(browser, command, "codeName: 'unheard-of'") == [
            ["onerror", {"type": "error_bad_response", "detail": "status 404"}]
        ]
    assert "CMSCookieLevel" not in cookies(browser)


def test_x20_a_main_site_that_does_not_answer_is_another_error(browser: Chrome, site: MainSite) -> None:
    visit(browser, site)
    site.answer_next("/Kentico.Tracking/consents/tracking", DROPPED, times=5)
    [[which, error]] = called_back(browser, "consentdata")
    assert (which, error["type"]) == ("onerror", "error_other")


@pytest.mark.parametrize(
    "call",
    ["'click', {", "'customactivity', {", "'unheardof', {", "'datainput', {label: 'unmapped', ", "'consentagree', {"],
)
def test_x20_a_call_that_makes_no_sense_is_another_error(browser: Chrome, site: MainSite, call: str) -> None:
    visit(browser, site)
    error = browser.execute_async_script(f"kxt({call}onerror: arguments[0]}})")
    assert error["type"] == "error_other"


def test_x20_blocked_cookies_are_said(browser: Chrome, site: MainSite) -> None:
    browser.execute_cdp_cmd("Emulation.setDocumentCookieDisabled", {"disabled": True})
    visit(browser, site)
    error = browser.execute_async_script("kxt('pagevisit', {onerror: arguments[0]})")
    agreed = called_back(browser, "consentagree")
    browser.execute_cdp_cmd("Emulation.setDocumentCookieDisabled", {"disabled": False})
    assert error["type"] == "error_cookies_blocked"
    assert [(which, told["type"]) for which, told in agreed] == [("onerror", "error_cookies_blocked")]
    settle()
    assert site.batches == []


def test_x20_a_rejected_event_is_reported_once_and_not_sent_again(browser: Chrome, site: MainSite) -> None:
    site.answer_next("/v1/batch", 401)
    visit(browser, site)
    browser.execute_script("window.told = []; kxt('pagevisit', {onerror: error => told.push(error)})")
    site.wait(lambda: browser.execute_script("return told.length"))
    settle()
    assert browser.execute_script("return told") == [{"type": "error_bad_response", "detail": "status 401"}]
    assert ([len(batch.json["batch"]) for batch in site.batches], stored(browser)) == ([2], 0)


def test_calls_wait_for_settings_that_fail_and_are_told(browser: Chrome, site: MainSite) -> None:
    site.answer_next(f"/v1/projects/{KEY}/settings", 503)
    visit(
        browser,
        site,
        """
        window.told = [];
        const tell = which => error => told.push(which + ' ' + (error ? error.type : ''));
        kxt('click', {label: 'a', onerror: tell('click')});
        kxt('consentagree', {codeName: 'tracking', callback: tell('agreed'), onerror: tell('agree')});
    """,
    )
    site.wait(lambda: site.events)
    assert browser.execute_script("return told") == ["click error_other", "agree error_other"]
    assert [event["event"] for event in site.events] == ["click"]
    assert site.asked_for("/contacts/") == []
