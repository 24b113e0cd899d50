"""Bad input to track and to the profiles API: no 5xx, nothing stored of what is refused, what is taken reads back equal.

Not here, for they do not exist yet: segment bombs (I11), CSV injection (I12), SSRF by webhooks (I14), the console.
"""

import gzip
import json
import tracemalloc
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest

from cdp_core import queue
from local.gateway import HttpRequest
from tests.double import StrictAws
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
