"""Segment's wire, event by event (W-01 to W-34)."""

import gzip
import json
from typing import Any

import pytest

from cdp_core.domain.envelope import Event, Refusal
from cdp_core.errors import InvalidInput, TooLarge, Unauthorized, UnsupportedEncoding
from cdp_core.wire.http import MAX_BODY, read_request
from cdp_core.wire.segment import Submission, read
from tests.support.product import basic, request


def submit(path: str, body: Any, **headers: str) -> Submission:
    """Reads a request as track does."""
    data = body if isinstance(body, bytes) else json.dumps(body)
    return read(read_request(request("POST", path, data, **headers)), lambda: "made-by-us")


def one(path: str, body: Any) -> Event:
    """The single event of a request that is kept."""
    (event,) = submit(path, body).outcomes
    assert isinstance(event, Event), event
    return event


def refused(body: Any, path: str = "/v1/track") -> str:
    """The reason for which the single event of a request is refused."""
    (refusal,) = submit(path, body).outcomes
    assert isinstance(refusal, Refusal), refusal
    return refusal.reason


@pytest.mark.parametrize(
    ("path", "type_"),
    [("/v1/identify", "identify"), ("/v1/i", "identify"), ("/v1/t", "track"), ("/v1/page", "page"), ("/v1/p/", "page"),
     ("/v1/screen", "screen"), ("/v1/s", "screen"), ("/v1/group", "group"), ("/v1/a", "alias")],
)  # fmt: skip
def test_every_call_has_a_long_and_a_short_form(path: str, type_: str) -> None:
    """W-01 to W-06."""
    body = {"userId": "42", "event": "E", "groupId": "g", "previousId": "p"}
    assert one(path, body).type == type_


def test_the_documented_identify_sample_is_read() -> None:
    """Golden sample."""
    event = one("/v1/identify", {
        "userId": "019mr8mf4r", "timestamp": "2012-12-02T00:30:08.276Z", "context": {"ip": "24.5.68.47"},
        "traits": {"email": "pgibbons@example.com", "name": "Peter Gibbons", "industry": "Technology"},
    })  # fmt: skip
    assert (event.user_id, event.time, event.body["traits"]["name"]) == ("019mr8mf4r", 1354408208276, "Peter Gibbons")


def test_the_documented_batch_sample_is_read_one_digit_month_included() -> None:
    """Golden sample: the trap timestamp is read, and the shared context reaches every event."""
    sample = {"batch": [
        {"type": "identify", "userId": "a", "traits": {"age": 26}, "timestamp": "2012-12-02T00:30:08.276Z"},
        {"type": "identify", "userId": "b", "context": {"x": 1}, "timestamp": "2015-2-02T00:30:08.276Z"},
    ], "writeKey": "YOUR_WRITE_KEY", "context": {"device": {"type": "phone"}, "x": 0}}  # fmt: skip
    submission = submit("/v1/batch", sample)
    first, second = submission.outcomes
    assert submission.write_key == "YOUR_WRITE_KEY"
    assert isinstance(first, Event)
    assert isinstance(second, Event)
    assert second.time == 1422837008276
    assert second.body["context"] == {"device": {"type": "phone"}, "x": 1}


def test_null_ids_are_absent_and_whole_numbers_are_their_digits() -> None:
    """Surprises of real SDKs."""
    event = one("/v1/page", {"userId": 42, "anonymousId": None, "messageId": None})
    assert (event.user_id, event.anonymous_id, event.message_id) == ("42", None, "made-by-us")


def test_identify_traits_may_stand_in_the_context_only() -> None:
    """RudderStack's SDKs."""
    assert one("/v1/identify", {"userId": "42", "context": {"traits": {"a": 1}}}).body["traits"] == {"a": 1}


def test_original_timestamp_serves_where_timestamp_is_absent() -> None:
    """RudderStack's node and browser SDKs."""
    assert one("/v1/page", {"userId": "42", "originalTimestamp": "2012-12-02T00:30:08.276Z"}).time == 1354408208276


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"event": "E"}, "no_identity"),
        ({"event": "E", "userId": "undefined", "anonymousId": "00000000-0000"}, "blocked_identity"),
        ({"userId": "42"}, "missing_event_name"),
        ({"userId": "42", "event": "  "}, "missing_event_name"),
        ({"userId": "x" * 201, "event": "E"}, "invalid_id"),
        ({"userId": "a\u0000b", "event": "E"}, "invalid_id"),
        ({"userId": True, "event": "E"}, "invalid_id"),
        ({"userId": "42", "event": "E", "messageId": "m" * 201}, "invalid_message_id"),
        ({"userId": "42", "event": "E", "properties": []}, "not_an_object"),
        ({"userId": "42", "event": "E", "properties": {"x": "y" * 70_000}}, "event_too_large"),
    ],
)
def test_an_event_that_cannot_be_kept_is_refused_with_its_reason(body: dict[str, Any], reason: str) -> None:
    """Each limit by name."""
    assert refused(body) == reason


def test_identifiers_of_200_characters_are_kept() -> None:
    """The edge of the limit."""
    assert one("/v1/page", {"userId": "x" * 200, "messageId": "m" * 200}).user_id == "x" * 200


@pytest.mark.parametrize(("path", "reason"), [("/v1/group", "missing_group_id"), ("/v1/alias", "missing_previous_id")])
def test_group_and_alias_need_their_other_id(path: str, reason: str) -> None:
    """W-05, W-06."""
    assert refused({"userId": "42"}, path) == reason


@pytest.mark.parametrize("levels", [40, 10_000])
def test_one_event_that_is_too_deep_costs_its_neighbours_nothing(levels: int) -> None:
    """I3: refused alone."""
    deep = b"[" * levels + b"]" * levels
    body = b'{"batch": [{"type":"page","userId":"1"},{"type":"page","userId":"2","properties":{"x":%s}},{"type":"page","userId":"3"}]}'
    outcomes = submit("/v1/batch", body % deep).outcomes
    assert [getattr(outcome, "reason", "kept") for outcome in outcomes] == ["kept", "too_deep", "kept"]


def test_a_bare_nan_costs_only_its_value() -> None:
    """Part A: the event is kept with a note."""
    body = b'{"batch": [{"type":"page","userId":"1","properties":{"x":NaN,"y":0.10}},{"type":"page","userId":"2"}]}'
    first, second = submit("/v1/batch", body).outcomes
    assert isinstance(first, Event)
    assert isinstance(second, Event)
    assert str(first.body["properties"]) == "{'x': None, 'y': Decimal('0.10')}"
    assert "note" in first.body
    assert "note" not in second.body


@pytest.mark.parametrize("encoding", ["gzip", "", "identity"])
def test_gzip_is_known_by_its_bytes(encoding: str) -> None:
    """rudder-sdk-node sends gzip as a form without saying so."""
    packed = gzip.compress(json.dumps({"userId": "42"}).encode())
    assert submit(
        "/v1/page", packed, content_encoding=encoding, content_type="application/x-www-form-urlencoded"
    ).outcomes


def test_a_gzip_bomb_is_refused_within_bounds() -> None:
    """I6: the decoded size is bounded, not the wire's."""
    with pytest.raises(TooLarge, match=str(MAX_BODY)):
        submit("/v1/page", gzip.compress(b" " * (MAX_BODY + 1)))


def test_a_body_of_exactly_the_limit_is_read() -> None:
    """The edge of the limit."""
    body = b'{"userId": "42"}'
    assert submit("/v1/page", body + b" " * (MAX_BODY - len(body))).outcomes


@pytest.mark.parametrize("packed", [b"\x1f\x8b broken", gzip.compress(b"{}", mtime=0)[:-9]], ids=["torn", "cut"])
def test_broken_gzip_is_the_clients_fault(packed: bytes) -> None:
    """Never 5xx for a client's."""
    with pytest.raises(InvalidInput, match="gzip"):
        submit("/v1/page", packed)


def test_an_unknown_encoding_is_named() -> None:
    """415."""
    with pytest.raises(UnsupportedEncoding, match="br"):
        submit("/v1/page", b"{}", content_encoding="br")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ([], "invalid_json"),
        ({"batch": []}, "empty_batch"),
        ({"batch": {}}, "empty_batch"),
        ({"batch": [0] * 2_501}, "too_many_events"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused_whole(body: Any, code: str) -> None:
    """400 with the limit named."""
    with pytest.raises(InvalidInput) as raised:
        submit("/v1/batch", body)
    assert raised.value.code == code


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_json_is_read_whatever_the_content_type(content_type: str) -> None:
    """W-15."""
    assert submit("/v1/page", {"userId": "42"}, content_type=content_type).outcomes


def test_the_write_key_comes_from_header_or_body_and_must_not_contradict_itself() -> None:
    """W-10, W-11, W-13."""
    assert submit("/v1/page", {"userId": "1"}, authorization=basic("k")).write_key == "k"
    assert submit("/v1/page", {"userId": "1"}, authorization="Basic aw==").write_key == "k"
    assert submit("/v1/page", {"userId": "1", "writeKey": "k"}).write_key == "k"
    assert submit("/v1/page", {"userId": "1"}).write_key == ""
    with pytest.raises(Unauthorized):
        submit("/v1/page", {"userId": "1", "writeKey": "other"}, authorization=basic("k"))
