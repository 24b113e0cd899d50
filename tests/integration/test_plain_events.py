"""The short way of plain events and the long way of all others put the same on the queue."""

import io
import json
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdp_core import clock, queue
from cdp_core.domain.catalogue import ActivityType, CustomField
from cdp_core.domain.channels import REJECT, REQUIRED, Channel
from cdp_core.domain.consent import Entry
from cdp_core.domain.envelope import Envelope
from cdp_core.domain.identity import USER_ID, Identifier
from cdp_core.tables import catalogue, channels, consents, dynamo
from cdp_core.usecases.messages import envelope_of
from tests.double import strict_aws
from tests.double.memory import Memory
from tests.support.product import Context, basic, function, request

NOW = 1_800_000_000_000
CHANNELS = {
    "open": Channel(code_name="open", name="Open", type="website", consent_gate=False),
    "gated": Channel(code_name="gated", name="Gated", type="website"),
    "opt-in": Channel(code_name="opt-in", name="Opt-in", type="website", cookie_level=-1000),
    "known": Channel(code_name="known", name="Known", type="website", consent_gate=False, unknown_types=REJECT),
    "signed": Channel(code_name="signed", name="Signed", type="website", identity_verification=REQUIRED),
}


@pytest.fixture(scope="module", autouse=True)
def _deployment() -> Iterator[None]:
    with strict_aws(memory=Memory()), mock.patch.object(clock, "now_ms", return_value=NOW):
        for name, channel in CHANNELS.items():
            channels.save_channel(channel)
            channels.save_write_key(f"{name}-public", channel=name, secret=False)
            channels.save_write_key(f"{name}-secret", channel=name, secret=True)
        catalogue.save_type(ActivityType(code_name="unwanted", name="Unwanted", enabled=False))
        catalogue.save_type(ActivityType(code_name="wanted", name="Wanted"))
        for name, agreed in (("agreed", True), ("revoked", False)):
            dynamo.transact([consents.put(Identifier(USER_ID, name), 0, [_decision(agreed=agreed)])])
        yield


def _decision(*, agreed: bool) -> Entry:
    return Entry(code="tracking", agreed=agreed, at=1, rank=1, text="t", language="en", channel="gated", leaf="u1")


@dataclass(slots=True)
class Taken:
    """What a request was answered, and the envelopes that it made."""

    status: int
    answer: Any
    envelopes: list[Envelope] = field(default_factory=list)
    plain: bool = False
    metrics: Any = None


def sent(path: str, body: bytes, key: str, *, is_short: bool, headers: dict[str, str] | None = None) -> Taken:
    """Sends a request the short way, where it is one, or the long one."""
    app, messages = function("track"), []

    def keep(bodies: list[str]) -> list[bool]:
        messages.extend(bodies)
        return [True] * len(bodies)

    short = app._is_plain if is_short else lambda request: False
    with (
        redirect_stdout(io.StringIO()) as printed,
        mock.patch.object(queue, "send", keep),
        mock.patch.object(app, "_is_plain", short),
        mock.patch.object(app, "_new_id", return_value="made"),
    ):
        answer = app.handler(request("POST", path, body, authorization=basic(key), **(headers or {})), Context())
    decoded = [envelope_of(message)._replace(key=b"") for message in messages]
    is_plain = any('"said"' in one for one in messages)
    metrics = [json.loads(line) | {"_aws": None} for line in printed.getvalue().splitlines()]
    return Taken(answer["statusCode"], json.loads(answer["body"]), decoded, is_plain, metrics)


def both(path: str, body: bytes, key: str) -> tuple[Taken, Taken]:
    """The same request both ways."""
    return sent(path, body, key, is_short=True), sent(path, body, key, is_short=False)


def agree(path: str, body: bytes, key: str) -> bool:
    """Asserts that both ways take the same from a request; whether the short one was taken."""
    short, long = both(path, body, key)
    assert (short.status, short.answer, short.metrics) == (long.status, long.answer, long.metrics)
    assert sorted(map(_shown, short.envelopes)) == sorted(map(_shown, long.envelopes))
    return short.plain


def _shown(envelope: Envelope) -> str:
    """An envelope as text that compares; the order of an event's parts means nothing."""
    events = [
        {**_values(event), "body": json.dumps(event.body, sort_keys=True, default=repr)} for event in envelope.events
    ]
    return repr(
        (envelope.channel, envelope.write_key, envelope.legal_basis, envelope.received_at, events, envelope.refused)
    )


def _values(event: Any) -> dict[str, Any]:
    return {name: getattr(event, name) for name in event._fields}


EVENT = {
    "type": "track",
    "event": "Order Viewed",
    "messageId": "8d3f0c1e-5a52-4f0e-9a8e-1",
    "anonymousId": "5f0d9a52-4f0e-9a8e-5a52",
    "userId": "user-42",
    "timestamp": "2026-11-24T10:00:00.123Z",
    "properties": {"total": 19.90, "list": [1, {"deep": None}], "text": 'a "quoted" ü\\n', "big": 12345678901234567890},
    "context": {"library": {"name": "analytics.js"}, "page": {"url": "https://example.com/"}},
}


@pytest.mark.parametrize("key", [f"{name}-{kind}" for name in CHANNELS for kind in ("public", "secret")])
@pytest.mark.parametrize("type_", ["track", "page", "screen", "identify"])
def test_an_ordinary_event_is_the_same_both_ways(type_: str, key: str) -> None:
    event = EVENT | {"type": type_, "name": "Home", "category": "Pages", "traits": {"email": "a@example.com", "age": 7}}
    agree("/v1/batch", json.dumps({"batch": [event, event | {"userId": "43"}]}).encode(), key)
    single = {name: value for name, value in event.items() if name != "type"}
    agree(f"/v1/{type_}", json.dumps(single).encode(), key)


def test_ordinary_events_do_go_the_short_way() -> None:
    body = json.dumps({"batch": [EVENT] * 50, "sentAt": "2026-11-24T10:00:00Z"}).encode()
    for key in ("open-public", "open-secret", "gated-public", "signed-secret"):
        assert agree("/v1/batch", body, key), key
    agreed = json.dumps({"batch": [EVENT | {"userId": "agreed"}]}).encode()
    assert agree("/v1/batch", agreed, "opt-in-public")


def test_who_did_not_agree_is_withheld_the_short_way_and_asked_once() -> None:
    kept = [EVENT | {"messageId": f"m{n}", "userId": user} for n, user in enumerate(("agreed", "revoked", "stranger"))]
    body = json.dumps({"batch": kept}).encode()
    with mock.patch.object(dynamo, "get_many", wraps=dynamo.get_many) as asked:
        taken = sent("/v1/batch", body, "opt-in-public", is_short=True)
    assert asked.call_count == 1
    assert [event.message_id for one in taken.envelopes for event in one.events] == ["m0"]
    assert {name: taken.metrics[0].get(name) for name in ("accepted", "consent_withheld")} == {
        "accepted": 1,
        "consent_withheld": 2,
    }
    assert agree("/v1/batch", body, "opt-in-public")


def test_where_nobody_agreed_nothing_is_queued() -> None:
    taken = sent("/v1/batch", json.dumps({"batch": [EVENT, EVENT]}).encode(), "opt-in-public", is_short=True)
    assert (taken.status, taken.envelopes, taken.metrics[0]["consent_withheld"]) == (200, [], 2)


def test_a_request_that_is_too_large_for_one_message_is_several_the_short_way() -> None:
    many = [EVENT | {"messageId": f"m{n}", "properties": {"a": "x" * 3_000}} for n in range(700)]
    taken = sent("/v1/batch", json.dumps({"batch": many}).encode(), "open-public", is_short=True)
    assert taken.plain
    assert len(taken.envelopes) == 4
    assert [event.message_id for one in taken.envelopes for event in one.events] == [f"m{n}" for n in range(700)]


UNUSUAL: dict[str, Any] = {
    "an alias": {"type": "alias", "previousId": "x"},
    "a group": {"type": "group", "groupId": "x"},
    "no type": {"type": None},
    "an unknown type": {"type": "shout"},
    "no name": {"event": " "},
    "no identity": {"userId": None, "anonymousId": ""},
    "a blocked user": {"userId": "undefined"},
    "a blocked user and no visitor": {"userId": "undefined", "anonymousId": None},
    "a blocked visitor": {"anonymousId": "00000000-0000-0000-0000-000000000000"},
    "a blocked visitor and no user": {"anonymousId": " Null ", "userId": None},
    "a number for a user": {"userId": 42},
    "a long user": {"userId": "x" * 201},
    "a control character": {"userId": "a\u0007b"},
    "a delete character": {"anonymousId": "a\u007fb"},
    "a noncharacter": {"messageId": "a\uffffb"},
    "a hash": {"userHash": "abc"},
    "a hash in the context": {"context": {"userHash": "abc"}},
    "a form": {"event": "Form Submitted", "properties": {"form": "f"}},
    "a data input": {"event": "datainput", "properties": {"contactFields": {"ContactEmail": "a@example.com"}}},
    "a registration": {"event": "memberregistration", "properties": {"name": "A", "email": "a@example.com"}},
    "a purchase": {"event": "purchase", "properties": {"customer_id": "7"}},
    "an unwanted type": {"event": "unwanted"},
    "a wanted type": {"event": "Wanted"},
    "a withdrawal": {"userId": "revoked"},
    "a withdrawal in the context": {"context": {"consent": {"categoryPreferences": {"tracking": False}}}},
    "an agreement": {"userId": "agreed"},
    "lists for objects": {"properties": []},
    "a text for a context": {"context": "x"},
    "empty objects": {"properties": {}, "context": {}},
    "nothing": {"properties": None, "context": None, "traits": None},
    "deep": {"properties": {"a": json.loads("[" * 31 + "]" * 31)}},
    "deeper than allowed": {"properties": {"a": json.loads("[" * 40 + "]" * 40)}},
    "large": {"properties": {"a": "x" * 5_000}},
    "larger than allowed": {"properties": {"a": "x" * 70_000}},
    "a long number": {"properties": {"a": 10**60}},
    "a number for a name": {"name": 7, "category": ["x"]},
    "no time": {"timestamp": None},
    "another time": {"timestamp": "", "originalTimestamp": "2026-11-24T10:00:00Z"},
    "a strange time": {"timestamp": "yesterday"},
    "a very long time": {"timestamp": "2026-11-24T10:00:00." + "1" * 60},
    "a time of 64 characters": {"timestamp": "2026-11-24T10:00:00." + "1" * 43 + "Z"},
    "a number for a time": {"timestamp": 1_764_000_000},
    "no message id": {"messageId": ""},
    "a long message id": {"messageId": "m" * 200},
    "a longer message id": {"messageId": "m" * 201},
    "traits in the context": {"type": "identify", "context": {"traits": {"name": "A"}}},
    "no traits": {"type": "identify", "traits": {}},
    "traits in the context only": {"type": "identify", "traits": {}, "context": {"traits": {"email": "a@example.com"}}},
    "a text for the context's traits": {"type": "identify", "traits": {}, "context": {"traits": "x"}},
    "deep traits of a track": {"traits": {"a": json.loads("[" * 40 + "]" * 40)}},
    "large traits of a track": {"traits": {"a": "x" * 70_000}},
    "properties of an identify": {"type": "identify", "traits": {"a": 1}, "properties": {"a": "x" * 70_000}},
    "a deep unknown member": {"integrations": json.loads('{"a":' * 40 + "1" + "}" * 40)},
    "a large unknown member": {"integrations": {"a": "x" * 70_000}},
    "a large name": {"name": "n" * 70_000},
    "a large category": {"category": "ü" * 35_000},
    "a title": {"name": "n" * 1_000},
    "a long number in an unknown member": {"integrations": {"n": 10**4_200}},
    "objects in lists": {"properties": json.loads('{"a":[' * 20 + "1" + "]}" * 20)},
    "a tab in a name": {"event": "a\tb"},
    "a name of a space": {"event": "\u00a0"},
    "true for a user": {"userId": True},
    "a write key": {"writeKey": "another"},
    "an unknown member": {"whatever": {"a": 1}},
}  # fmt: skip


@pytest.mark.parametrize("key", ["open-public", "gated-secret", "gated-public", "known-public", "opt-in-public"])
@pytest.mark.parametrize("what", UNUSUAL)
def test_whatever_is_unusual_is_the_same_both_ways(what: str, key: str) -> None:
    event = EVENT | UNUSUAL[what]
    agree("/v1/batch", json.dumps({"batch": [EVENT, event]}).encode(), key)
    agree("/v1/batch", json.dumps({"batch": [event]}, ensure_ascii=False).encode(), key)
    agree("/v1/track", json.dumps(event).encode(), key)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b'{"batch": []}',
        b'{"batch": {}}',
        b'{"batch": [1]}',
        b'{"batch": [null, {"type": "page", "userId": "1"}]}',
        b'{"batch": [{"type": "page", "userId": "1"}], "context": {"ip": "1.2.3.4"}}',
        b'{"batch": [{"type": "page", "userId": "1"}], "context": null}',
        b'{"batch": [{"type": "page", "userId": "1"}], "writeKey": "open-public"}',
        b'{"batch": [{"type": "page", "userId": "1"}], "writeKey": "another"}',
        b'{"batch": [{"type": "page", "userId": "1"}], "writeKey": 7}',
        b'{"batch": [{"type": "page", "userId": "1", "userId": "2", "properties": {"a": 1, "a": 2}}]}',
        b'{"batch": [{"type": "page", "userId": "1", "properties": { }}]}',
        b'{"batch": [{"type": "page", "userId": "1", "properties": {"n": NaN}}]}',
        b'{"batch": [{"type": "page", "userId": "1", "properties": {"n": 1e99999999999999999999}}]}',
        b'{"batch": [{"type": "page", "userId": "1", "properties": {"n": -1.5E-7}}]}',
        b'{"batch": [{"type": "page", "userId": "1", "properties": {"n": "\\ud83d\\ude00"}}]}',
        b'{"batch": [{"type": "page", "userId": "1", "properties": {"n": "\\ud83d"}}]}',
        b'{"batch": [{"type": "page", "userId": "1", "context": {"\\u0075serHash": "x"}}]}',
        b'{"batch": [{"type": "page", "userId": "1", "context": {"\\u0063onsent": {}}}]}',
        b'{"batch": [{"type": "page", "userId": "1", "properties": {"n": "\xff"}}]}',
        '{"batch": [{"type": "page", "userId": "Zoë", "properties": {"n": "\uffff \u2028"}}]}'.encode(),
        b'\xef\xbb\xbf{"batch": [{"type": "page", "userId": "1"}]}',
    ],
)
def test_every_body_is_the_same_both_ways(body: bytes) -> None:
    for key in ("open-public", "gated-public"):
        agree("/v1/batch", body, key)
        agree("/v1/page", body, key)


_TEXTS = st.one_of(
    st.text(max_size=12), st.sampled_from(["null", "0", "x" * 201, "Purchase", "agreed", "revoked", "\ud800"])
)
_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), _TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_TEXTS, inner, max_size=3)),
    max_leaves=6,
)
_OBJECTS = st.dictionaries(st.one_of(_TEXTS, st.sampled_from(["traits", "consent", "userHash"])), _VALUES, max_size=3)
_PARTS = {
    "type": st.sampled_from(["track", "page", "screen", "identify", "group", "alias", "x"]),
    **dict.fromkeys(("event", "messageId", "userId", "anonymousId", "timestamp", "name"), st.one_of(_TEXTS, _VALUES)),
    **dict.fromkeys(("properties", "context", "traits"), st.one_of(_OBJECTS, _OBJECTS, _VALUES)),
}
_EVENTS = st.builds(lambda changes: EVENT | changes, st.fixed_dictionaries({}, optional=_PARTS))


@settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    st.lists(_EVENTS, min_size=1, max_size=3), st.sampled_from([f"{name}-public" for name in CHANNELS]), st.booleans()
)
def test_whatever_clients_send_is_the_same_both_ways(events: list[Any], key: str, is_ascii: bool) -> None:
    body = json.dumps({"batch": events}, ensure_ascii=is_ascii).encode("utf-8", "surrogatepass")
    agree("/v1/batch", body, key)


def test_a_flush_that_does_not_know_plain_events_leaves_their_envelopes_alone() -> None:
    """While a deployment goes on, a new track may meet an old flush: it must not read an envelope without events."""
    messages: list[str] = []
    with mock.patch.object(queue, "send", lambda bodies: messages.extend(bodies) or [True] * len(bodies)):
        body = json.dumps({"batch": [EVENT]}).encode()
        function("track").handler(request("POST", "/v1/batch", body, authorization=basic("open-public")), Context())
    plain = json.loads(messages[0])
    assert plain["v"] == 2
    assert plain["events"] == []
    assert len(plain["said"]) == 1
    with pytest.raises(ValueError, match="version 3"):
        envelope_of(json.dumps(plain | {"v": 3}))


def test_a_defined_contact_field_is_asked_of_every_identify() -> None:
    field_ = CustomField(entity="contact", name="age", caption="Age", type="number")
    catalogue.save_field(field_)
    catalogue._cache().clear()
    try:
        bad = EVENT | {"type": "identify", "traits": {"age": "seven"}}
        assert not agree("/v1/batch", json.dumps({"batch": [bad]}).encode(), "open-public")
    finally:
        catalogue.remove_field("contact", "age")
        catalogue._cache().clear()
