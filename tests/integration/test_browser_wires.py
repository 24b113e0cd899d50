"""The wires beside Segment's: Jitsu, RudderStack's beacon and pixel, the documents from which browser SDKs start, the kxt script."""

import base64
import gzip
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from cdp_core.domain.channels import Channel
from cdp_core.tables import channels
from tests.double import StrictAws
from tests.integration.test_track import queued
from tests.support.product import ROOT, SECRET_KEY, WRITE_KEY, Context, basic, function, request, seed_keys

EVENT = {"event": "Order", "userId": "42", "messageId": "m", "groupId": "g", "previousId": "p"}
SUCCESS = (200, {"success": True})


@pytest.fixture(autouse=True)
def _keys(aws: StrictAws) -> None:
    seed_keys()


def ask(method: str, path: str, body: Any = b"", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Sends a request with these headers alone; status, headers and the body's bytes."""
    data = body if isinstance(body, bytes) else json.dumps(body)
    answer = function("track").handler(request(method, path, data, **headers), Context())
    sent = answer.get("body", "")
    return (
        answer["statusCode"],
        answer["headers"],
        base64.b64decode(sent) if "isBase64Encoded" in answer else sent.encode(),
    )


def say(method: str, path: str, body: Any = b"", **headers: str) -> tuple[int, dict[str, Any]]:
    """Status and decoded JSON."""
    status, _, sent = ask(method, path, body, **headers)
    return status, json.loads(sent)


def types(aws: StrictAws) -> list[str]:
    """The types of the events on the queue."""
    return [event.type for envelope in queued(aws) for event in envelope.events]


# Jitsu


@pytest.mark.parametrize("path", ["/api/s/", "/api/s/s2s/"])
@pytest.mark.parametrize("type_", ["track", "page", "identify", "group", "screen", "alias"])
def test_jitsu_sends_each_type_with_its_key_in_a_header_and_a_masked_one_in_the_body(
    aws: StrictAws, path: str, type_: str
) -> None:
    """Part A: the masked key never overrides or contradicts the header's."""
    body = EVENT | {"type": type_, "writeKey": "***"}
    assert say("POST", path + type_, body, x_write_key=WRITE_KEY) == SUCCESS
    assert types(aws) == [type_]


def test_jitsus_key_may_have_a_secret_behind_a_colon() -> None:
    """Section 2.2."""
    assert say("POST", "/api/s/page", EVENT, x_write_key=f"{WRITE_KEY}:secret") == SUCCESS


def test_jitsus_secret_key_has_authority_as_any_other(aws: StrictAws) -> None:
    say("POST", "/api/s/s2s/page", EVENT, x_write_key=SECRET_KEY)
    (envelope,) = queued(aws)
    assert envelope.events[0].authority is True


@pytest.mark.parametrize(
    "path", ["/api/s/nope", "/api/s/s2s/nope", "/api/s/s2s", "/api/s/%00", "/api/s/" + "x" * 9_000]
)
def test_an_unknown_type_in_the_path_is_400(aws: StrictAws, path: str) -> None:
    """Never 5xx for a client's."""
    status, answer = say("POST", path, EVENT, x_write_key=WRITE_KEY)
    assert (status, answer["code"]) == (400, "unknown_type")
    assert queued(aws) == []


@pytest.mark.parametrize("key", ["", "***", ":", f":{WRITE_KEY}", "wrong"])
def test_a_wrong_key_in_jitsus_header_is_401_whatever_the_body_says(aws: StrictAws, key: str) -> None:
    """W-13, W-14."""
    assert say("POST", "/api/s/page", EVENT | {"writeKey": WRITE_KEY}, x_write_key=key)[0] == 401
    assert queued(aws) == []


# RudderStack's beacon, and import


def test_a_beacon_has_its_key_in_the_address_and_no_content_type_worth_the_name(aws: StrictAws) -> None:
    """Part A: text/plain, so that no preflight is needed while the page dies."""
    body = {"batch": [EVENT | {"type": "page"}, EVENT | {"type": "track", "messageId": "m2"}], "sentAt": "x"}
    path = f"/beacon/v1/batch?writeKey={WRITE_KEY}"
    assert say("POST", path, body, content_type="text/plain;charset=UTF-8") == SUCCESS
    assert types(aws) == ["page", "track"]


def test_a_beacon_without_a_key_or_with_a_wrong_one_is_401(aws: StrictAws) -> None:
    """W-24."""
    body = {"batch": [EVENT | {"type": "page"}]}
    for path in ("/beacon/v1/batch", "/beacon/v1/batch?writeKey=wrong", "/beacon/v1/batch?writeKey="):
        assert say("POST", path, body)[0] == 401
    assert say("POST", f"/beacon/v1/batch?writeKey={WRITE_KEY}", body | {"writeKey": SECRET_KEY})[0] == 401
    assert queued(aws) == []


def test_import_is_a_batch(aws: StrictAws) -> None:
    """Section 2.2."""
    body = {"batch": [EVENT | {"type": "identify", "traits": {"a": 1}}, {"type": "page"}]}
    assert say("POST", "/v1/import", body, authorization=basic(WRITE_KEY)) == SUCCESS
    (envelope,) = queued(aws)
    assert ([event.type for event in envelope.events], [one.reason for one in envelope.refused]) == (
        ["identify"],
        ["no_identity"],
    )
    assert say("POST", "/v1/import", {"batch": []}, authorization=basic(WRITE_KEY))[1]["code"] == "empty_batch"


# The pixel


def pixel(call: str = "track", *, key: str = WRITE_KEY, **parameters: str) -> tuple[int, dict[str, str], bytes]:
    """Loads the image, as an e-mail does."""
    asked = {"writeKey": key, "anonymousId": "anon", "event": "Opened"} | parameters
    return ask("GET", f"/pixel/v1/{call}?{urlencode(asked)}")


@pytest.mark.parametrize("call", ["track", "page"])
def test_a_pixel_is_an_image_that_nobody_keeps(aws: StrictAws, call: str) -> None:
    """A kept image would be one activity for all openings."""
    status, headers, content = pixel(call)
    assert (status, headers["Content-Type"], headers["Cache-Control"]) == (200, "image/gif", "no-store")
    assert (content[:6], content[6:10], content[-1:]) == (b"GIF89a", b"\x01\x00\x01\x00", b"\x3b")
    assert types(aws) == [call]


def test_dotted_names_are_fields_within_fields(aws: StrictAws) -> None:
    """Also with other alphabets and empty values; the key and the type are nobody's property."""
    names = {
        "properties.plan": "žluť",
        "properties.a.b.c": "1",
        "context.page.url": "https://x/?a=b&c",
        "messageId": "m",
    }
    pixel(type="identify", **names, **{"properties.empty": ""})
    (envelope,) = queued(aws)
    (event,) = envelope.events
    assert (event.type, event.message_id, event.body["context"]) == (
        "track",
        "m",
        {"page": {"url": "https://x/?a=b&c"}},
    )
    assert event.body["properties"] == {"plan": "žluť", "a": {"b": {"c": "1"}}, "empty": ""}
    assert WRITE_KEY not in repr(event)


def test_names_with_more_dots_than_any_field_needs_are_400(aws: StrictAws) -> None:
    """Bounded; eight are enough."""
    assert pixel(**{"properties" + ".a" * 8: "x"})[0] == 200
    for name in ("properties" + ".a" * 9, "." * 5_000):
        status, _, content = pixel(**{name: "x"})
        assert (status, json.loads(content)["code"]) == (400, "invalid_request")
    assert len(queued(aws)) == 1


@pytest.mark.parametrize(
    "names",
    [{"properties.a": "1", "properties.a.b": "2"}, {"properties.a.b": "2", "properties.a": "1"},
     {"properties": "x", "properties.a": "2"}, {"properties.a": "2", "properties": "x"},
     {"event.x": "1"}, {"userId.x": "1"}, {"": "1"}, {".": "1"}, {"properties.": "1"}, {"messageId": "x" * 300},
     {"context": "x"}, {"timestamp.a": "1"}, {"anonymousId": "undefined"}, {"type.x": "1"}],
)  # fmt: skip
def test_names_that_contradict_each_other_lose_no_event(aws: StrictAws, names: dict[str, str]) -> None:
    """Kept as an event, or with the reason: an image has nobody to tell."""
    status, headers, _ = pixel(**names)
    assert (status, headers["Content-Type"]) == (200, "image/gif")
    (envelope,) = queued(aws)
    assert len(envelope.events) + len(envelope.refused) == 1


@pytest.mark.parametrize("key", ["", "wrong", SECRET_KEY + "x"])
def test_a_wrong_key_is_401_and_no_image(aws: StrictAws, key: str) -> None:
    """W-24."""
    status, headers, content = pixel(key=key)
    assert (status, headers["Content-Type"], json.loads(content)["code"]) == (401, "application/json", "unauthorized")
    assert queued(aws) == []


def test_other_calls_and_floods_of_parameters_are_400(aws: StrictAws) -> None:
    """Never 5xx for a client's."""
    for call in ("identify", "batch", "", "%00"):
        assert pixel(call)[0] == 400
    assert pixel(**{f"p{n}": "x" for n in range(300)})[0] == 400
    assert queued(aws) == []


def test_a_broken_query_is_still_an_event(aws: StrictAws) -> None:
    """Percent signs that mean nothing."""
    path = f"/pixel/v1/track?writeKey={WRITE_KEY}&anonymousId=a&event=%ff%zz%&properties.x=%00%ed%a0%80&&=&%"
    assert ask("GET", path)[0] == 200
    assert types(aws) == ["track"]


# Settings


def test_rudders_source_is_served_for_its_key_however_it_comes() -> None:
    """Part A: Basic with a preflight, or the key in the address, with and without a slash."""
    for path in ("/sourceConfig", "/sourceConfig/"):
        for query, headers in (
            (f"?writeKey={WRITE_KEY}&p=npm&v=3.34.1", {"authorization": basic(WRITE_KEY)}),
            ("?p=npm", {"authorization": basic(WRITE_KEY)}),
            (f"?writeKey={WRITE_KEY}", {}),
        ):
            status, answer = say("GET", path + query, **headers)
            source = answer["source"]
            assert (status, source["writeKey"], source["enabled"]) == (200, WRITE_KEY, True)
            assert (source["id"], source["name"], source["destinations"]) == ("website", "Website", [])
            assert {"workspaceId", "config"} <= source.keys()
            assert "updatedAt" in answer


@pytest.mark.parametrize("query", ["", "?writeKey=", "?writeKey=wrong"])
def test_a_source_without_a_good_key_is_401(query: str) -> None:
    """W-14."""
    assert say("GET", f"/sourceConfig{query}")[0] == 401


def test_analytics_starts_from_settings_that_name_its_key_and_this_host() -> None:
    """W-09: the host has no scheme and ends in /v1; the SDK's own metrics are off."""
    path = f"/v1/projects/{WRITE_KEY}/settings"
    status, answer = say("GET", path, host="track.example.com:8787", x_forwarded_proto="http")
    target = answer["integrations"]["Segment.io"]
    assert (status, target["apiKey"]) == (200, WRITE_KEY)
    assert (target["apiHost"], target["protocol"]) == ("track.example.com:8787/v1", "http")
    assert answer["metrics"] == {"sampleRate": 0}
    assert say("GET", path, host="h")[1]["integrations"]["Segment.io"]["protocol"] == "https"


def test_settings_are_kept_for_minutes_only_and_by_browsers_only() -> None:
    """They follow the channel."""
    for path in (f"/v1/projects/{WRITE_KEY}/settings", f"/sourceConfig?writeKey={WRITE_KEY}"):
        assert ask("GET", path, host="h")[1]["Cache-Control"] == "private, max-age=300"


def test_settings_tell_nothing_that_is_secret() -> None:
    """Invariant 12: a page's visitors read them."""
    secret = Channel(code_name="signed", name="Signed", type="website", user_hash_secret="s3cret-hash")
    channels.save_channel(secret)
    channels.save_write_key("signed-key", channel="signed", secret=False)
    for path in ("/v1/projects/signed-key/settings", "/sourceConfig?writeKey=signed-key"):
        status, _, content = ask("GET", path)
        assert (status, b"s3cret-hash" in content) == (200, False)


@pytest.mark.parametrize("key", ["wrong", "%20", "..", "local-admin-key", "x" * 9_000])
def test_settings_of_an_unknown_key_are_401_and_errors_are_not_kept(key: str) -> None:
    """A failed fetch stops the SDK for the page, so nobody may keep the failure."""
    status, headers, content = ask("GET", f"/v1/projects/{key}/settings")
    assert (status, json.loads(content)["code"]) == (401, "unauthorized")
    assert "Cache-Control" not in headers


def test_settings_of_a_disabled_channel_are_404_and_of_foreign_pages_403() -> None:
    """W-14, origins."""
    channels.save_channel(Channel(code_name="off", name="Off", type="website", enabled=False))
    channels.save_channel(Channel(code_name="own", name="Own", type="website", origins=("https://own.example",)))
    channels.save_write_key("off-key", channel="off", secret=False)
    channels.save_write_key("own-key", channel="own", secret=False)
    assert say("GET", "/v1/projects/off-key/settings")[0] == 404
    for path in ("/v1/projects/own-key/settings", "/sourceConfig?writeKey=own-key"):
        status, answer = say("GET", path, origin="https://other.example")
        assert (status, answer["code"]) == (403, "origin_not_allowed")
        assert say("GET", path, origin="https://own.example")[0] == 200


@pytest.mark.parametrize(
    "path", ["/v1/projects", "/v1/projects/", "/v1/projects//settings", "/v1/projects/" + quote("a/b")]
)
def test_half_an_address_of_settings_is_the_clients_fault(path: str) -> None:
    """Never 5xx for a client's."""
    assert say("GET", path)[0] in (400, 401)


# The kxt script


def script(**headers: str) -> tuple[dict[str, str], bytes]:
    """Loads it."""
    status, answered, content = ask("GET", "/kxt.js", **headers)
    assert status == 200
    return answered, content


def test_the_script_is_the_same_bytes_packed_or_not_and_may_be_kept_by_anybody() -> None:
    """X-06; packed only for those who take it."""
    plain, text = script()
    packed, content = script(accept_encoding="br, gzip, deflate")
    assert text == Path(ROOT / "functions" / "track" / "kxt.js").read_bytes()
    assert gzip.decompress(content) == text
    assert (packed["Content-Encoding"], "Content-Encoding" in plain) == ("gzip", False)
    assert len(content) < len(text) / 2
    for headers in (plain, packed):
        assert headers["Content-Type"] == "text/javascript; charset=utf-8"
        assert (headers["Vary"], headers["Cache-Control"]) == ("Accept-Encoding", "public, max-age=3600")


@pytest.mark.parametrize("accepted", ["identity", "br", "gzip;q=0", "", "notgzip"])
def test_the_script_is_plain_for_those_who_do_not_take_gzip(accepted: str) -> None:
    """Else they would run noise."""
    assert b"function" in script(accept_encoding=accepted)[1]
