"""JSON as clients really send it (I1 to I4; wire.md part A, surprises)."""

import json as standard
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp_core.errors import InvalidInput
from cdp_core.tables.codec import from_json, to_json
from cdp_core.wire import json

VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.decimals(allow_nan=False, allow_infinity=False), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
    max_leaves=10,
)


@given(VALUES)
def test_every_value_survives_reading_and_storing(value: object) -> None:
    """Numbers round-trip exactly, whatever their size; texts keep every character."""
    text = to_json(value)
    read, _ = json.read(text.encode())
    assert to_json(read) == text == to_json(from_json(text))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e99999999999999999999"])
def test_what_is_no_number_becomes_null_and_its_neighbours_stay(number: str) -> None:
    """Python SDKs send bare NaN: a strict reader would lose the other 99 events."""
    read, patient = json.read(b'{"a": [1.50, %s, "x"]}' % number.encode())
    assert patient
    assert json.clean(read) == ({"a": [Decimal("1.50"), None, "x"]}, True)


def test_a_lone_surrogate_becomes_the_replacement_character() -> None:
    """boto3 would raise on it."""
    read, _ = json.read(rb'{"\ud800": "a\udc00b", "ok": "\ud83d\ude00"}')
    assert json.clean(read)[0] == {"�": "a�b", "ok": "😀"}


def test_the_last_of_duplicate_keys_wins_in_both_readers() -> None:
    """I4: the same in every parser we use."""
    assert json.read(b'{"a": 1, "a": 2}')[0]["a"] == json.read(b'{"a": 1, "a": 2, "b": NaN}')[0]["a"] == 2


def test_a_number_of_five_thousand_digits_stays_exact() -> None:
    """Python itself refuses to read it as int: it travels as a fraction, which every reader on its way takes."""
    digits = "9" * 5_000
    read, _ = json.read(b'{"n": %s}' % digits.encode())
    assert from_json(to_json(json.clean(read)[0])) == {"n": Decimal(digits)}


@pytest.mark.parametrize("levels", [33, 1_000, 100_000])
def test_any_depth_is_read_and_measured_without_recursion(levels: int) -> None:
    """I3: too deep is the event's fault, not the request's."""
    read, _ = json.read(b'{"deep": ' + b"[" * levels + b"]" * levels + b', "next": 1}')
    assert read["next"] == 1
    assert json.depth(read) > 32


@pytest.mark.parametrize("body", [b"", b"{", b"nul", b"\xff\xfe{}", b'{"a": 01}', b"'x'"])
def test_what_is_not_json_is_refused_in_words(body: bytes) -> None:
    """400, never 500."""
    with pytest.raises(InvalidInput, match="not valid JSON"):
        json.read(body)


@given(st.recursive(st.just(0), lambda inner: st.lists(inner, max_size=2), max_leaves=20))
def test_depth_is_the_nesting_of_brackets(value: object) -> None:
    """The definition, against the text."""
    text, deepest, level = standard.dumps(value), 0, 0
    for character in text:
        level += (character == "[") - (character == "]")
        deepest = max(deepest, level)
    assert json.depth(value) == deepest


@pytest.mark.parametrize(
    "text", ['{"a":[0.10,null,1E+400]}', '{"\\ud800":[0.10,NaN,1e400]}', '{"a":[0.10,-Infinity,1e400]}']
)
def test_what_was_never_cleaned_is_written_with_exact_numbers(text: str) -> None:
    """A refused event is kept as it was, and may be read again."""
    written = from_json(json.written(json.read(text.encode())[0]).decode())
    assert list(written.values()) == [[Decimal("0.10"), None, Decimal("1E+400")]]


@pytest.mark.parametrize(
    "body", [b'{"a":"' + b'\\"' * 100_000, b"[" * 100_000, b'{"a":' * 100_000, b"]" * 100_000 + b"[" * 100_000]
)
def test_reading_what_is_no_json_takes_one_pass(body: bytes) -> None:
    """I3: a scan that starts again at every quote would take minutes."""
    with pytest.raises(InvalidInput, match="not valid JSON"):
        json.read(body)


@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"a":'])
def test_what_is_cut_for_its_depth_leaves_its_neighbours_as_they_are(opening: str) -> None:
    """I3: brackets within texts are no brackets."""
    closing = "".join({"[": "]", "{": "}"}[one] for one in reversed(opening) if one in "[{")
    text = '{"before": "]}[\\"{", "deep": ' + opening * 3_000 + "0" + closing * 3_000 + ', "after": {"x": ["]", NaN]}}'
    read, _ = json.read(text.encode())
    assert (read["before"], read["after"]["x"][0]) == (']}["{', "]")
    assert 32 < json.depth(read) < 200
