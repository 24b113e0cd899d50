"""Requests to the tracking wires that clients should not send, and do: from nearly right to absurd."""

import base64
import gzip
import json
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.support.product import WRITE_KEY, basic, request

DEEPEST_LEVELS = 5_000
CALLS = ("identify", "track", "page", "screen", "group", "alias", "batch")


def nested(levels: int) -> str:
    """Lists within lists."""
    return "[" * levels + "]" * levels


_NUMBERS = st.sampled_from(
    [
        "NaN",
        "Infinity",
        "-Infinity",
        "1e400",
        "-1e400",
        "1e99999999999999999999",
        "1E-400",
        "-0",
        "-0.0",
        "1.0",
        "1e126",
        "9" * 39,
        "@",
        "0.1000000000000000055511151231257827",
        "18446744073709551616",
    ]
).map(lambda text: text.replace("@", "9" * 4_301))  # written here, so that a failure can be printed
_TEXTS = st.one_of(
    st.text(max_size=12).map(json.dumps),
    st.text(max_size=12).map(lambda text: json.dumps(text, ensure_ascii=False)),
    st.sampled_from(
        [
            r'""',
            r'"\u0000"',
            r'"\ud800"',
            r'"\udc00x"',
            r'"\ufffe\uffff"',
            r'"\ud83d\ude00"',
            '"\u202eRTL\u200d"',
            r'"__proto__"',
            r'"null"',
            r'"00000"',
            '"e\u0301"',
            '"\u00e9"',
            '"\x00\x1f"',
            r'"2026-01-02T03:04:05.678Z"',
            r'"2099-12-31"',
            r'"0001-01-01T00:00:00+99:99"',
            '"\u00e9@"',
        ]
    ).map(lambda text: text.replace("@", "y" * 70_000)),
    st.just(201).map(lambda length: '"' + "x" * length + '"'),
)
_DEEP = st.sampled_from([15, 30, 33, 200, DEEPEST_LEVELS]).map(lambda levels: nested(levels))
_NAMES = st.one_of(
    st.sampled_from(
        ["value", "url", "__proto__", "constructor", "pk", "ver", "epoch", "", r"\ud800", "page", "traits"]
    ),
    st.text(max_size=6).map(lambda text: json.dumps(text)[1:-1]),
)


def _object(fields: list[tuple[str, str]]) -> str:
    return "{" + ",".join(f'"{name}":{value}' for name, value in fields) + "}"


def _list(values: list[str]) -> str:
    return "[" + ",".join(values) + "]"


_LEAVES = st.one_of(_NUMBERS, _TEXTS, st.sampled_from(["null", "true", "false", "{}", "[]"]), st.integers().map(str))
_VALUES = st.one_of(
    st.recursive(
        _LEAVES,
        lambda inner: st.one_of(
            st.lists(inner, max_size=4).map(_list), st.lists(st.tuples(_NAMES, inner), max_size=4).map(_object)
        ),
        max_leaves=12,
    ),
    _DEEP,
)
_OBJECTS = st.lists(st.tuples(_NAMES, _VALUES), max_size=5).map(_object)
_IDS = st.one_of(st.sampled_from(['"42"', '"anon"', "42"]), _TEXTS, _LEAVES)


@st.composite
def _field(draw: st.DrawFn, name: str, right: st.SearchStrategy[str], *odd: st.SearchStrategy[str]) -> Any:
    """The field: mostly as it should be; odd, absent or twice at times."""
    fate = draw(st.sampled_from(["right"] * 12 + ["odd", "absent", "twice"]))
    values = {"right": [right], "odd": [st.one_of(*odd, _VALUES)], "absent": [], "twice": [right, right]}[fate]
    return [(name, draw(value)) for value in values]


_EVENTS = st.tuples(
    _field("type", st.sampled_from([f'"{call}"' for call in CALLS])),
    _field("userId", st.sampled_from(['"42"', '"43"', "7"]), _IDS),
    _field("anonymousId", st.sampled_from(['"anon"', "null"]), _IDS),
    _field("event", st.sampled_from(['"Song Played"', '"memberregistration"']), _TEXTS),
    _field("messageId", st.integers(0, 10**9).map(lambda n: f'"m{n}"'), _TEXTS),
    _field("timestamp", st.just('"2026-01-02T03:04:05.678Z"'), _TEXTS),
    _field("properties", _OBJECTS),
    _field("context", _OBJECTS),
    _field("traits", _OBJECTS),
    _field("groupId", st.just('"g"'), _IDS),
    _field("previousId", st.just('"old"'), _IDS),
).map(lambda parts: _object([one for part in parts for one in part]))
_SHARED = st.tuples(_field("context", _OBJECTS), _field("writeKey", st.just(f'"{WRITE_KEY}"'), _TEXTS))
_BATCHES = st.tuples(st.lists(st.one_of(_EVENTS, _EVENTS, _EVENTS, _VALUES), max_size=6), _SHARED).map(
    lambda it: _object([("batch", _list(it[0])), *it[1][0], *it[1][1]])
)
_ENCODED = st.sampled_from(
    [
        *[("", bytes), ("gzip", gzip.compress)] * 8,
        ("", gzip.compress),
        ("gzip", bytes),
        ("br", bytes),
        ("gzip", lambda it: gzip.compress(it)[:-3]),
        ("gzip", lambda it: gzip.compress(gzip.compress(it))),
        ("gzip", lambda it: gzip.compress(it) * 2),
        ("", lambda it: b"\xef\xbb\xbf" + it),
        ("", lambda it: it[:-1]),
        ("", lambda it: it.decode(errors="replace").encode("utf-16")),
        ("", lambda it: it + b"\xff"),
    ]
)
_AUTHORIZATION = st.one_of(
    *[st.just(basic(WRITE_KEY))] * 12,
    st.sampled_from([basic("wrong"), "Basic \xe9", "Basic a,Basic b", "Basic", "Bearer x", basic("\xe9")]),
    st.none(),
    st.text(max_size=10),
)


@dataclass(frozen=True, slots=True)
class Hostile:
    """One request: its body as text (what a reader should find in it) and as the event that API Gateway gives."""

    call: str
    text: str
    event: dict[str, Any]


@st.composite
def hostile_requests(draw: st.DrawFn) -> Hostile:
    """Requests to every wire, from nearly right to absurd."""
    call = draw(st.sampled_from(CALLS))
    sensible = _BATCHES if call == "batch" else _EVENTS
    text = draw(st.one_of(sensible, sensible, sensible, sensible, _VALUES))
    encoding, encode = draw(_ENCODED)
    path = f"/v1/{draw(st.sampled_from([call, call, call[0]]))}{draw(st.sampled_from(['', '/']))}"
    event = request("POST", path, encode(text.encode("utf-8", "replace")))
    headers = {"content-encoding": encoding, "authorization": draw(_AUTHORIZATION), "x-strict-mode": draw(_STRICT)}
    headers |= {"content-type": draw(_TYPES), "x-forwarded-for": draw(st.text(max_size=20))}
    event["headers"] = {name: value for name, value in headers.items() if value is not None}
    if draw(st.booleans()):
        event = _as_text(event)
    return Hostile(call, text, event)


_STRICT = st.sampled_from(["1", "1", None, "0"])
_TYPES = st.one_of(
    st.sampled_from(
        ["application/json", "text/plain", "multipart/form-data; boundary=x", "application/json; charset=utf-16"]
    ),
    st.none(),
)


def _as_text(event: dict[str, Any]) -> dict[str, Any]:
    """The event with its body as text, where API Gateway would give it as text."""
    try:
        return event | {"body": base64.b64decode(event["body"]).decode(), "isBase64Encoded": False}
    except UnicodeDecodeError:
        return event
