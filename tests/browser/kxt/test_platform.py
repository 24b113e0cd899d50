"""kxt() in a real browser, on a website of another origin than its main site: against the platform itself. Tests carry the ids of wire.md's section 2.4."""

import time
from typing import Any

import pytest
from selenium.webdriver import Chrome

from tests.browser.kxt.visiting import FORM, MAPPING, agree, called_back, cookies, html
from tests.browser.main_site import MainSite
from tests.e2e.running import Running, wait_for

pytestmark = pytest.mark.e2e


def own(browser: Chrome, running: Running, total: int) -> dict[str, Any]:
    """The profile of the browser's visitor, once it has so many activities."""
    return running.wait_for_events(f"anonymous_id%3A{cookies(browser)['CMSCurrentProfile']}", total)


def test_what_a_visitor_does_becomes_a_profile(browser: Chrome, site: MainSite, running: Running) -> None:
    main = f"http://127.0.0.1:{running.port}"
    site.pages["/"] = html(site, f"kxt('pagevisit'); {MAPPING}", body=FORM, main=main, key="local-write-key")
    browser.get(site.page())
    browser.execute_script("""
        kxt('click', {label: 'Buy'});
        kxt('customactivity', {type: 'brochure_download', value: 'Summer'});
        kxt('datainput', {formElement: document.forms[0], label: 'Newsletter'});
    """)
    wait_for(lambda: "CMSCurrentProfile" in cookies(browser))
    profile = own(browser, running, 5)
    types = ("pagevisit", "landingpage", "click", "brochure_download", "datainput")
    assert profile["activity_counts"]["by_type"] == dict.fromkeys(types, 1)
    assert profile["contact"]["email"] == "ann@b.example"
    assert profile["contact"]["first_name"] == "Ann"
    visited = running.get(f"/profiles/{profile['profile_id']}/activities?type=pagevisit").json["items"][0]
    assert (visited["title"], visited["url"], visited["channel"]) == ("Page visit 'First'", site.page(), "website")
    click = running.get(f"/profiles/{profile['profile_id']}/activities?type=click").json["items"][0]
    assert (click["title"], click["value"]) == ("Clicked 'Buy'", "Buy")


def test_an_agreement_decides_what_the_platform_keeps(browser: Chrome, site: MainSite, running: Running) -> None:
    main = f"http://127.0.0.1:{running.port}"
    site.pages["/"] = html(site, "kxt('pagevisit');", main=main, key="local-consent-key")
    browser.get(site.page())
    [[which, texts]] = called_back(browser, "consentdata", "codeName: 'tracking', languageName: 'cs'")
    assert (which, set(texts)) == ("callback", {"shortText", "fullText"})
    assert called_back(browser, "consentdata", "codeName: 'unheard-of'")[0][1]["type"] == "error_bad_response"
    assert called_back(browser, "consentcontactstatus") == [["callback", {"isAgreed": False}]]
    agree(browser)
    assert called_back(browser, "consentcontactstatus") == [["callback", {"isAgreed": True}]]
    profile = own(browser, running, 2)
    assert profile["activity_counts"]["by_type"] == {"pagevisit": 1, "landingpage": 1}
    kept = running.get(f"/profiles/{profile['profile_id']}/activities").json["items"]
    assert {activity["legal_basis"] for activity in kept} == {"consent"}
    visitor = cookies(browser)["CMSCurrentProfile"]
    assert called_back(browser, "consentrevoke") == [["callback", None]]
    status = running.request(
        "GET",
        f"/Kentico.Tracking/contacts/{visitor}/consents/tracking",
        headers={"Authorization": "Bearer local-consent-key"},
    )
    assert (status.status, status.json) == (200, {"isAgreed": False})


def test_a_click_that_leaves_the_page_counts_once(browser: Chrome, site: MainSite, running: Running) -> None:
    main = f"http://127.0.0.1:{running.port}"
    for page in range(4):
        site.pages[f"/{page}"] = html(site, "kxt('pagevisit');", main=main, key="local-write-key")
    browser.get(site.page("/0"))
    wait_for(lambda: "CMSCurrentProfile" in cookies(browser))
    for page in range(1, 4):
        browser.execute_script(f"kxt('click', {{label: 'to {page}'}}); location.href = '/{page}'")
        wait_for(lambda page=page: browser.current_url.endswith(f"/{page}") and "isTracker" in script_state(browser))
    profile = own(browser, running, 8)
    time.sleep(3)  # repeats would come with the next flush
    profile = own(browser, running, 8)
    assert profile["activity_counts"]["by_type"] == {"pagevisit": 4, "landingpage": 1, "click": 3}


def script_state(browser: Chrome) -> list[str]:
    return browser.execute_script("return Object.keys(window.kxt || {})")
