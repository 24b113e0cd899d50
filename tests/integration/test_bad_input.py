"""Bad input to track and to the profiles API: no 5xx, nothing stored of what is refused, what is taken reads back equal.

Not here, for they do not exist yet: segment bombs (I11), CSV injection (I12), SSRF by webhooks (I14), the console.
"""

import base64
import gzip
import io
import json
import logging
import sys
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest

from cdp_core import queue
from cdp_core.aws import TRIES
from cdp_core.observability import logger
from local.gateway import HttpRequest
from tests.double import Fault, Plan, StrictAws
from tests.double.faults import SERVER_ERROR
from tests.support.product import (
    ADMIN_KEY,
    WRITE_KEY,
    Context,
    basic,
    batch,
    drain_all,
    function,
    request,
    seed_keys,
    track,
    user,
)
from tests.support.wsgi import through_gateway

MB = 1024 * 1024
PAGE = {"type": "page", "messageId": "good", "userId": "neighbour"}
NINES = "9" * 5_000
SURROGATE, REPLACEMENT = r"\ud800", "\ufffd"


@dataclass(slots=True)
class Store:
    """What the product holds, against what it held before anybody sent anything."""

    aws: StrictAws
    before: list[dict[str, Any]]

    def is_untouched(self) -> bool:
        """Nothing waits on the queue and nothing was stored."""
        return (
            queue.backlog() == 0
            and self.aws.items("activities") == []
            and _sorted(self.aws.items("profiles")) == self.before
        )

    def refused(self) -> list[str]:
        """The reasons of dead letters."""
        items = self.aws.items("activities")
        return [item["reason"]["S"] for item in items if item["sk"]["S"].startswith("dead#")]


def _sorted(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(items, key=lambda item: (item["pk"]["S"], item["sk"]["S"]))


@pytest.fixture(autouse=True)
def store(aws: StrictAws) -> Store:
    """The store with two channels and their keys in it."""
    seed_keys()
    return Store(aws, _sorted(aws.items("profiles")))


def ask(method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, Any, str]:
    """Asks the profiles API through API Gateway; status, answer with exact numbers, answer as text."""
    path, _, query = path.partition("?")
    given = {"authorization": f"Bearer {ADMIN_KEY}"} | {name.replace("_", "-"): one for name, one in headers.items()}
    answer = through_gateway(
        HttpRequest(method=method, path=path, query=query, headers=tuple(given.items()), body=body)
    )
    text = answer.body.decode()
    return answer.status, json.loads(text, parse_float=Decimal, parse_int=Decimal), text


def activities(name: str) -> list[Any]:
    """A person's activities, with exact numbers."""
    status, answer, _ = ask("GET", f"/profiles/{quote(name, safe='')}/activities?limit=100")
    assert status == 200, answer
    return list(answer["items"])


def properties_of(body: bytes) -> tuple[Any, str | None]:
    """What becomes of properties that are sent as this text, and the note."""
    text = b'{"batch":[{"type":"page","userId":"42","messageId":"m","properties":%s},%s]}'
    assert track("/v1/batch", text % (body, json.dumps(PAGE).encode())) == (200, {"success": True})
    drain_all()
    assert [one["message_id"] for one in activities("user_id:neighbour")] == ["good"]
    (shown,) = activities("user_id:42")
    return shown["properties"], shown["note"]


def peak(act: Callable[[], Any]) -> tuple[int, Any]:
    """The most memory that something takes on top of what was there, and its result."""
    tracemalloc.start()
    try:
        result = act()
        return tracemalloc.get_traced_memory()[1], result
    finally:
        tracemalloc.stop()


# --- I1: numbers


@pytest.mark.parametrize(
    "number", ["1e400", "-0", "-0.0", "1" * 39, "1e126", "1E-400", "0.1000000000000000055511", NINES]
)
def test_a_number_reads_back_exactly_in_an_activity_and_in_the_contact(number: str) -> None:
    """I1: whatever its size; no float is between."""
    assert properties_of(b'{"n":%s}' % number.encode()) == ({"n": Decimal(number)}, None)
    assert track("/v1/identify", b'{"userId":"42","traits":{"n":%s}}' % number.encode())[0] == 200
    drain_all()
    assert ask("GET", "/profiles/user_id%3A42")[1]["contact"]["custom"] == {"n": Decimal(number)}


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e99999999999999999999"])
def test_what_is_no_number_becomes_null_with_a_note(number: str) -> None:
    """I1: SDKs send it."""
    assert properties_of(b'{"n":[1,%s]}' % number.encode()) == ({"n": [1, None]}, "NaN or Infinity became null")


def test_what_is_no_number_in_the_context_of_a_batch_is_noted_in_each_event() -> None:
    """I1."""
    body = b'{"context":{"n":NaN,"\\ud800":1},"batch":[{"type":"page","userId":"42","messageId":"m"}]}'
    assert track("/v1/batch", body)[0] == 200
    drain_all()
    (shown,) = activities("user_id:42")
    assert (shown["context"], shown["note"]) == ({"n": None, REPLACEMENT: 1}, "NaN or Infinity became null")


@pytest.mark.parametrize("value", ["0", "1", "0.0", '"yes"', '"false"', "null", "[]"])
def test_the_profiles_api_takes_only_a_boolean_for_a_boolean(store: Store, value: str) -> None:
    """I1, I8: a key with authority is not made by guessing what was meant."""
    status, answer, _ = ask("POST", "/channels/website/keys", b'{"secret":%s}' % value.encode())
    assert status == 400
    assert answer["error"]["message"].startswith("secret: ")
    assert store.is_untouched()


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", NINES])
def test_the_profiles_api_refuses_numbers_that_it_could_not_keep(store: Store, number: str) -> None:
    """I1: 400, and no key is made."""
    status, answer, _ = ask("POST", "/channels/website/keys", b'{"secret":%s}' % number.encode())
    assert status == 400
    assert answer["error"]["message"].startswith("body: ")
    assert store.is_untouched()


# --- I2: texts


@pytest.mark.parametrize(
    "text", ["", "\0", "\ufffe\uffff", "\u202eabc", "👩\u200d👩\u200d👧", "e\u0301", "\u00e9", "\x7f", "a\r\n\t"]
)
def test_a_text_reads_back_as_value_and_as_name(text: str) -> None:
    """I2: no character is lost, none is normalized."""
    assert properties_of(json.dumps({text: [text]}).encode()) == ({text: [text]}, None)


def test_half_of_a_surrogate_pair_becomes_the_replacement_character() -> None:
    """I2."""
    assert properties_of(b'{"\\udc00":"a\\ud800b"}') == ({REPLACEMENT: f"a{REPLACEMENT}b"}, None)


@pytest.mark.parametrize("id", ["a\0b", "\ufffe", "\x85", "x" * 201, "", "  "])
def test_an_event_whose_id_cannot_name_anybody_is_refused_alone(store: Store, id: str) -> None:
    """I2: 1 to 200 characters, no control characters."""
    assert batch(PAGE, {"type": "page", "messageId": "bad", "userId": id}) == 200
    drain_all()
    assert len(store.refused()) == 1
    assert [one["message_id"] for one in activities("user_id:neighbour")] == ["good"]


@pytest.mark.parametrize("value", [f'"{SURROGATE}"', "[]", "{}", "NaN", NINES, "true", '"\\u0000"'])
def test_no_value_of_any_field_is_our_fault(value: str) -> None:
    """I2: never 5xx, whether the event is kept or refused."""
    for name in ("messageId", "userId", "type", "event", "timestamp", "groupId", "context", "traits", "integrations"):
        body = f'{{"batch":[{{"type":"track","{name}":{value}}},{{"type":"page","userId":"1","{name}":{value}}}]}}'
        assert track("/v1/batch", body.encode(), x_strict_mode="1")[0] == 207
        assert track("/v1/batch", f'{{"{name}":{value},"batch":[{{}}]}}'.encode())[0] == 200
    assert drain_all()["defects"] == 0


def test_composed_and_decomposed_ids_are_two_people() -> None:
    """I2: ids are never normalized."""
    for name in ("caf\u00e9", "cafe\u0301"):
        batch({"type": "page", "messageId": name, "userId": name})
    drain_all()
    for name in ("caf\u00e9", "cafe\u0301"):
        assert [one["message_id"] for one in activities(f"user_id:{name}")] == [name]


@pytest.mark.parametrize("value", ["\\ud800", "\\udc00x", "a\\ud800\\ud800"])
def test_the_profiles_api_refuses_half_a_surrogate_pair(value: str) -> None:
    """I2."""
    body = f'{{"kind":"user_id","value":"{value}"}}'.encode()
    status, answer, _ = ask("POST", "/profiles/lookup", body)
    assert (status, answer["error"]["message"]) == (400, "body: a text holds half of a surrogate pair")


@pytest.mark.parametrize("path", ["/profiles/{}", "/profiles/{}/activities", "/jobs/{}", "/profiles?q=x{}"])
def test_no_text_in_a_path_or_query_is_our_fault(path: str) -> None:
    """I2."""
    for name in ("%00", "user_id%3A%00", "%FF%FE", "email%3A%EF%B7%BA", "user_id%3A" + "x" * 5_000, "%ED%A0%80"):
        assert ask("GET", path.format(name))[0] in (200, 400, 404)


# --- I3, I4: structure


@pytest.mark.parametrize("levels", [33, 1_000, 100_000])
def test_an_event_that_nests_too_deep_is_refused_alone(store: Store, levels: int) -> None:
    """I3: measured without recursion."""
    deep = b"[" * levels + b"]" * levels
    event = b'{"type":"page","userId":"42","messageId":"deep","properties":{"x":%s}}' % deep
    assert track("/v1/batch", b'{"batch":[%s,%s]}' % (event, json.dumps(PAGE).encode()))[0] == 200
    drain_all()
    assert set(store.refused()) == {"too_deep"}
    assert not user("42").is_live
    assert [one["message_id"] for one in activities("user_id:neighbour")] == ["good"]


@pytest.mark.parametrize("levels", [32, 1_000, 100_000])
def test_a_batch_whose_context_nests_too_deep_is_refused(store: Store, levels: int) -> None:
    """I3: no event could hold it."""
    context = b'{"x":' + b"[" * levels + b"]" * levels + b"}"
    status, answer = track("/v1/batch", b'{"context":%s,"batch":[%s]}' % (context, json.dumps(PAGE).encode()))
    assert (status, answer["code"]) == (400, "too_deep")
    assert store.is_untouched()


@pytest.mark.parametrize("levels", [16, 1_000, 100_000])
def test_the_profiles_api_refuses_a_body_that_nests_too_deep(store: Store, levels: int) -> None:
    """I3: with the limit named, before anything recurses."""
    for path in ("/profiles/lookup", "/channels", "/channels/website/keys"):
        status, answer, _ = ask("POST", path, b'{"x":' + b"[" * levels + b"]" * levels + b"}")
        assert (status, answer["error"]["message"]) == (400, "body: it nests deeper than 16 levels")
    assert store.is_untouched()


@pytest.mark.parametrize("other", ["1", "NaN", SURROGATE])
def test_of_a_key_that_stands_twice_the_last_wins_in_every_reader(other: str) -> None:
    """I4."""
    value = f'"{other}"' if other == SURROGATE else other
    sent = f'{{"consent":true,"consent":false,"other":{value}}}'.encode()
    assert properties_of(sent)[0]["consent"] is False


@pytest.mark.parametrize(
    ("path", "body"),
    [("/channels/website/keys", b'{"secret":true,"secret":false}'),
     ("/channels", b'{"code_name":"a","name":"A","name":"B"}'),
     ("/profiles/lookup", b'{"kind":"user_id","value":"1","value":"2"}')],
)  # fmt: skip
def test_the_profiles_api_refuses_a_name_that_stands_twice(store: Store, path: str, body: bytes) -> None:
    """I4."""
    status, answer, _ = ask("POST", path, body)
    assert (status, answer["error"]["code"]) == (400, "duplicate_key")
    assert store.is_untouched()


# --- I5, I6: sizes


def test_a_body_over_5_mb_is_refused_whatever_it_holds(store: Store) -> None:
    """I5: 413 with the limit named."""
    for size in (5 * MB + 1, 6 * MB + 1, 10 * MB):
        body = b'{"type":"page","userId":"42","properties":{"x":"%s"}}'
        padded = body % (b"x" * (size - len(body) + 2))
        assert len(padded) == size
        status, answer = track("/v1/page", padded)
        assert (status, answer["code"]) == (413, "too_large")
        assert str(5 * MB) in answer["message"]
    assert store.is_untouched()


def test_a_batch_of_2500_events_is_taken_and_one_more_is_not(store: Store) -> None:
    """I5: 400 with the limit named."""
    events = [{"type": "page", "userId": "42", "messageId": f"m{n}"} for n in range(2_501)]
    status, answer = track("/v1/batch", {"batch": events})
    assert (status, answer["code"]) == (400, "too_many_events")
    assert "2500" in answer["message"]
    assert store.is_untouched()
    status, answer = track("/v1/batch", {"batch": events[1:]}, x_strict_mode="1")
    assert (status, answer["success"], len(answer["results"])) == (207, True, 2_500)


def test_an_event_over_64_kb_is_refused_alone(store: Store) -> None:
    """I5: the size is the body's; one byte less is kept."""
    frame = len('{"properties":{"x":""}}')
    kept, refused = ({"type": "page", "messageId": str(extra), "userId": "42", "properties": {"x": "y" * (65_536 - frame + extra)}}
                     for extra in (0, 1))  # fmt: skip
    assert batch(kept, refused, PAGE) == 200
    drain_all()
    assert store.refused() == ["event_too_large"]
    assert [(one["message_id"], one["properties"]) for one in activities("user_id:42")] == [("0", kept["properties"])]
    assert [one["message_id"] for one in activities("user_id:neighbour")] == ["good"]


def test_thousands_of_properties_read_back_and_ten_thousand_are_too_many(store: Store) -> None:
    """I5."""
    many = {f"p{n}": n for n in range(4_000)}
    assert properties_of(json.dumps(many).encode()) == (many, None)
    assert batch({"type": "page", "userId": "43", "properties": {f"p{n}": n for n in range(10_000)}}) == 200
    drain_all()
    assert store.refused() == ["event_too_large"]
    assert not user("43").is_live


def test_a_context_that_its_batch_would_multiply_is_refused(store: Store) -> None:
    """I5: 5 MB may not become 150 MB on the queue."""
    events = [{"type": "page", "userId": "42", "messageId": f"m{n}"} for n in range(2_500)]
    body = json.dumps({"context": {"x": "y" * 60_000}, "batch": events}).encode()
    took, (status, answer) = peak(lambda: track("/v1/batch", body))
    assert (status, answer["code"]) == (413, "too_large")
    assert "context" in answer["message"]
    assert took < 64 * MB
    assert store.is_untouched()


def test_strict_mode_answers_within_what_lambda_can_give() -> None:
    """I5: 2 500 message ids of 200 characters that JSON could escape."""
    events = b",".join(
        [json.dumps({"type": "page", "messageId": "\U0001f600" * 200}, ensure_ascii=False).encode()] * 2_500
    )
    body = request("POST", "/v1/batch", b'{"batch":[%s]}' % events, authorization=basic(WRITE_KEY), x_strict_mode="1")
    answer = function("track").handler(body, Context())
    assert answer["statusCode"] == 207
    assert len(json.dumps(answer, ensure_ascii=False).encode()) < 6 * MB


def test_the_profiles_api_refuses_a_body_over_1_mb(store: Store) -> None:
    """I5: 400 with the limit named; the error repeats no more than a little of a name."""
    status, answer, _ = ask("POST", "/channels", b'{"code_name":"a","name":"%s"}' % (b"x" * MB))
    assert (status, answer["error"]["code"]) == (400, "too_large")
    assert str(MB) in answer["error"]["message"]
    status, _, text = ask("POST", "/channels", b'{"code_name":"a","name":"A","%s":1}' % (b"x" * (MB - 100)))
    assert status == 400
    assert len(text) < 1_000
    assert store.is_untouched()


def bomb(size: int, character: bytes = b"\0") -> bytes:
    """So many bytes as gzip, made piece by piece."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    return b"".join(packer.compress(character * MB) for _ in range(size // MB)) + packer.flush()


@pytest.mark.parametrize("character", [b"\0", b"[", b'"', b" "])
def test_a_gzip_bomb_is_refused_within_bounds(store: Store, character: bytes) -> None:
    """I6: 100 MB that travel as 97 KB."""
    packed = bomb(100 * MB, character)
    assert len(packed) < 200_000
    for encoding in ("gzip", ""):
        took, (status, answer) = peak(lambda encoding=encoding: track("/v1/batch", packed, content_encoding=encoding))  # type: ignore[misc]
        assert (status, answer["code"]) == (413, "too_large")
        assert took < 64 * MB
    assert store.is_untouched()


def test_odd_gzip_is_refused_in_words(store: Store) -> None:
    """I6: nested, cut, with a second member whose events would be lost, none at all."""
    packed = gzip.compress(json.dumps(PAGE).encode())
    for body in (gzip.compress(packed), packed[:-1], packed + packed, packed + b"\0" * 9, b"\x1f\x8b", packed[:12]):
        status, answer = track("/v1/page", body, content_encoding="gzip")
        assert (status, answer["code"]) in ((400, "invalid_gzip"), (400, "invalid_json"))
    assert ask("POST", "/channels/website/keys", gzip.compress(b"{}"), content_encoding="gzip")[0] == 400
    assert ask("POST", "/channels/website/keys", bomb(100 * MB))[0] == 400
    assert store.is_untouched()


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip", "zstd", "compress"])
def test_an_encoding_that_we_cannot_read_is_415(store: Store, encoding: str) -> None:
    """I6."""
    status, answer = track("/v1/page", json.dumps(PAGE).encode(), content_encoding=encoding)
    assert (status, answer["code"]) == (415, "unsupported_encoding")
    assert store.is_untouched()


def test_a_body_is_read_with_and_without_the_base64_flag() -> None:
    """I6: API Gateway chooses by content type; a body that is not what the flag says is the client's fault."""
    event = request("POST", "/v1/page", json.dumps(PAGE), authorization=basic(WRITE_KEY))
    as_text = event | {"body": json.dumps(PAGE), "isBase64Encoded": False}
    broken = event | {"body": "\xe9=", "isBase64Encoded": True}
    statuses = [function("track").handler(one, Context())["statusCode"] for one in (event, as_text, broken)]
    assert statuses == [200, 200, 400]


@pytest.mark.parametrize(
    "body",
    [b'{"a":"' + b'\\"' * (5 * MB // 2 - 8), b"[" * 5 * MB, b'{"a":' * MB, b'{"a":NaN,"b":"' + b"\\u0000" * 800_000, b'"' * 5 * MB],
    ids=["escaped quotes", "lists", "objects", "escapes", "quotes"],
)  # fmt: skip
def test_reading_what_is_no_json_takes_one_pass_and_little_memory(store: Store, body: bytes) -> None:
    """I3, I5: a scan that starts again at every quote would take hours."""
    took, (status, answer) = peak(lambda: track("/v1/batch", body))
    assert (status, answer["code"]) == (400, "invalid_json")
    assert took < 64 * MB
    assert store.is_untouched()


@pytest.mark.parametrize("part", [b"[]", b'{"":1}'])
@pytest.mark.parametrize("first", [b"0", b"NaN"])
def test_an_event_of_a_million_small_values_is_refused_within_bounds(store: Store, first: bytes, part: bytes) -> None:
    """I5: what is small as text and large in memory."""
    values = b",".join([first, *[part] * (5 * MB // (len(part) + 1) - 30)])
    took, answer = peak(lambda: track("/v1/page", b'{"userId":"42","properties":{"x":[%s]}}' % values))
    assert answer == (200, {"success": True})
    assert took < 256 * MB
    drain_all()
    assert store.refused() == ["event_too_large"]
    assert not user("42").is_live


# --- I7: content types


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "multipart/form-data; boundary=x", "application/json; charset=utf-16", "x" * 1_000, "\xe9", ""],
)
def test_tracking_reads_json_in_utf_8_whatever_the_content_type_says(store: Store, content_type: str) -> None:
    """I7: with the same limits; a byte order mark is fine, UTF-16 is not."""
    sent = json.dumps(PAGE | {"properties": {"x": "é"}}, ensure_ascii=False)
    assert track("/v1/page", sent.encode("utf-16"), content_type=content_type)[1]["code"] == "invalid_json"
    assert track("/v1/page", sent.encode("latin-1"), content_type=content_type)[1]["code"] == "invalid_json"
    assert track("/v1/page", b" " * (5 * MB + 1), content_type=content_type)[0] == 413
    assert store.is_untouched()
    assert track("/v1/page", sent.encode("utf-8-sig"), content_type=content_type) == (200, {"success": True})
    drain_all()
    assert activities("user_id:neighbour")[0]["properties"] == {"x": "é"}


def test_the_profiles_api_reads_json_in_utf_8_only(store: Store) -> None:
    """I7: what would be replaced in silence is refused."""
    sent = '{"code_name":"a","name":"é"}'
    for body in (
        sent.encode("utf-16"),
        sent.encode("latin-1"),
        sent.encode("utf-8-sig"),
        b"code_name=a&name=b",
        b"[{}]",
    ):
        for content_type in ("application/json", "text/plain", "multipart/form-data; boundary=x"):
            status, answer, _ = ask("POST", "/channels", body, content_type=content_type)
            assert (status, answer["error"]["code"]) == (400, "invalid_request"), body
    assert store.is_untouched()


# --- I8: names


RESERVED = (
    "__proto__",
    "constructor",
    "pk",
    "sk",
    "ver",
    "v",
    "epoch",
    "ring",
    "par",
    "lv",
    "ttl",
    "authority",
    "time",
)


def test_unknown_fields_of_an_event_are_not_stored_and_reserved_names_are_only_names(store: Store) -> None:
    """I8: in properties and traits they stay what the client said."""
    odd: dict[str, Any] = dict.fromkeys(RESERVED, "mine")
    event = odd | {"messageId": "m", "userId": "42", "anonymousId": "anon"}
    assert track("/v1/page", event | {"properties": odd, "context": odd})[0] == 200
    assert track("/v1/identify", event | {"messageId": "i", "traits": odd})[0] == 200
    drain_all()
    (shown,) = activities("user_id:42")
    assert (shown["properties"], shown["context"]) == (odd, odd)
    assert ask("GET", "/profiles/user_id%3A42")[1]["contact"] == {"custom": odd}
    assert user("42").epoch == 0
    assert user("42").verified_since is None
    keys = {item["pk"]["S"] for table in ("profiles", "activities") for item in store.aws.items(table)}
    assert "mine" not in keys
    assert not any(item.get(name) == {"S": "mine"} for item in store.aws.items("profiles") for name in RESERVED)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/channels", {"code_name": "a", "name": "A", "enabled": False}),
        ("/channels", {"code_name": "a", "name": "A", "pk": "key#x"}),
        ("/channels/website/keys", {"key": "mine"}),
        ("/channels/website/keys", {"secret": False, "__proto__": {"secret": True}}),
        ("/profiles/lookup", {"kind": "user_id", "value": "42", "epoch": 1}),
    ],
)
def test_the_profiles_api_takes_no_field_that_it_does_not_name(store: Store, path: str, body: dict[str, Any]) -> None:
    """I8: no mass assignment; the answer names the field."""
    status, answer, _ = ask("POST", path, json.dumps(body).encode())
    assert status == 400
    assert answer["error"]["message"].split(":")[0] == list(body)[-1]
    assert store.is_untouched()


# --- I9: growth


def test_a_person_of_a_thousand_traits_keeps_300_and_goes_on(store: Store) -> None:
    """I9: standard fields first; activities are kept all the same."""
    many = [{"type": "identify", "userId": "42", "messageId": f"i{n}", "traits": {f"t{n:04}": n}} for n in range(1_000)]
    for start in range(0, 1_000, 250):
        assert batch(*many[start : start + 250]) == 200
    assert batch({"type": "identify", "userId": "42", "traits": {"email": "a@b.c"}}, PAGE | {"userId": "42"}) == 200
    drain_all()
    contact = ask("GET", "/profiles/user_id%3A42")[1]["contact"]
    assert contact["email"] == "a@b.c"
    assert contact["custom"] == {f"t{n:04}": n for n in range(299)}
    assert [one["message_id"] for one in activities("user_id:42")] == ["good"]


def test_a_person_of_large_traits_keeps_64_kb_and_goes_on(store: Store) -> None:
    """I9: item sizes are the strict double's to refuse."""
    for n in range(20):
        large = {"type": "identify", "userId": "42", "messageId": f"i{n}", "traits": {f"t{n:04}": "é" * 15_000}}
        assert batch(large, PAGE | {"userId": "42", "messageId": f"p{n}"}) == 200
    drain_all()
    contact = ask("GET", "/profiles/user_id%3A42")[1]["contact"]
    assert 0 < len(json.dumps(contact, ensure_ascii=False).encode()) <= 65_536
    assert len(activities("user_id:42")) == 20
    assert store.refused() == []


# --- I10, I13, I16: tokens and headers


def test_a_cursor_is_good_for_one_list_only_and_shows_nothing(store: Store) -> None:
    """I10: cut, changed, of another list, of another filter."""
    people = [{"type": "identify", "userId": f"canary{n}", "traits": {"name": f"Canary {n}"}} for n in range(3)]
    batch(*people, *(PAGE | {"userId": "42", "messageId": f"canary{n}"} for n in range(3)))
    drain_all()
    lists = ["/profiles?verification=all&q=canary&limit=1", "/profiles?verification=all&limit=1",
             "/profiles/user_id%3A42/activities?limit=1", "/profiles/user_id%3A42/activities?limit=1&order=asc"]  # fmt: skip
    cursors = [ask("GET", path)[1]["cursor"] for path in lists]
    for path, own in zip(lists, cursors, strict=True):
        assert ask("GET", f"{path}&cursor={own}")[0] == 200
        assert b"anary" not in base64.urlsafe_b64decode(own)
        others = [one for one in cursors if one != own]
        for bad in (*others, own[:-1], own[:40], own[::-1], "A" + own, "%00", "%F0%9F%98%80", "A" * 2_000, ""):
            status, answer, _ = ask("GET", f"{path}&cursor={bad}")
            assert (status, answer["error"]["code"]) == (400, "invalid_cursor"), bad


@pytest.mark.parametrize("origin", ["null", "https://evil.example", "https://admin.example.evil.example"])
def test_functions_leave_cors_to_the_gateway(origin: str) -> None:
    """I13: no answer allows an origin by itself; what the gateway allows, the template's checklist holds."""
    sent = request("POST", "/v1/page", json.dumps(PAGE), authorization=basic(WRITE_KEY), origin=origin)
    admin = HttpRequest(
        method="GET", path="/profiles", headers=(("origin", origin), ("authorization", f"Bearer {ADMIN_KEY}"))
    )
    names = [
        *function("track").handler(sent, Context())["headers"],
        *(name for name, _ in through_gateway(admin).headers),
    ]
    assert [name for name in names if name.lower().startswith("access-control")] == []


@pytest.mark.parametrize(
    "header",
    [
        f"{basic(WRITE_KEY)},{basic(WRITE_KEY)}",
        f"{basic('x')},{basic(WRITE_KEY)}",
        "Basic \xe9\xe9",
        "Basic",
        "Basic =",
        "\ud800",
    ],
    ids=range(6),
)
def test_an_odd_authorization_opens_nothing(store: Store, header: str) -> None:
    """I16: also one that stands twice, as API Gateway joins them."""
    sent = request("POST", "/v1/page", json.dumps(PAGE), authorization=header)
    assert function("track").handler(sent, Context())["statusCode"] == 401
    assert ask("GET", "/profiles", authorization=f"Bearer {ADMIN_KEY},Bearer {ADMIN_KEY}")[0] == 401
    assert ask("GET", "/profiles", authorization=header)[0] == 401
    assert store.is_untouched()


def test_large_headers_are_read_and_forged_addresses_are_not(store: Store) -> None:
    """I16: only the gateway's own source address could be believed; none is stored."""
    forged = {"x_forwarded_for": "203.0.113.77", "x_real_ip": "203.0.113.77", "forwarded": "for=203.0.113.77"}
    assert track("/v1/page", PAGE, user_agent="x" * 10_240, cookie="y" * 10_240, **forged) == (200, {"success": True})
    drain_all()
    assert activities("user_id:neighbour")[0]["context"] == {}
    assert "203.0.113.77" not in str([store.aws.items(table) for table in ("profiles", "activities")])


# --- I15: nothing personal leaves through the side doors


CANARIES = {"email": "canary@example.com", "phone": "+15550100199", "ip": "203.0.113.88", "token": "tok-canary-5f1e"}


@pytest.fixture
def logs(capfd: pytest.CaptureFixture[str]) -> Iterator[Callable[[], str]]:
    """Everything that is logged or printed, wherever the process's logger was made."""
    stream = io.StringIO()
    streams = {handler: handler.setStream(stream) for handler in _handlers()}
    yield lambda: stream.getvalue() + "".join(capfd.readouterr())
    for handler, before in streams.items():
        handler.setStream(before or sys.stdout)


def _handlers() -> list[Any]:
    return [one for one in logging.getLogger(logger().name).handlers if isinstance(one, logging.StreamHandler)]


def canary_events() -> list[dict[str, Any]]:
    """Events with the canaries in every field: kept ones, and one for each way to be refused."""
    everywhere = {
        **CANARIES,
        "name": CANARIES["email"],
        "deep": {"er": [CANARIES]},
        CANARIES["email"]: CANARIES["phone"],
    }
    ids = {"userId": CANARIES["email"], "anonymousId": CANARIES["phone"], "groupId": CANARIES["token"]}
    whole = {**ids, "previousId": CANARIES["ip"], "event": CANARIES["email"], "name": CANARIES["email"], "category": CANARIES["ip"],
             "properties": everywhere, "traits": everywhere, "context": everywhere, "timestamp": CANARIES["token"]}  # fmt: skip
    kept = [
        {**whole, "type": kind, "messageId": f"canary-{kind}"}
        for kind in ("identify", "track", "page", "screen", "group", "alias")
    ]
    wrong: list[dict[str, Any]] = [{"type": CANARIES["email"]}, {"userId": CANARIES["email"] + "x" * 200}, {"traits": CANARIES["email"]},
                                   {"userId": None, "anonymousId": None}, {"messageId": CANARIES["token"] + "x" * 200}, {"event": ""},
                                   {"properties": {"x": CANARIES["email"] * 5_000}}]  # fmt: skip
    return kept + [{**whole, "type": "track", **one} for one in wrong]


def admin_answers() -> Iterator[str]:
    """Answers of the profiles API that must not show whom one asked for: errors, receipts, cursors."""
    for value in (*CANARIES.values(), CANARIES["email"] + "x" * 200):
        path = quote(value, safe="")
        for asked in (f"/profiles/{path}", f"/profiles/phone%3A{path}", f"/jobs/{path}", f"/profiles?limit={path}", f"/profiles?cursor={path}",
                      f"/profiles?verification={path}", f"/profiles/user_id%3A42/activities?since={path}", f"/{path}"):  # fmt: skip
            status, _, text = ask("GET", asked)
            assert status in (400, 404), asked
            yield text
        for body in (
            {"kind": value, "value": value},
            {"kind": "user_id", "value": [value]},
            {"kind": "email", "value": value + "x" * 200},
        ):
            yield ask("POST", "/profiles/lookup", json.dumps(body).encode())[2]
        yield ask("POST", "/profiles/lookup", value.encode())[2]
        yield ask("POST", f"/channels/{path}/keys", b"{}")[2]
    yield ask("GET", "/profiles", authorization=f"Bearer {CANARIES['token']}")[2]
    yield str(ask("GET", f"/profiles?verification=all&limit=1&q={quote(CANARIES['email'][:6])}")[1]["cursor"])


def test_nothing_personal_is_in_logs_metrics_errors_cursors_and_receipts(
    store: Store, logs: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """I15: one canary of each kind in every field, through success, refusal, failure, erasure and a defect."""
    said = [str(track("/v1/batch", {"batch": canary_events()}, x_strict_mode="1", user_agent=CANARIES["token"]))]
    said += [str(track("/v1/track", event, key=CANARIES["token"])) for event in canary_events()]
    said += [str(track("/v1/track", CANARIES["email"].encode())), str(track("/v1/batch", {"batch": CANARIES["email"]}))]
    store.aws.reset(Plan(faults=tuple(Fault("SendMessageBatch", nth, SERVER_ERROR) for nth in range(TRIES))))
    said += [str(track("/v1/batch", {"batch": canary_events()}))]
    function("flush").handler({}, Context(8_000))
    batch({"type": "identify", "userId": "43", "traits": {"email": CANARIES["email"]}}, PAGE | {"userId": "42"})
    drain_all()
    said += admin_answers()
    status, job, text = ask("DELETE", "/profiles/" + quote(f"user_id:{CANARIES['email']}"))
    assert status == 202
    function("flush").handler({}, Context(8_000))
    said += [text, ask("GET", f"/jobs/{job['job_id']}")[2]]
    monkeypatch.setattr("cdp_core.usecases.profiles.find", lambda _: 1 / 0)
    said += [ask("GET", "/profiles/" + quote(f"user_id:{CANARIES['email']}"))[2]]
    logged = logs()
    assert "a profiles API request failed" in logged
    assert "CloudWatchMetrics" in logged
    for canary in CANARIES.values():
        assert canary not in logged
        assert canary not in "".join(said)
