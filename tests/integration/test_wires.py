"""What all wires share: whose key it is, from where it may be used, which types are wanted, and bodies that make no sense."""

import base64
import gzip
import json
import zlib
from typing import Any

import pytest

from cdp_core import clock
from cdp_core.aws import TRIES
from cdp_core.domain.catalogue import ActivityType, Form
from cdp_core.domain.channels import REJECT, Channel
from cdp_core.tables import catalogue, channels
from tests.double import Fault, Plan, StrictAws
from tests.double.faults import SERVER_ERROR
from tests.integration.test_track import queued
from tests.support.product import SECRET_KEY, WRITE_KEY, Context, basic, function, request, seed_keys

PAGE = {"type": "page", "messageId": "m", "anonymousId": "anon"}
CUSTOM = {"type": "track", "event": "my_custom", "messageId": "c", "anonymousId": "anon"}
OFF = {"type": "track", "event": "Off", "messageId": "o", "anonymousId": "anon"}
SUCCESS = (200, {"success": True})
OWN, OTHER, PICKY = "https://own.example", "https://other.example", "picky-key"


@pytest.fixture(autouse=True)
def _definitions(aws: StrictAws) -> None:
    seed_keys()
    picky = Channel(code_name="picky", name="Picky", type="website", origins=(OWN,), unknown_types=REJECT)
    channels.save_channel(picky)
    channels.save_write_key(PICKY, channel="picky", secret=False)
    catalogue.save_type(ActivityType(code_name="my_custom", name="My own"))
    catalogue.save_type(ActivityType(code_name="off", name="Off", enabled=False))
    catalogue.discover_type("only_seen", "Only seen", discovered_at=1)
    catalogue.save_form(Form(code_name="ask", name="Ask us", fields={"question": None}))
    catalogue._cache().clear()


def send(path: str, body: Any, *, method: str = "POST", **headers: str) -> tuple[int, dict[str, Any]]:
    """Sends a request with these headers alone; status and decoded answer."""
    data = body if isinstance(body, bytes) else json.dumps(body)
    return answered(request(method, path, data, **headers))


def answered(event: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Status and JSON of what track says to an API Gateway event; an image is success."""
    answer = function("track").handler(event, Context())
    said = answer.get("body", "")
    return answer["statusCode"], {} if "isBase64Encoded" in answer else json.loads(said) if said else {}


# Write keys (W-10 to W-13)


def encoded(text: str) -> str:
    """Base64 as headers have it."""
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("headers", "inside"),
    [
        ({"authorization": "Basic " + encoded(f"{WRITE_KEY}:")}, None),
        ({"authorization": "Basic " + encoded(WRITE_KEY)}, None),
        ({"authorization": "basic  " + encoded(f"{WRITE_KEY}:password")}, None),
        ({"authorization": basic(WRITE_KEY)}, WRITE_KEY),
        ({}, WRITE_KEY),
        ({"authorization": "Bearer some.oauth.token"}, WRITE_KEY),
        ({"x_write_key": WRITE_KEY}, "***"),
        ({"x_write_key": f" {WRITE_KEY}:secret "}, None),
        ({"authorization": "Bearer of.a.proxy", "x_write_key": WRITE_KEY}, "***"),
        ({"authorization": basic(WRITE_KEY)}, 5),
        ({"authorization": basic(WRITE_KEY)}, ""),
    ],
)
def test_a_key_is_found_wherever_clients_put_it(headers: dict[str, str], inside: Any) -> None:
    """W-10, with and without the colon; W-11; W-12; Jitsu's."""
    body = PAGE | ({"writeKey": inside} if inside is not None else {})
    assert send("/v1/page", body, **headers) == SUCCESS


@pytest.mark.parametrize(
    ("headers", "inside", "query"),
    [
        ({"authorization": basic(WRITE_KEY)}, SECRET_KEY, ""),
        ({"authorization": basic("wrong")}, WRITE_KEY, ""),
        ({"authorization": basic("")}, WRITE_KEY, ""),
        ({"authorization": "Basic ===!"}, WRITE_KEY, ""),
        ({"authorization": "Basic /////w=="}, WRITE_KEY, ""),
        ({"authorization": "Basic \u017e"}, WRITE_KEY, ""),
        ({"authorization": f"Bearer {WRITE_KEY}"}, None, ""),
        ({"authorization": WRITE_KEY}, None, ""),
        ({"x_write_key": "wrong"}, WRITE_KEY, ""),
        ({}, WRITE_KEY, f"?writeKey={SECRET_KEY}"),
        ({}, None, ""),
        ({}, {"a": WRITE_KEY}, ""),
        ({}, WRITE_KEY.upper(), ""),
        ({}, WRITE_KEY + "\u0000", ""),
        ({}, "\ud800", ""),
    ],
)
def test_a_key_that_is_none_or_contradicts_another_is_401_with_code_and_message(
    aws: StrictAws, headers: dict[str, str], inside: Any, query: str
) -> None:
    """W-13, W-23: the header wins, and of two that differ neither is taken."""
    status, answer = send(f"/v1/page{query}", PAGE | {"writeKey": inside}, **headers)
    assert (status, answer["code"], bool(answer["message"])) == (401, "unauthorized", True)
    assert queued(aws) == []


def test_a_key_in_the_header_wins_over_one_in_the_address(aws: StrictAws) -> None:
    """W-13."""
    assert send(f"/v1/page?writeKey={WRITE_KEY}", PAGE, authorization=basic(SECRET_KEY)) == SUCCESS
    (envelope,) = queued(aws)
    assert envelope.channel == "server"


def test_a_revoked_key_is_401_once_a_minute_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Section 8: what was read less than 60 seconds ago may be believed, and no longer."""
    assert send("/v1/page", PAGE, authorization=basic(WRITE_KEY)) == SUCCESS
    (key,) = channels.keys_of("website")
    assert channels.revoke_key("website", key.id, at=1)
    now = clock.now_ms()
    monkeypatch.setattr("cdp_core.clock.now_ms", lambda: now + 61_000)
    assert send("/v1/page", PAGE, authorization=basic(WRITE_KEY))[0] == 401
    assert send("/v1/page", PAGE, authorization=basic(SECRET_KEY)) == SUCCESS


def test_a_key_that_was_asked_for_too_early_works_a_minute_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """That it was unknown is not remembered for good."""
    assert send("/v1/page", PAGE, authorization=basic("new-key"))[0] == 401
    channels.save_write_key("new-key", channel="website", secret=False)
    now = clock.now_ms()
    monkeypatch.setattr("cdp_core.clock.now_ms", lambda: now + 61_000)
    assert send("/v1/page", PAGE, authorization=basic("new-key")) == SUCCESS


def test_a_flood_of_made_up_keys_fills_no_memory() -> None:
    """Invariant 10."""
    for number in range(1_100):
        channels.find_write_key(f"made-up-{number}")
    assert len(channels._cache()) <= 1_000


# Origins


@pytest.mark.parametrize(
    "path",
    ["/v1/page", "/v1/batch", "/api/s/page", "/beacon/v1/batch", "/v1/forms/ask", "/Kentico.Tracking/activities",
     "/pixel/v1/page"],
)  # fmt: skip
def test_pages_of_other_sites_are_403_on_every_wire_and_servers_pass(aws: StrictAws, path: str) -> None:
    """Origins: an error is JSON with code and message; what sends no Origin is no browser."""
    body = PAGE | {"batch": [PAGE], "channel": "picky", "contact": "anon", "activities": [{"type": "my_custom"}]}
    asked = f"{path}?writeKey={PICKY}&anonymousId=anon"
    method = "GET" if path.startswith("/pixel") else "POST"
    for origin in (OTHER, "null", "", "http://own.example", OWN + ".evil.example", OWN + ":8443"):
        status, answer = send(asked, body, method=method, origin=origin)
        assert (status, answer["code"], bool(answer["message"])) == (403, "origin_not_allowed", True)
    assert queued(aws) == []
    for headers in ({"origin": OWN}, {"origin": OWN.upper()}, {}):
        assert send(asked, body, method=method, **headers)[0] in (200, 207)
    assert len(queued(aws)) == 3


def test_a_channel_without_a_list_takes_every_origin() -> None:
    assert send("/v1/page", PAGE, authorization=basic(WRITE_KEY), origin=OTHER) == SUCCESS


# Types that are wanted, and types that are not


def codes(*events: dict[str, Any], key: str) -> list[tuple[int, str]]:
    """What a client in strict mode is told of each event."""
    status, answer = send("/v1/batch", {"batch": list(events)}, authorization=basic(key), x_strict_mode="1")
    assert status == 207
    assert answer["success"] == all(one["status"] == 200 for one in answer["results"])
    return [(one["status"], one["code"]) for one in answer["results"]]


def test_a_channel_that_rejects_unknown_types_keeps_them_with_the_reason(aws: StrictAws) -> None:
    """Built-in and defined types pass, a type that was only seen does not; nothing is lost."""
    seen, unknown = (CUSTOM | {"event": name, "messageId": name} for name in ("Only seen", "What?"))
    identify = PAGE | {"type": "identify", "messageId": "i"}
    accepted, refused = (200, "accepted"), (400, "unknown_activity_type")
    assert codes(PAGE, CUSTOM, seen, unknown, identify, key=PICKY) == [accepted, accepted, refused, refused, accepted]
    (envelope,) = queued(aws)
    assert [event.message_id for event in envelope.events] == ["m", "c", "i"]
    assert [(one.message_id, one.reason) for one in envelope.refused] == [
        ("Only seen", "unknown_activity_type"),
        ("What?", "unknown_activity_type"),
    ]


def test_an_unknown_type_is_an_activity_elsewhere() -> None:
    assert codes(CUSTOM | {"event": "What?"}, key=WRITE_KEY) == [(200, "accepted")]


def test_a_disabled_type_is_withheld_and_only_a_secret_key_is_told(aws: StrictAws) -> None:
    """Section 6: a page's visitors get the usual answer. The neighbours of a withheld event are kept."""
    assert codes(OFF, PAGE, key=SECRET_KEY) == [(403, "type_disabled"), (200, "accepted")]
    assert codes(OFF, PAGE, key=WRITE_KEY) == [(200, "accepted")] * 2
    assert send("/v1/track", OFF, authorization=basic(SECRET_KEY)) == SUCCESS
    for envelope in queued(aws):
        assert [event.message_id for event in envelope.events] == ["m"]
        assert envelope.refused == ()


@pytest.mark.parametrize(("type_", "event"), [("pagevisit", PAGE), ("screen", PAGE | {"type": "screen"})])
def test_built_in_types_can_be_disabled_too(aws: StrictAws, type_: str, event: dict[str, Any]) -> None:
    catalogue.save_type(ActivityType(code_name=type_, name="No", enabled=False))
    catalogue._cache().clear()
    assert codes(event, key=SECRET_KEY) == [(403, "type_disabled")]
    assert queued(aws) == []


def test_a_type_that_is_disabled_now_is_withheld_within_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """The catalogue is read once a minute."""
    assert codes(CUSTOM, key=SECRET_KEY) == [(200, "accepted")]
    catalogue.save_type(ActivityType(code_name="my_custom", name="My own", enabled=False))
    now = clock.now_ms()
    monkeypatch.setattr("cdp_core.clock.now_ms", lambda: now + 61_000)
    assert codes(CUSTOM, key=SECRET_KEY) == [(403, "type_disabled")]


# Hostile input on every path

POSTS = ("/v1/import", "/beacon/v1/batch", "/api/s/page", "/api/s/s2s/track", "/v1/forms/ask", "/v1/b",
         "/Kentico.Tracking/activities", "/api/s/nope", "/v1/forms/", "/nowhere")  # fmt: skip
GETS = ("/pixel/v1/track", "/pixel/v1/nope", "/sourceConfig", "/v1/projects/x/settings", "/kxt.js")
MB = 1024 * 1024
BODIES = {
    "empty": b"",
    "noise": bytes(range(256)),
    "half a gzip": gzip.compress(b"x" * 9_000)[:-9],
    "two gzips": gzip.compress(b"{}") + gzip.compress(b"{}"),
    "gzip of noise": gzip.compress(bytes(range(256))),
    "deflate": zlib.compress(b"{}"),
    "bomb": gzip.compress(b"[" * (6 * MB)),
    "huge": b"x" * (5 * MB + 1),
    "nearly huge": b'{"batch":[' + b"[" * (5 * MB - 100),
    "deep": b'{"a":' * 100_000,
    "list": b"[1,2,3]",
    "number": b"1e999999999",
    "wrong types": b'{"batch":5,"activities":5,"fields":5,"writeKey":5,"channel":5,"contact":5,"messageId":[5]}',
    "surrogates": rb'{"batch":["\ud800"],"activities":["\ud800"],"channel":"website","contact":"\ud800","question":"\udc00"}',
    "nulls": b'{"batch":[null],"activities":[null],"fields":null,"channel":"website","contact":"c"}',
    "many nulls": b'{"batch":[' + b"null," * 2_400 + b'null],"messageId":NaN,"question":NaN,"anonymousId":NaN}',
    "UTF-16": '{"batch": []}'.encode("utf-16"),
}


@pytest.mark.parametrize("name", BODIES)
def test_no_body_makes_an_answer_of_5xx_or_an_event_that_is_lost(aws: StrictAws, name: str) -> None:
    """Section 8: never 5xx for a client's; and what is answered with success is on the queue."""
    for path in POSTS + GETS:
        headers = {"content_type": "multipart/form-data; boundary=x"} if "forms" in path else {}
        method = "GET" if path in GETS else "POST"
        status, answer = send(f"{path}?writeKey={WRITE_KEY}", BODIES[name], method=method, **headers)
        assert status in (200, 207, 400, 401, 404, 413), path
        assert status in (200, 207) or {"code", "message"} <= answer.keys(), path
        is_kept = queued(aws) != []
        if method == "POST" and "forms" not in path:
            assert (status in (200, 207)) == is_kept, path
        elif method == "POST":  # a form that is refused is kept too, with the reason
            assert status != 200 or is_kept, path


@pytest.mark.parametrize(
    "change",
    [{"body": "A"}, {"body": "žž"}, {"body": None}, {"headers": None}, {"rawQueryString": None},
     {"body": "\ud800", "isBase64Encoded": False}, {"rawQueryString": "&".join("a=b" for _ in range(301))},
     {"rawQueryString": "%ff=%fe&=&&==&writeKey=%00"}, {"rawQueryString": "writeKey=" + "x" * 100_000},
     {"headers": {"authorization": "Basic \u00ff\ud800", "origin": "\u0000", "accept-encoding": ",;,"}},
     {"headers": {"content-encoding": "br"}}, {"headers": {"content-type": "multipart/;boundary=\u0000"}},
     {"headers": {"content-type": "multipart/form-data; boundary=" + "(" * 70}}],
)  # fmt: skip
def test_no_odd_encoding_makes_an_answer_of_5xx(change: dict[str, Any]) -> None:
    """Broken base64, percent signs, headers: the client's fault, in words."""
    for path in POSTS + GETS:
        event = request("GET" if path in GETS else "POST", f"{path}?writeKey={WRITE_KEY}", b"{}") | change
        status, answer = answered(event)
        assert status < 500, path
        assert status in (200, 207) or {"code", "message"} <= answer.keys(), path


@pytest.mark.parametrize(
    ("path", "body"),
    [("/api/s/page", PAGE), ("/v1/import", {"batch": [PAGE]}), ("/v1/forms/ask", {"question": "?"}),
     ("/Kentico.Tracking/activities", {"channel": "website", "contact": "c", "activities": [{"type": "my_custom"}]})],
)  # fmt: skip
def test_success_is_said_on_no_wire_before_the_queue_has_it(aws: StrictAws, path: str, body: Any) -> None:
    """Invariant 6: 503 with Retry-After instead, so that well-behaved clients come again."""
    aws.reset(Plan(faults=tuple(Fault("SendMessageBatch", nth, SERVER_ERROR) for nth in range(TRIES))))
    event = request("POST", f"{path}?writeKey={WRITE_KEY}", json.dumps(body))
    answer = function("track").handler(event, Context())
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (503, "unavailable")
    assert int(answer["headers"]["Retry-After"]) > 0
    assert send(f"{path}?writeKey={WRITE_KEY}", body)[0] in (200, 207)
