"""kxt() in a real browser, on a website of another origin than its main site: activities. Tests carry the ids of wire.md's section 2.4."""

import json
import re
import time
import uuid

import pytest
from selenium.webdriver import Chrome

from tests.browser.kxt.visiting import FORM, MAPPING, MINUTE, cookies, html, settle, visit
from tests.browser.main_site import KEY, MainSite

pytestmark = pytest.mark.e2e


def test_x06_a_page_visit_has_title_url_and_referrer_of_the_page(browser: Chrome, site: MainSite) -> None:
    site.pages["/from"] = f"<a href='{site.page('/?a=1')}'>go</a>"
    site.pages["/"] = html(
        site,
        "kxt('pagevisit'); kxt('pagevisit', {title: 'T', url: 'https://a.example/', referrer: 'https://b.example/'});",
    )
    browser.get(site.page("/from"))
    browser.execute_script("document.querySelector('a').click()")
    site.wait(lambda: len(site.named("page")) == 2)
    first, second = site.named("page")
    assert first["properties"] == {"title": "First", "url": site.page("/?a=1"), "referrer": site.page("/from")}
    assert second["properties"] == {"title": "T", "url": "https://a.example/", "referrer": "https://b.example/"}
    assert (first["name"], second["name"]) == ("First", "T")


def test_x06_no_page_visit_without_a_call(browser: Chrome, site: MainSite) -> None:
    visit(browser, site)
    settle()
    assert site.batches == []


def test_events_have_ids_and_the_time_of_the_call(browser: Chrome, site: MainSite) -> None:
    visit(browser, site, "kxt('pagevisit');")
    site.wait(lambda: site.events)
    batch = site.batches[0]
    assert batch.headers["content-type"].startswith("text/plain")
    assert batch.json["writeKey"] == KEY
    page, landing = batch.json["batch"]
    assert {page["anonymousId"], landing["anonymousId"]} == {cookies(browser)["CMSCurrentProfile"]}
    assert page["messageId"] != landing["messageId"]
    assert all(uuid.UUID(one).version == 4 for one in (page["anonymousId"], page["messageId"]))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", page["timestamp"])
    assert page["timestamp"] < batch.json["sentAt"]
    assert (
        site.asked_for("/v1/batch", "OPTIONS")
        == []
        == [one for one in site.asked if (one.method, one.path) == ("OPTIONS", "/v1/batch")]
    )


def test_x07_a_click_has_a_label_of_at_most_250_characters(browser: Chrome, site: MainSite) -> None:
    visit(browser, site)
    browser.execute_script("kxt('click', {label: 'x'.repeat(300), url: 'https://a.example/'})")
    site.wait(lambda: site.events)
    assert site.events[0]["event"] == "click"
    assert site.events[0]["properties"] == {"value": "x" * 250, "url": "https://a.example/", "referrer": ""}


def test_x08_a_custom_activity_goes_by_its_code_name(browser: Chrome, site: MainSite) -> None:
    visit(browser, site)
    browser.execute_script(
        "kxt('customactivity', {type: 'brochure', value: 42}); kxt('customactivity', {type: 'brochure', title: 'By hand'})"
    )
    site.wait(lambda: len(site.events) == 2)
    page = {"url": site.page(), "referrer": ""}
    assert [event["properties"] for event in site.named("brochure")] == [
        {"value": 42} | page,
        {"title": "By hand"} | page,
    ]


def test_x09_x10_only_mapped_inputs_of_a_form_are_sent(browser: Chrome, site: MainSite) -> None:
    visit(browser, site, MAPPING, body=FORM)
    browser.execute_script(
        "kxt('datainput', {formElement: document.forms[0], label: 'y'.repeat(251)}); document.forms[0].reset()"
    )
    event = site.wait(lambda: site.named("datainput"))[0]
    assert event["properties"]["value"] == "y" * 250
    assert event["properties"]["contactFields"] == {
        "ContactEmail": "ann@b.example",
        "ContactFirstName": "Ann",
        "ContactNotes": "Hello",
    }
    assert "s3cret" not in json.dumps(site.events)


def test_x10_a_form_is_read_at_the_moment_of_the_call(browser: Chrome, site: MainSite) -> None:
    site.answer_next(f"/v1/projects/{KEY}/settings", 503)
    visit(browser, site, MAPPING, body=FORM)
    browser.execute_script(
        "kxt('datainput', {formElement: document.forms[0], label: 'a'}); document.forms[0].elements.first.value = 'Zoe'"
    )
    assert site.wait(lambda: site.events)[0]["properties"]["contactFields"]["ContactFirstName"] == "Ann"


def test_x10_fields_need_no_form(browser: Chrome, site: MainSite) -> None:
    visit(browser, site, MAPPING)
    browser.execute_script(
        "kxt('datainput', {label: 'Chat', fields: [{fieldName: 'first', value: 'Ann'}, {fieldName: 'constructor', value: 'x'}]})"
    )
    assert site.wait(lambda: site.events)[0]["properties"]["contactFields"] == {"ContactFirstName": "Ann"}


def test_x10_data_input_has_a_permission_of_its_own(browser: Chrome, site: MainSite) -> None:
    visit(browser, site, MAPPING + "kxt('consentdefault', {allow_tracking: true, allow_datainput: false});")
    data = "kxt('datainput', {label: 'a', fields: [{fieldName: 'first', value: 'Ann'}]});"
    browser.execute_script(f"{data} kxt('click', {{label: 'a'}})")
    site.wait(lambda: site.named("click"))
    assert site.named("datainput") == []
    browser.execute_script(f"kxt('updateconsent', {{allow_datainput: true}}); {data}")
    site.wait(lambda: site.named("datainput"))


def test_x23_a_landing_page_is_the_first_page_in_twenty_minutes(browser: Chrome, site: MainSite) -> None:
    visit(browser, site, "kxt('pagevisit');")
    site.wait(lambda: len(site.events) == 2)
    assert site.named("landingpage")[0]["properties"] == site.named("page")[0]["properties"]
    visit(browser, site, "kxt('pagevisit');", at="/second")
    site.wait(lambda: len(site.named("page")) == 2)
    browser.delete_cookie("CMSLandingPageLoaded")
    visit(browser, site, "kxt('pagevisit');", at="/third")
    site.wait(lambda: len(site.named("landingpage")) == 2)


def test_x23_every_page_visit_begins_the_twenty_minutes_anew(browser: Chrome, site: MainSite) -> None:
    visit(browser, site)
    browser.execute_script("document.cookie = 'CMSLandingPageLoaded=1; path=/; max-age=60'; kxt('pagevisit')")
    site.wait(lambda: site.named("page"))
    lasts = browser.get_cookie("CMSLandingPageLoaded")["expiry"] - time.time()
    assert 19 * MINUTE < lasts <= 20 * MINUTE
    assert site.named("landingpage") == []
