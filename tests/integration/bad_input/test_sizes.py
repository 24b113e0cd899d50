"""Bad input: structure, sizes and growth (I3, I4, I5, I6, I9)."""

import gzip
import json
import zlib

import pytest

from tests.integration.bad_input.asking import MB, PAGE, SURROGATE, Store, activities, ask, peak, properties_of
from tests.support.product import (
    WRITE_KEY,
    Context,
    basic,
    batch,
    drain_all,
    function,
    request,
    track,
    user,
)

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
