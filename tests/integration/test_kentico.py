"""Kentico's headless tracking of activities, as its client and as an attacker: K-05, K-10 to K-18."""

import json
from typing import Any

import pytest

from cdp_core.aws import TRIES
from cdp_core.domain.catalogue import ActivityType, Consent, ConsentText
from cdp_core.domain.channels import Channel
from cdp_core.domain.contact import FIELD_OF_TRAIT
from cdp_core.tables import catalogue, channels
from cdp_core.usecases import consents
from cdp_core.usecases.authenticate import authenticate
from tests.double import Fault, Plan, StrictAws
from tests.double.faults import SERVER_ERROR
from tests.integration.test_track import queued
from tests.support.product import (
    ADMIN_KEY,
    SECRET_KEY,
    WRITE_KEY,
    Context,
    drain_all,
    function,
    request,
    seed_keys,
    track,
)

PATH = "/Kentico.Tracking/activities"
APP_KEY, PROXY_KEY = "app-key", "proxy-key"  # public, in an app; secret, behind the customer's own proxy
APP = Channel(code_name="app", name="App", type="headless")
ANN = "6f1f7c1e-6f0a-4c0e-9d3e-2f4c8b1d9a01"
VISIT = {"type": "pagevisit", "url": "https://site/p", "referrer": "https://ref/", "value": "Home"}
CLICK = {"type": "click", "value": "Download button", "url": "https://site/p"}
DATA = {"type": "datainput", "value": "Newsletter", "contactFields": {"ContactEmail": "a@b.c"}}
ACCEPTED = {"status": 202}


@pytest.fixture(autouse=True)
def _definitions(aws: StrictAws) -> None:
    seed_keys()
    channels.save_channel(APP)
    channels.save_write_key(APP_KEY, channel="app", secret=False)
    channels.save_write_key(PROXY_KEY, channel="app", secret=True)
    catalogue.save_type(ActivityType(code_name="my_custom", name="My own"))
    catalogue.save_type(ActivityType(code_name="off", name="Off", enabled=False))
    catalogue.discover_type("only_seen", "Only seen", discovered_at=1)
    texts = {"en": ConsentText(short="May we?", full="<p>May we?</p>")}
    catalogue.save_consent(Consent(code_name="tracking", name="Tracking", texts=texts), at=1)
    catalogue._cache().clear()


def send(body: Any, *, key: str = APP_KEY, **headers: str) -> tuple[int, dict[str, Any]]:
    """Sends a body; status and decoded answer."""
    data = body if isinstance(body, bytes) else json.dumps(body)
    headers = {"authorization": f"Bearer {key}", "content_type": "application/json"} | headers
    answer = function("track").handler(request("POST", PATH, data, **headers), Context())
    return answer["statusCode"], json.loads(answer["body"])


def log(*items: Any, key: str = APP_KEY, channel: str = "app", contact: Any = ANN) -> list[dict[str, Any]]:
    """Logs activities; each one's result."""
    status, answer = send({"channel": channel, "contact": contact, "activities": list(items)}, key=key)
    assert (status, set(answer), len(answer["results"])) == (207, {"results"}, len(items))
    return list(answer["results"])


def codes(*items: Any, **how: Any) -> list[tuple[int, str]]:
    """Status and code of each result; the messages are for people and never empty."""
    results = log(*items, **how)
    assert all(one == ACCEPTED or one["message"] for one in results)
    return [(one["status"], one.get("code", "")) for one in results]


def ask(path: str) -> Any:
    """What the profiles API answers, after everything was stored."""
    drain_all()
    answer = function("profiles_api").handler(request("GET", path, authorization=f"Bearer {ADMIN_KEY}"), Context())
    return json.loads(answer["body"])


# What is logged


def test_the_documented_request_is_answered_207_with_202_for_each() -> None:
    """K-05, K-11, K-13: titles are made of the value, and of a custom type's display name."""
    custom = {"type": "my_custom", "value": "42"}
    assert log(VISIT, CLICK, DATA, custom, {"type": "my_custom"}) == [ACCEPTED] * 5
    shown = ask(f"/profiles/anonymous_id%3A{ANN}/activities")["items"]
    titles = {"Page visit 'Home'", "Clicked 'Download button'", "Data input 'Newsletter'", "My own '42'", "My own"}
    assert {one["title"] for one in shown} == titles
    (visit,) = [one for one in shown if one["type"] == "pagevisit"]
    assert (visit["url"], visit["referrer"], visit["channel"]) == ("https://site/p", "https://ref/", "app")


def test_property_names_are_matched_in_any_case() -> None:
    """Section 2.3: one of the vendor's pages writes camelCase, the other PascalCase."""
    item = {"Type": "datainput", "VALUE": "Form", "Url": "u", "ContactFields": {"contactEMAIL": "a@b.c"}}
    status, answer = send({"Channel": APP.guid, "CONTACT": ANN, "Activities": [item]})
    assert (status, answer) == (207, {"results": [ACCEPTED]})
    assert ask(f"/profiles/anonymous_id%3A{ANN}")["contact"] == {"email": "a@b.c"}


def test_a_built_in_type_is_meant_in_any_case_and_keeps_its_demands() -> None:
    """K-11: it must not slip by as a custom activity."""
    assert codes({"type": "PageVisit"}, {"type": "PageVisit", "url": "u"}) == [(400, "missing_value"), (202, "")]
    assert ask(f"/profiles/anonymous_id%3A{ANN}")["activity_counts"]["by_type"] == {"pagevisit": 1}


@pytest.mark.parametrize("channel", ["app", APP.guid, APP.guid.upper()])
def test_the_channel_is_named_by_guid_or_code_name(channel: str) -> None:
    """K-10."""
    assert log(VISIT, channel=channel) == [ACCEPTED]


@pytest.mark.parametrize("channel", ["website", "00000000-0000-0000-0000-000000000000", "app "])
def test_another_channel_than_the_keys_is_403_for_every_item_and_nothing_is_kept(aws: StrictAws, channel: str) -> None:
    """K-10."""
    assert codes(VISIT, CLICK, channel=channel) == [(403, "wrong_channel")] * 2
    assert queued(aws) == []


def test_a_bad_item_fails_alone_and_results_keep_the_order() -> None:
    """K-12: that is what 207 is for."""
    items = [VISIT, {"type": "click"}, CLICK, "click", {"type": "nope"}, None, DATA, {}]
    assert [status for status, _ in codes(*items)] == [202, 400, 202, 400, 404, 400, 202, 400]
    assert ask(f"/profiles/anonymous_id%3A{ANN}")["activity_counts"]["total"] == 3


# Each status


@pytest.mark.parametrize(
    "item",
    [{"type": "click"}, {"type": "click", "value": ""}, {"type": "datainput"}, {"type": "pagevisit"},
     {"type": "pagevisit", "value": "x"}],
)  # fmt: skip
def test_what_the_type_cannot_do_without_is_demanded_by_name(item: dict[str, Any]) -> None:
    """K-11."""
    (result,) = log(item)
    assert (result["status"], result["code"]) == (400, "missing_value")
    assert result["message"].startswith("url" if item["type"] == "pagevisit" else "value")


@pytest.mark.parametrize("type_", ["nope", "only_seen", "!!!", "Page visit", "\u0000", "x" * 5_000, "custom\u00a0 "])
def test_a_type_that_nobody_defined_is_404(type_: str) -> None:
    """K-10: seen once is not defined, and no name is so odd that it becomes an activity all the same."""
    assert codes({"type": type_, "value": "x", "url": "u"}) == [(404, "unknown_activity_type")]


@pytest.mark.parametrize("type_", [None, 5, "", ["click"], {"a": 1}, True])
def test_a_type_that_is_no_text_is_400(type_: Any) -> None:
    """K-10."""
    assert codes({"type": type_, "value": "x"}) == [(400, "unknown_type")]


def test_a_disabled_type_is_logged_nowhere_and_only_a_server_is_told(aws: StrictAws) -> None:
    """Section 2.4: disabled, nothing is logged. Design section 6: withheld is for secret keys to know."""
    assert codes({"type": "off"}, key=PROXY_KEY) == [(403, "type_disabled")]
    assert codes({"type": "off"}, key=APP_KEY) == [(202, "")]
    assert queued(aws) == []


def test_without_consent_a_server_is_told_so_and_nothing_is_kept(aws: StrictAws) -> None:
    """K-16, with the channel's gate on: bad items of the person are not kept either."""
    consents.decide(authenticate(APP_KEY, None), ANN, "tracking", agreed=False, language="en")
    bad = {"type": "click", "value": ""}, "nope"
    assert codes(VISIT, *bad, key=PROXY_KEY) == [(403, "consent_withheld")] * 3
    assert codes(VISIT, *bad, key=APP_KEY) == [(202, "")] * 3
    assert queued(aws) == []


def test_verbatim_mode_asks_for_no_consent() -> None:
    """K-16: sites with a banner of their own never call K-03."""
    channels.change_channel(Channel(code_name="app", name="App", type="headless", consent_gate=False, cookie_level=0))
    assert log(VISIT) == [ACCEPTED]


# Values and contact fields


@pytest.mark.parametrize(
    ("item", "status"),
    [(CLICK | {"value": "x" * 250}, 202), (CLICK | {"value": "x" * 251}, 400), (DATA | {"value": "x" * 251}, 400),
     (VISIT | {"value": "x" * 4_000}, 202), (VISIT | {"value": "x" * 4_001}, 400), (VISIT | {"url": 5}, 400),
     (VISIT | {"referrer": ["x"]}, 400), (VISIT | {"title": {}}, 400), (VISIT | {"value": None}, 202)],
)  # fmt: skip
def test_texts_have_limits(item: dict[str, Any], status: int) -> None:
    """X-07, X-10."""
    assert [one["status"] for one in log(item)] == [status]


def test_every_contact_field_reaches_the_contact() -> None:
    """K-14."""
    names = [name for name in FIELD_OF_TRAIT if name.startswith("Contact")]
    assert len(names) == 15
    filled = {name: "ann@example.com" if name == "ContactEmail" else f" {name} " for name in names}
    assert log(DATA | {"contactFields": filled | {"ContactNotes": "  "}}) == [ACCEPTED]
    contact = ask(f"/profiles/anonymous_id%3A{ANN}")["contact"]
    wanted = {FIELD_OF_TRAIT[name]: value.strip() for name, value in filled.items() if name != "ContactNotes"}
    assert contact == wanted


@pytest.mark.parametrize(
    "fields",
    [{"ContactID": "1"}, {"email": "a@b.c"}, {"ContactEmail": 5}, {"ContactEmail": None}, {"ContactCity": "x" * 1_001},
     {"ContactEmail": ["a@b.c"]}, {"": "x"}, ["a@b.c"], "a@b.c", 5],
)  # fmt: skip
def test_a_contact_field_that_is_none_is_refused_and_no_other_is_written(fields: Any) -> None:
    """K-14: strings only, exactly these keys."""
    if isinstance(fields, dict):
        fields = {"ContactFirstName": "Mallory"} | fields
    (result,) = log(DATA | {"contactFields": fields}, VISIT)[:1]
    assert (result["status"], result["message"][:13]) == (400, "contactFields")
    assert ask(f"/profiles/anonymous_id%3A{ANN}")["contact"] == {}


def test_an_address_that_somebody_types_replaces_no_other() -> None:
    """K-15 as design section 5 has it."""
    known = {"type": "identify", "anonymousId": ANN, "messageId": "i", "traits": {"email": "ann@work.example"}}
    track("/v1/identify", known, key=SECRET_KEY)
    log(DATA | {"contactFields": {"ContactEmail": "else@example.com", "ContactFirstName": "Ann"}})
    contact = ask(f"/profiles/anonymous_id%3A{ANN}")["contact"]
    assert contact == {"email": "ann@work.example", "first_name": "Ann", "other_emails": ["else@example.com"]}


def test_the_address_of_somebody_else_leads_to_nobody_else() -> None:
    """K-15: typing an address gives no way into the profile that has it."""
    log(DATA | {"contactFields": {"ContactEmail": "ann@example.com"}})
    log(DATA | {"contactFields": {"ContactEmail": "ann@example.com", "ContactCity": "Brno"}}, contact="mallory")
    assert ask(f"/profiles/anonymous_id%3A{ANN}")["contact"] == {"email": "ann@example.com"}
    assert ask("/profiles/anonymous_id%3Amallory")["contact"] == {"email": "ann@example.com", "city": "Brno"}


# Whose it is, and once


def test_a_message_id_makes_retries_safe() -> None:
    """Our extension: the vendor's wire has no id, so a request that is sent again would count twice."""
    for _ in range(2):
        assert log(VISIT | {"messageId": "once", "timestamp": "2026-01-02T03:04:05.678Z"}) == [ACCEPTED]
        shown = ask(f"/profiles/anonymous_id%3A{ANN}/activities")["items"]
        assert [(one["message_id"], one["occurred_at"]) for one in shown] == [("once", "2026-01-02T03:04:05.678Z")]


def test_the_same_activity_twice_is_two_without_message_ids() -> None:
    """People do click twice."""
    log(CLICK, CLICK)
    assert ask(f"/profiles/anonymous_id%3A{ANN}")["activity_counts"]["total"] == 2


def test_an_item_names_nobody_but_the_contact(aws: StrictAws) -> None:
    """Whatever else it brings."""
    log(VISIT | {"userId": "victim", "anonymousId": "victim", "userHash": "x"}, {"type": "nope", "anonymousId": "v"})
    (envelope,) = queued(aws)
    said = (*envelope.events, *envelope.refused)
    assert [(one.user_id, one.anonymous_id) for one in said] == [(None, ANN)] * 2


def test_what_is_refused_is_kept_as_the_contacts_with_its_reason(aws: StrictAws) -> None:
    """Section 3: dead letters belong to the person, so that an erasure reaches them."""
    log({"type": "click", "MessageId": "m1"}, "odd", {"type": "nope"}, DATA | {"contactFields": {"x": "y"}})
    (envelope,) = queued(aws)
    reasons = ["missing_value", "not_an_object", "unknown_activity_type", "unknown_field"]
    assert [one.reason for one in envelope.refused] == reasons
    assert [one.anonymous_id for one in envelope.refused] == [ANN] * 4
    assert envelope.refused[0].message_id == "m1"
    assert "odd" in envelope.refused[1].original


@pytest.mark.parametrize("contact", ["undefined", "x" * 201, "a\u0000b"])
def test_a_contact_that_can_be_nobody_is_400_for_each_item(contact: str) -> None:
    """K-10."""
    assert [one["status"] for one in log(VISIT, CLICK, contact=contact)] == [400, 400]


# Requests that make no sense as a whole


@pytest.mark.parametrize(
    "body",
    [b"", b"not json", b"[]", b"null", b"5", b"{", b"\xff\xfe", b"[" * 5_000,
     {"contact": ANN, "activities": [VISIT]}, {"channel": "app", "activities": [VISIT]},
     {"channel": 5, "contact": ANN, "activities": [VISIT]}, {"channel": "app", "contact": None, "activities": [VISIT]},
     {"channel": "app", "contact": ANN}, {"channel": "app", "contact": ANN, "activities": []},
     {"channel": "app", "contact": ANN, "activities": {"type": "click"}},
     {"channel": "app", "contact": ANN, "activities": [VISIT] * 2_501}],
)  # fmt: skip
def test_a_malformed_request_is_400_and_nothing_is_kept(aws: StrictAws, body: Any) -> None:
    """K-17, and 2 500 activities a request at most."""
    status, answer = send(body)
    assert status == 400
    assert {"code", "message"} <= answer.keys()
    assert queued(aws) == []


def test_2500_activities_are_taken() -> None:
    """The limit itself is allowed."""
    assert log(*[{"type": "my_custom"}] * 2_500) == [ACCEPTED] * 2_500


@pytest.mark.parametrize("authorization", ["Bearer wrong", "Bearer ", "Bearer", "", "Basic !", f"Bearer {ADMIN_KEY}"])
def test_without_the_channels_key_it_is_401(aws: StrictAws, authorization: str) -> None:
    """K-17."""
    status, answer = send({"channel": "app", "contact": ANN, "activities": [VISIT]}, authorization=authorization)
    assert (status, answer["code"]) == (401, "unauthorized")
    assert queued(aws) == []


def test_the_key_of_a_disabled_channel_is_404() -> None:
    """W-14."""
    channels.change_channel(Channel(code_name="app", name="App", type="headless", enabled=False))
    assert send({"channel": "app", "contact": ANN, "activities": [VISIT]})[0] == 404


def test_no_item_is_202_that_the_queue_did_not_take(aws: StrictAws) -> None:
    """Invariant 6."""
    aws.reset(Plan(faults=tuple(Fault("SendMessageBatch", nth, SERVER_ERROR) for nth in range(TRIES))))
    status, answer = send({"channel": "app", "contact": ANN, "activities": [VISIT]})
    assert (status, answer["code"]) == (503, "unavailable")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-1e400", "9" * 5_000, '"\\ud800"', "[" * 40 + "]" * 40])
def test_an_absurd_value_fails_its_item_and_no_other(number: str) -> None:
    """Never 5xx for a client's."""
    item = f'{{"type":"my_custom","url":{number},"contactFields":{{"x":{number}}},"messageId":{number}}}'
    good = json.dumps(VISIT)
    body = f'{{"channel":"app","contact":"{ANN}","activities":[{good},{item},{good}]}}'
    status, answer = send(body.encode())
    assert (status, answer["results"][0], answer["results"][2]) == (207, ACCEPTED, ACCEPTED)


def test_the_public_key_of_a_website_logs_as_a_website() -> None:
    """Any channel's key may be used, for its own channel."""
    assert log(VISIT, key=WRITE_KEY, channel="website") == [ACCEPTED]
    assert codes(VISIT, key=WRITE_KEY, channel="app") == [(403, "wrong_channel")]
