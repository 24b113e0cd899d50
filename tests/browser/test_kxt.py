"""kxt() in a real browser, on a website of another origin than its main site; tests carry the ids of wire.md's section 2.4."""

import gzip
import json
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from calmjs.parse import es5
from selenium.webdriver import Chrome

from tests.browser.chromium import chromium
from tests.browser.main_site import DROPPED, KEY, SCRIPT, MainSite, main_site
from tests.e2e.running import Running, wait_for

pytestmark = pytest.mark.e2e

LONGER_THAN_A_BATCH = 1.4  # seconds: what did not come by then was not sent
YEAR, MINUTE = 365 * 24 * 3600, 60


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """One browser for all tests of this file."""
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


def html(
    site: MainSite,
    calls: str = "",
    *,
    init: str = "{}",
    name: str = "kxt",
    title: str = "First",
    body: str = "",
    main: str = "",
    key: str = KEY,
) -> str:
    """A page of a website with the snippet of docs/kxt.md; `main` is another main site than the tests' own."""
    return f"""<!doctype html><title>{title}</title><script>{SNIPPET}
        ('{name}', '{main or site.url}/kxt.js?writeKey={key}');
        {name}('init', {init});
        {calls}
        </script>{body}"""


SNIPPET = re.search(
    r"<script>\n(.*?)\n  \('kxt'", (Path(__file__).parents[2] / "docs" / "kxt.md").read_text(), re.DOTALL
)[1]


def visit(browser: Chrome, site: MainSite, calls: str = "", *, at: str = "/", **page: str) -> None:
    """Opens a page that makes these calls at once, and waits until the script carries them out."""
    site.pages[at] = html(site, calls, **page)
    browser.get(site.page(at))
    site.wait(lambda: site.asked_for("/settings"))


def settle() -> None:
    """Long enough for everything that is to be sent."""
    time.sleep(LONGER_THAN_A_BATCH)


def called_back(browser: Chrome, command: str, options: str = "codeName: 'tracking'", name: str = "kxt") -> list[Any]:
    """Which of callback and onerror a call reaches within a moment, and with what."""
    return browser.execute_async_script(f"""
        const done = arguments[0], seen = [];
        const told = which => value => {{ seen.push([which, value ?? null]); setTimeout(() => done(seen), 250); }};
        {name}('{command}', {{{options}, callback: told('callback'), onerror: told('onerror')}});
    """)


def agree(browser: Chrome) -> None:
    assert called_back(browser, "consentagree") == [["callback", None]]


def cookies(browser: Chrome) -> dict[str, str]:
    return {one["name"]: one["value"] for one in browser.get_cookies()}


def stored(browser: Chrome) -> int:
    return browser.execute_script("return localStorage.length")


def hide(browser: Chrome) -> None:
    """What the browser does to a page that is put behind another one."""
    browser.execute_script("""
        Object.defineProperty(document, 'visibilityState', {value: 'hidden', configurable: true});
        document.dispatchEvent(new Event('visibilitychange'));
        delete document.visibilityState;
    """)


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


# ---- Permission


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


# ---- Consents


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


# ---- Activities


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


FORM = """<form><input name=mail value=' ann@b.example '><input name=first value=Ann><input name=empty>
<input name=secret value=s3cret><input type=file name=file><input name=off value=no disabled>
<input type=checkbox name=box value=yes><textarea name=note>Hello</textarea></form>"""
MAPPING = """kxt('configurecontactfieldmapping', {mail: 'ContactEmail', first: 'ContactFirstName', note: 'ContactNotes',
    empty: 'ContactCity', file: 'ContactZIP', off: 'ContactState', box: 'ContactCountry'});"""


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


# ---- Sending


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


# ---- The platform itself


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
