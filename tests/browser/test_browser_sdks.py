"""The SDKs for browsers, unmodified, on another website, against `make run`: they start from our settings, and what they send arrives once."""

import json
import re
from collections.abc import Iterator, Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler
from typing import Any

import pytest
from selenium.webdriver import Chrome

from tests.browser.chromium import chromium
from tests.e2e.running import ROOT, Running, wait_for
from tests.sdks import HERE, ODD, SHOWN, Call, Person
from tests.sdks.relay import LOST, PASSED, relay, serving

pytestmark = pytest.mark.e2e
KEY = "local-write-key"
BATCHING = {"deliveryStrategy": {"strategy": "batching", "config": {"size": 10, "timeout": 200}}}
BEACON = {"useBeacon": True, "beaconQueueOptions": {"maxItems": 10, "flushQueueInterval": 200}}
BATCH = {"queueOptions": {"batch": {"enabled": True, "maxItems": 10, "flushInterval": 200}}}
SDKS: dict[str, tuple[str, dict[str, Any]]] = {
    "segment": ("@segment/analytics-next", {}),
    "segment-batching": ("@segment/analytics-next", BATCHING),
    "segment-snippet": ("snippet", {}),
    "rudder": ("@rudderstack/analytics-js", {}),
    "rudder-batch": ("@rudderstack/analytics-js", BATCH),
    "rudder-beacon": ("@rudderstack/analytics-js", BEACON),
    "jitsu": ("@jitsu/js", {}),
}


def sdks(*names: str) -> Any:
    """One test for each of these."""
    return pytest.mark.parametrize("sdk", [SDKS[name] for name in names], ids=names)


class _Quiet(SimpleHTTPRequestHandler):
    """The website's files."""

    def log_message(self, *_: Any) -> None:
        """The test's output stays clean."""


class Website:
    """A page with an SDK, of another origin than the product."""

    def __init__(self, browser: Chrome, address: str, sdk: tuple[str, dict[str, Any]], port: int) -> None:
        self.browser, self.address, self.product = browser, address, f"127.0.0.1:{port}"
        self.name, self.settings = sdk

    def open(self, to: int | None = None) -> "Website":
        """Loads the page and starts the SDK with the product's settings; its messages go to port `to`."""
        self.browser.get(self.address)
        options = {"to": f"127.0.0.1:{to}" if to else None, "settings": self.settings}
        script = "const [done, ...given] = [...arguments].reverse(); start(...given.reverse()).then(done, e => done(String(e)))"
        assert self.browser.execute_async_script(script, self.name, KEY, self.product, options) is None
        return self

    def send(self, calls: Sequence[Call], *, then_leave: bool = False) -> None:
        """Makes the calls, and perhaps goes elsewhere at once."""
        leave = "location.assign('?elsewhere')" if then_leave else ""
        self.browser.execute_script(f"send(JSON.parse(arguments[0])); {leave}", json.dumps(calls))


@pytest.fixture(scope="module")
def shared_browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """One browser for all of these tests; each has a website of its own."""
    with chromium(tmp_path_factory.mktemp("browser")) as driver:
        yield driver


@pytest.fixture
def website(shared_browser: Chrome, running: Running, sdk: tuple[str, dict[str, Any]]) -> Iterator[Website]:
    """A new website; ports keep storage apart, but cookies not."""
    with serving(partial(_Quiet, directory=str(HERE))) as server:
        address = f"http://localhost:{server.server_address[1]}/page.html"
        yield Website(shared_browser, address, sdk, running.port)
        shared_browser.get("about:blank")
        shared_browser.execute_cdp_cmd("Network.clearBrowserCookies", {})


@sdks(*SDKS)
def test_everything_that_a_page_says_arrives_once_and_intact(running: Running, website: Website) -> None:
    person = Person()
    has_alias = website.name != "@jitsu/js"
    said = [
        person.numbered({"call": "page", "name": "Home"}),
        person.track("Odd Values", properties=ODD),
        {"call": "identify", "userId": person.user, "traits": {"email": f"{person.user}@x.y", "age": 30}},
        {"call": "group", "groupId": "acme", "traits": {"name": "Acme"}},
        *(person.track() for _ in range(30)),
        *([{"call": "alias", "userId": person.user, "previousId": person.former}] if has_alias else []),
    ]
    website.open().send(said)
    items = person.shown(running)
    profile = running.get(person.path).json
    (odd,) = [one["properties"] for one in items if one["type"] == "odd_values"]
    (page,) = [one["properties"] for one in items if one["type"] == "pagevisit"]
    assert odd == SHOWN | {"number": 1}
    assert page["number"] == 0
    assert profile["contact"] == {"email": f"{person.user}@x.y", "custom": {"age": 30}}
    assert {one["kind"] for one in profile["identities"]} == {"user_id", "anonymous_id"}
    if has_alias:
        wait_for(lambda: person.former in str(running.get(person.path).json["identities"]))


@sdks(*(name for name in SDKS if name != "segment-batching"))
def test_what_is_said_while_leaving_arrives_once(running: Running, website: Website) -> None:
    """At once, as the page goes, or when the SDK finds on the next page what it had not seen answered."""
    person = Person()
    website.open().send([{"call": "identify", "userId": person.user, "traits": {}}])
    website.send([person.track() for _ in range(15)], then_leave=True)
    website.open()
    person.shown(running)


@sdks("segment-batching")
def test_what_a_batch_repeats_while_leaving_counts_once(running: Running, website: Website) -> None:
    """This SDK keeps nothing for the next page; some of what is said last never leaves the browser, some leaves it twice."""
    person = Person()
    with relay(running.port) as between:
        website.open(to=between.port).send([{"call": "identify", "userId": person.user, "traits": {}}])
        website.send([person.track() for _ in range(15)], then_leave=True)
        website.open(to=between.port).send([person.track()])
        wait_for(lambda: between.answers_to(15) != [])
        website.browser.get("about:blank")
    person.numbers = sorted({number for _, numbers in between.seen for number in numbers})
    person.shown(running)


@sdks("segment", "segment-batching", "rudder")
def test_what_fails_is_sent_again_and_counts_once_and_what_is_refused_is_not(
    running: Running, website: Website
) -> None:
    person = Person()
    refused = {"call": "track", "event": "Refused", "properties": {"number": -1}}
    with relay(running.port) as between:
        website.open(to=between.port).send([{"call": "identify", "userId": person.user, "traits": {}}])
        wait_for(lambda: [status for status, _ in between.seen] == [200])
        between.script += [400, LOST, 429, PASSED, 500, 503]
        website.send([refused])
        wait_for(lambda: between.answers_to(-1) != [])
        for number in (0, 1):
            website.send([person.track()])
            wait_for(lambda number=number: between.answers_to(number)[-1:] == [200])
        assert between.answers_to(-1) == [400]
        assert between.answers_to(0) == [LOST, 429, 200]
        assert between.answers_to(1) == [500, 503, 200]
        website.browser.get("about:blank")
    person.shown(running)


def test_the_guide_s_pixel_shows_nothing_and_says_something(running: Running, shared_browser: Chrome) -> None:
    person = Person()
    (pixel,) = re.findall(r"```html\n(.*?)\n```", (ROOT / "docs" / "sdks.md").read_text(), re.DOTALL)
    with serving(partial(_Quiet, directory=str(HERE))) as server:
        shared_browser.get(f"http://localhost:{server.server_address[1]}/page.html")
        shared_browser.execute_script(
            "document.body.innerHTML = arguments[0]", running.here(pixel).replace("userId=42", f"userId={person.user}")
        )
        shown = running.wait_for_events(person.path.removeprefix("/profiles/"), 1)
        assert shared_browser.execute_script("return document.images[0].naturalWidth") == 1
    assert shown["activity_counts"] == {"total": 1, "by_type": {"mail_opened": 1}}
    (opened,) = running.get(f"{person.path}/activities").json["items"]
    assert opened["properties"] == {"campaign": "spring"}
