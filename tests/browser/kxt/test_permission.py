"""kxt() in a real browser, on a website of another origin than its main site: what may be tracked at all. Tests carry the ids of wire.md's section 2.4."""

from collections.abc import Callable

import pytest
from selenium.webdriver import Chrome

from tests.browser.kxt.visiting import agree, cookies, settle, stored, visit
from tests.browser.main_site import MainSite

pytestmark = pytest.mark.e2e


def test_x01_a_denied_default_permission_lets_nothing_out(browser: Chrome, site: MainSite) -> None:
    visit(
        browser,
        site,
        "kxt('consentdefault', {allow_tracking: false, allow_datainput: false}); kxt('pagevisit'); kxt('click', {label: 'a'});",
    )
    settle()
    assert site.batches == []
    assert (cookies(browser), stored(browser)) == ({}, 0)


def test_x02_a_permission_recovers_the_page_view_and_nothing_else(browser: Chrome, site: MainSite) -> None:
    visit(
        browser,
        site,
        "kxt('consentdefault', {allow_tracking: false}); kxt('pagevisit'); kxt('pagevisit', {title: 'Second'}); kxt('click', {label: 'lost'});",
    )
    browser.execute_script("kxt('updateconsent', {allow_tracking: true}); kxt('click', {label: 'kept'})")
    site.wait(lambda: site.named("click"))
    settle()
    assert [
        (event["type"], event["properties"].get("title"), event["properties"].get("value")) for event in site.events
    ] == [
        ("page", "First", None),
        ("track", "First", None),
        ("track", None, "kept"),
    ]


def test_x02_a_permission_can_be_withdrawn(browser: Chrome, site: MainSite) -> None:
    visit(browser, site)
    browser.execute_script(
        "kxt('click', {label: 'kept'}); kxt('updateconsent', {allow_tracking: false}); kxt('click', {label: 'lost'})"
    )
    site.wait(lambda: site.events)
    settle()
    assert [event["properties"]["value"] for event in site.events] == ["kept"]


def test_x24_nothing_is_tracked_below_the_level_visitor(browser: Chrome, site: MainSite) -> None:
    site.channel["cookie_level"] = 199
    visit(
        browser,
        site,
        "kxt('pagevisit'); kxt('click', {label: 'a'}); kxt('configurecontactfieldmapping', {a: 'ContactEmail'}); kxt('datainput', {label: 'a', fields: [{fieldName: 'a', value: 'a@b.c'}]});",
    )
    settle()
    assert site.batches == []
    assert (cookies(browser), stored(browser)) == ({}, 0)


def test_x24_the_level_that_a_visitor_has_outweighs_the_default_of_the_channel(browser: Chrome, site: MainSite) -> None:
    for level, default, tracked in (("200", 0, True), ("100", 1000, False)):
        site.asked.clear()
        site.channel["cookie_level"] = default
        visit(browser, site)
        browser.execute_script(f"document.cookie = 'CMSCookieLevel={level}; path=/'; kxt('click', {{label: 'a'}})")
        settle()
        assert bool(site.events) == tracked


@pytest.mark.parametrize("signal", ["globalPrivacyControl: {value: true}", "doNotTrack: {value: '1'}"])
def test_a_privacy_signal_outweighs_the_default_and_an_agreement_the_signal(
    browser: Chrome, site: MainSite, in_every_page: Callable[[str], None], signal: str
) -> None:
    in_every_page(f"Object.defineProperties(navigator, {{{signal}}})")
    visit(browser, site, "kxt('pagevisit'); kxt('updateconsent', {allow_tracking: true});")
    settle()
    assert site.batches == []
    agree(browser)
    site.wait(lambda: site.named("page"))


def test_a_website_may_answer_privacy_signals_itself(
    browser: Chrome, site: MainSite, in_every_page: Callable[[str], None]
) -> None:
    in_every_page("Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})")
    visit(browser, site, "kxt('pagevisit');", init="{honorPrivacySignals: false}")
    site.wait(lambda: site.named("page"))


@pytest.mark.parametrize(
    "robot", ["Mozilla/5.0 (compatible; Googlebot/2.1)", "SomeCrawler/1.0", "BaiduSpider", "Yahoo! Slurp"]
)
def test_x25_robots_are_ignored(browser: Chrome, site: MainSite, robot: str) -> None:
    browser.execute_cdp_cmd("Network.setUserAgentOverride", {"userAgent": robot})
    visit(browser, site, "kxt('pagevisit');")
    settle()
    browser.execute_cdp_cmd("Network.setUserAgentOverride", {"userAgent": ""})
    assert site.batches == []


def test_x25_a_telephone_called_cubot_is_not_a_robot(browser: Chrome, site: MainSite) -> None:
    browser.execute_cdp_cmd(
        "Network.setUserAgentOverride", {"userAgent": "Mozilla/5.0 (Linux; Android 14; CUBOT X90) Chrome/149.0"}
    )
    visit(browser, site, "kxt('pagevisit');")
    browser.execute_cdp_cmd("Network.setUserAgentOverride", {"userAgent": ""})
    site.wait(lambda: site.events)
