"""kxt() in a real browser, on a website of another origin than its main site: consents. Tests carry the ids of wire.md's section 2.4."""

import threading

import pytest
from selenium.webdriver import Chrome

from tests.browser.kxt.visiting import agree, called_back, cookies, settle, visit
from tests.browser.main_site import MainSite

pytestmark = pytest.mark.e2e


def test_x03_the_texts_of_a_consent_come_in_the_language_asked_for(browser: Chrome, site: MainSite) -> None:
    visit(browser, site)
    for language in ("languageName: 'cs'", "cultureCode: 'cs'"):
        assert called_back(browser, "consentdata", f"codeName: 'tracking', {language}") == [
            ["callback", {"shortText": "<p>short cs</p>", "fullText": "<p>full cs</p>"}]
        ]


def test_x04_who_never_agreed_is_not_asked_about(browser: Chrome, site: MainSite) -> None:
    site.channel["cookie_level"] = 0
    visit(browser, site)
    assert called_back(browser, "consentcontactstatus") == [["callback", {"isAgreed": False}]]
    assert site.asked_for("/contacts/") == []


def test_x04_the_status_of_a_visitor_is_the_main_sites(browser: Chrome, site: MainSite) -> None:
    site.channel["cookie_level"] = 0
    visit(browser, site)
    agree(browser)
    assert called_back(browser, "consentcontactstatus") == [["callback", {"isAgreed": True}]]
    visitor = cookies(browser)["CMSCurrentProfile"]
    assert [one.path for one in site.asked_for("/contacts/", "GET")] == [
        f"/Kentico.Tracking/contacts/{visitor}/consents/tracking"
    ]


def test_x05_an_agreement_raises_the_level_and_sends_the_page_view_that_was_held(
    browser: Chrome, site: MainSite
) -> None:
    site.channel["cookie_level"] = 0
    visit(browser, site, "kxt('pagevisit'); kxt('click', {label: 'lost'});")
    settle()
    assert site.batches == []
    agree(browser)
    site.wait(lambda: len(site.events) == 2)
    settle()
    assert [event.get("event", event["type"]) for event in site.events] == ["page", "landingpage"]
    assert cookies(browser)["CMSCookieLevel"] == "1000"
    assert site.agreed == {(site.events[0]["anonymousId"], "tracking"): True}
    visit(browser, site, "kxt('pagevisit');", at="/second", title="Second")
    site.wait(lambda: [event["name"] for event in site.named("page")] == ["First", "Second"])


def test_x05_nothing_is_sent_before_the_main_site_has_acknowledged_the_agreement(
    browser: Chrome, site: MainSite
) -> None:
    site.channel["cookie_level"] = 0
    site.held = threading.Event()
    visit(browser, site, "kxt('pagevisit');")
    browser.execute_script("kxt('consentagree', {codeName: 'tracking'}); kxt('click', {label: 'too early'})")
    site.wait(lambda: site.asked_for("/contacts/", "POST"))
    settle()
    assert site.batches == []
    assert cookies(browser) == {}
    site.held.set()
    site.wait(lambda: len(site.events) == 2)
    assert site.named("click") == []


def test_x05_a_page_view_waits_for_the_website_and_the_visitor(browser: Chrome, site: MainSite) -> None:
    site.channel["cookie_level"] = 0
    visit(browser, site, "kxt('consentdefault', {allow_tracking: false}); kxt('pagevisit');")
    agree(browser)
    settle()
    assert site.batches == []
    browser.execute_script("kxt('updateconsent', {allow_tracking: true})")
    site.wait(lambda: len(site.events) == 2)


def test_x05_a_page_view_that_nobody_agreed_to_ends_with_its_page(browser: Chrome, site: MainSite) -> None:
    site.channel["cookie_level"] = 0
    visit(browser, site, "kxt('pagevisit');")
    visit(browser, site, "kxt('pagevisit');", at="/second", title="Second")
    agree(browser)
    site.wait(lambda: site.events)
    settle()
    assert [event["properties"]["title"] for event in site.events] == ["Second", "Second"]


def test_x05_the_level_of_an_agreement_is_an_option(browser: Chrome, site: MainSite) -> None:
    site.channel["cookie_level"] = 0
    visit(browser, site, init="{agreeCookieLevel: 200}")
    agree(browser)
    assert cookies(browser)["CMSCookieLevel"] == "200"


def test_x05_a_withdrawal_reaches_the_main_site_before_the_id_is_gone(browser: Chrome, site: MainSite) -> None:
    site.channel["cookie_level"] = 0
    visit(browser, site, "kxt('pagevisit');")
    agree(browser)
    site.wait(lambda: site.events)
    visitor = cookies(browser)["CMSCurrentProfile"]
    assert called_back(browser, "consentrevoke") == [["callback", None]]
    assert site.agreed == {(visitor, "tracking"): False}
    assert cookies(browser) == {"CMSCookieLevel": "0"}
    browser.execute_script("kxt('click', {label: 'after'})")
    settle()
    assert site.named("click") == []


def test_x05_a_withdrawal_that_failed_stops_tracking_and_can_be_tried_again(browser: Chrome, site: MainSite) -> None:
    visit(browser, site, "kxt('pagevisit');")
    site.wait(lambda: site.events)
    visitor = cookies(browser)["CMSCurrentProfile"]
    site.answer_next(f"/Kentico.Tracking/contacts/{visitor}/consents/tracking", 503)
    assert called_back(browser, "consentrevoke") == [
        ["onerror", {"type": "error_bad_response", "detail": "status 503"}]
    ]
    browser.execute_script("kxt('click', {label: 'after'})")
    settle()
    assert site.named("click") == []
    visit(browser, site, at="/later")
    assert called_back(browser, "consentrevoke") == [["callback", None]]
    assert site.agreed == {(visitor, "tracking"): False}


def test_x05_who_refuses_at_first_leaves_nothing_but_the_refusal(browser: Chrome, site: MainSite) -> None:
    visit(browser, site)
    assert called_back(browser, "consentrevoke") == [["callback", None]]
    assert site.asked_for("/contacts/") == []
    assert cookies(browser) == {"CMSCookieLevel": "0"}


def test_x05_events_that_wait_are_dropped_by_a_withdrawal(browser: Chrome, site: MainSite) -> None:
    visit(browser, site)
    browser.execute_script("kxt('click', {label: 'a'}); kxt('consentrevoke', {codeName: 'tracking'})")
    settle()
    assert site.batches == []


def test_x05_what_the_visitor_says_last_holds(browser: Chrome, site: MainSite) -> None:
    site.channel["cookie_level"] = 0
    site.held = threading.Event()
    visit(browser, site)
    browser.execute_script("kxt('consentagree', {codeName: 'tracking'}); kxt('consentrevoke', {codeName: 'tracking'})")
    site.wait(lambda: site.asked_for("/contacts/", "POST"))
    site.held.set()
    site.wait(lambda: len(site.asked_for("/contacts/", "POST")) == 2)
    site.wait(lambda: cookies(browser) == {"CMSCookieLevel": "0"})
    assert list(site.agreed.values()) == [False]


def test_x05_another_consent_than_the_one_for_tracking_moves_no_level(browser: Chrome, site: MainSite) -> None:
    site.channel["cookie_level"] = 0
    visit(browser, site, "kxt('pagevisit');")
    assert called_back(browser, "consentagree", "codeName: 'newsletter'") == [["callback", None]]
    settle()
    assert (site.batches, cookies(browser)) == ([], {})
    agree(browser)
    assert {who for who, _ in site.agreed} == {cookies(browser)["CMSCurrentProfile"]}
