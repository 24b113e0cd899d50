"""Bad input: numbers, texts and names (I1, I2, I8)."""

import json
from decimal import Decimal
from typing import Any

import pytest

from tests.integration.bad_input.asking import (
    NINES,
    PAGE,
    REPLACEMENT,
    SURROGATE,
    Store,
    activities,
    ask,
    properties_of,
)
from tests.support.product import (
    batch,
    drain_all,
    track,
    user,
)

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
