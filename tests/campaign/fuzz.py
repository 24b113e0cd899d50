"""Fuzzing: hostile requests to the tracking wires, and schemathesis over the profiles API's OpenAPI document.

Both return how many requests were answered with which status, and raise AssertionError with the seed that repeats a violation.
"""

import json
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any
from unittest import mock
from urllib.parse import quote

import hypothesis
import schemathesis
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi import checks as openapi

from cdp_core import queue
from cdp_core.domain.activity import type_of
from cdp_core.domain.envelope import Envelope, Event
from cdp_core.tables.codec import from_json, to_json
from cdp_core.usecases.messages import envelope_of
from local.gateway import HttpRequest
from tests.double import StrictAws, strict_aws
from tests.double.memory import Memory
from tests.support.hostile import DEEPEST_LEVELS, Hostile, hostile_requests, nested
from tests.support.product import (
    ADMIN_KEY,
    SECRET_KEY,
    Context,
    batch,
    drain_all,
    function,
    seed_keys,
    visibility_expires,
)
from tests.support.wsgi import profiles_api, through_gateway

ANSWERS = {200, 207, 400, 401, 404, 413, 415}
ADMIN = {"Authorization": f"Bearer {ADMIN_KEY}"}
_DRAINS = 3
_READ_BACK = 60  # messages, the last ones, whose events are drained and read through the profiles API

# --- the tracking wires -----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Queue:
    """Stands for the queue: what was sent since it was emptied last, and some of all for reading back."""

    sent: list[str] = field(default_factory=list)
    kept: deque[str] = field(default_factory=lambda: deque(maxlen=_READ_BACK))

    def send(self, bodies: list[str]) -> list[bool]:
        self.sent += bodies
        return [True] * len(bodies)


def fuzz_wires(examples: int, seed: int) -> dict[str, int]:
    """Hostile requests to all wires: never 5xx; what is refused leaves nothing on the queue, what is taken reads back equal."""
    figures: Counter[str] = Counter()
    fake = _Queue()

    @_settings(examples, seed)
    @given(hostile_requests())
    def one(hostile: Hostile) -> None:
        figures["examples"] += 1
        fake.sent.clear()
        figures[str(_check_wire(hostile, fake))] += 1

    with strict_aws() as aws, _replayable("fuzz_wires", examples, seed):
        seed_keys()
        with mock.patch.object(queue, "send", fake.send):
            one()
        figures["read back"] = _read_back(aws, list(fake.kept))
    return dict(figures)


def _check_wire(hostile: Hostile, fake: _Queue) -> int:
    answer = function("track").handler(hostile.event, Context())
    status, body = answer["statusCode"], json.loads(answer["body"])
    assert status in ANSWERS, (status, body)
    if status not in (200, 207):
        assert fake.sent == [], f"{status}, and yet there is something on the queue"
        assert body["success"] is False
        assert body["code"]
        assert body["message"]
        return int(status)
    envelopes = [envelope_of(text) for text in fake.sent]
    assert envelopes, "success, and nothing on the queue"
    if status == 207:
        _check_results(hostile, body["results"], envelopes)
    if any(type_of(event) for envelope in envelopes for event in envelope.events):
        fake.kept += fake.sent
    return int(status)


def _check_results(hostile: Hostile, results: list[dict[str, Any]], envelopes: list[Envelope]) -> None:
    """Each accepted event is on the queue, in its order, with the properties that were sent."""
    raw = plain(hostile.text)
    raws = raw["batch"] if hostile.call == "batch" else [raw]
    events = [event for envelope in envelopes for event in envelope.events]
    accepted = [sent for sent, result in zip(raws, results, strict=True) if result["status"] == 200]
    assert len(results) == len(events) + sum(len(envelope.refused) for envelope in envelopes)
    for sent, event in zip(accepted, events, strict=True):
        if event.type not in ("identify", "group"):
            assert event.body.get("properties", {}) == (sent.get("properties") or {})


def plain(text: str) -> Any:
    """What a patient reader finds in JSON: exact numbers, null for what is no number, U+FFFD for half a pair."""
    clean = (
        text.encode("utf-8", "replace").decode().replace(nested(DEEPEST_LEVELS), "[[]]")
    )  # such an event is refused anyway
    value = json.loads(
        clean,
        parse_float=_exact,
        parse_int=_exact,
        parse_constant=lambda _: None,
        strict=False,
        object_pairs_hook=_pairs,
    )
    return _whole(value)


def _exact(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {_whole(name): _whole(value) for name, value in pairs}


def _whole(value: Any) -> Any:
    if isinstance(value, list):
        return [_whole(one) for one in value]
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if isinstance(value, str) else value


_SHOWN: Any = (("properties", {}), ("context", {}), ("event", None), ("note", None))


def _read_back(aws: StrictAws, bodies: list[str]) -> int:
    """Drains the messages and finds each activity in its person's timeline, equal to what was accepted. How many."""
    assert all(queue.send(bodies))
    for _ in range(_DRAINS):  # a leaf that lost a race comes back with its messages
        drain_all()
        visibility_expires(aws.environment["QUEUE_URL"])
    repeats: defaultdict[Any, list[Event]] = defaultdict(list)  # the same activity twice: one of the two is kept
    for event in (event for body in bodies for event in envelope_of(body).events):
        if type_of(event) is not None:
            repeats[str(event.identifiers()[0]), event.message_id, event.time].append(event)
    for (name, message_id, _), events in repeats.items():
        shown = [one for one in timeline(name) if one["message_id"] == message_id]
        sent = [tuple(event.body.get(part, empty) for part, empty in _SHOWN) for event in events]
        assert any(tuple(one[part] for part, _ in _SHOWN) in sent for one in shown), (sent, shown)
    return len(repeats)


def timeline(name: str) -> Iterator[dict[str, Any]]:
    """Every activity of a person, with exact numbers."""
    cursor: str | None = ""
    while cursor is not None:
        query = f"limit=100&until=2099-12-31{cursor and '&cursor='}{cursor}"
        path = f"/profiles/{quote(name, safe='')}/activities"
        answer = through_gateway(HttpRequest(method="GET", path=path, query=query, headers=tuple(ADMIN.items())))
        assert answer.status == 200, (name, answer)
        page = from_json(answer.body.decode())
        yield from page["items"]
        cursor = page["cursor"]


# --- the profiles API -------------------------------------------------------------------------------------------------

_CONFIG = {"generation": {"allow-extra-parameters": False, "with-security-parameters": False}}
_PEOPLE = ["user_id:42", "anonymous_id:anon", "email:a@b.c"]
_DOOMED = [f"user_id:doomed{n}" for n in range(20)]  # an erasure needs somebody whom nobody else needs
_CHECKS = [
    not_a_server_error,
    openapi.status_code_conformance,
    openapi.content_type_conformance,
    openapi.response_headers_conformance,
    openapi.response_schema_conformance,
    openapi.negative_data_rejection,
]
# What schemas cannot say: whether a name is taken, which kinds and times there are, whose cursor it is.
_BEYOND_SCHEMA = (
    *("already_exists", "too_many", "in_use", "unknown_kind", "profile id", "invalid_cursor"),
    *("since must be", "until must be", "no event has it", "built-in", "standard field", "choices:"),
    *("is no contact field", "dates are not mapped", "has a meaning of its own", "columns:", "cursor is not valid"),
    *("must be an ISO 8601", "is no activity type", "same_profile", "identifies nobody", "say who by", "kind: must be"),
    *("body: it must be a JSON object", "contact.", "fields.", "status:", "role:", "grants:", "lock and unlock"),
    *("can identify nobody", "expires_at", "must be in the future", "occurred_at", "more than", "too_large"),
    *("bad_request", "cannot be removed", "the file", "the csv", "ids.0"),
)


def fuzz_api(examples: int, seed: int) -> dict[str, int]:
    """Right and wrong requests to every operation of the OpenAPI document: what it promises is what is answered."""
    figures: Counter[str] = Counter()
    config = SchemathesisConfig.from_dict(_CONFIG)
    with strict_aws(memory=Memory()), _replayable("fuzz_api", examples, seed):
        seed_keys()
        known = _populate()
        schema = schemathesis.openapi.from_wsgi("/openapi.json", profiles_api, config=config)
        for operation in schema.get_all_operations():
            for mode in GenerationMode:
                _fuzz_operation(operation.ok(), mode, _Fuzz(known, _settings(examples, seed), figures))
    return dict(figures)


@dataclass(frozen=True, slots=True)
class _Fuzz:
    """What exists by the variable of a path that names it, how many examples, and where figures go."""

    known: dict[str, list[str]]
    settings: Any
    figures: Counter[str]


def _populate() -> dict[str, list[str]]:
    """Some of everything; what exists, by the first word of a route and the name of its variable."""
    ids = {"userId": "42", "anonymousId": "anon"}
    traits = {"email": "a@b.c", "name": "Ann", "plan": {"of": [1, None]}}
    batch({"type": "page", "messageId": "p", **ids}, {"type": "identify", "messageId": "i", **ids, "traits": traits})
    batch(*({"type": "page", "messageId": "p", "userId": name.partition(":")[2]} for name in _DOOMED))
    batch({"type": "group", "messageId": "g", "groupId": "acme", "userId": "42"}, key=SECRET_KEY)
    member = {"type": "track", "event": "memberregistration", "messageId": "m", "userId": "member"}
    batch(
        member,
        member | {"event": "Order Completed", "messageId": "o", "properties": {"customer_id": "C1"}},
        key=SECRET_KEY,
    )
    drain_all()
    label = {"code_name": "lead", "name": "Lead"}
    consent = {"code_name": "news", "name": "News", "texts": {"en": {"short": "s", "full": "f"}}}
    made = {
        "statuses": _made("/statuses", label),
        "account-roles": _made("/account-roles", label),
        "consents": _made("/consents", consent),
        "forms": _made("/forms", {"code_name": "contact-us", "name": "Contact us", "fields": {}}),
        "admin-keys": _made("/admin-keys", {"name": "Desk", "role": "viewer"}),
        "note": _made("/profiles/user_id%3A42/notes", {"text": "x"}),
        "exports": _made("/profiles/user_id%3A42/exports", {"format": "csv"}),
        "imports": _made("/imports", {"key": "user_id", "mode": "insert", "columns": {"id": "user_id"}, "csv": "id\r\n7\r\n"}),
        "erasures": _erased(),
        "suppressions": _made("/suppressions", {"kind": "user_id", "value": "unwanted"}),
    }  # fmt: skip
    ids = ("code_name", "id", "job_id", "import_id", "hash")
    found = {name: [str(answer[key]) for key in ids if key in answer] for name, answer in made.items()}
    found["jobs"] = found["exports"] + found["erasures"]
    return found | {
        "profiles": _PEOPLE,
        "accounts": ["acme"],
        "members": ["member"],
        "customers": ["C1"],
        "channels": ["website"],
        "receipts": ["p", "i"],
        "collection": ["users", "accounts"],
        "profile": [*_PEOPLE, "group_id:acme"],
    }


def _made(path: str, body: dict[str, Any]) -> dict[str, Any]:
    """What an admin's POST answers."""
    data = to_json(body).encode()
    answer = through_gateway(HttpRequest(method="POST", path=path, headers=tuple(ADMIN.items()), body=data))
    found: dict[str, Any] = from_json(answer.body.decode())
    return found


def _erased() -> dict[str, Any]:
    """The job of an erasure that is done."""
    path = f"/profiles/{quote(_DOOMED[-1], safe='')}"
    answer = through_gateway(HttpRequest(method="DELETE", path=path, headers=tuple(ADMIN.items())))
    found: dict[str, Any] = from_json(answer.body.decode())
    return found


def _names(operation: Any, known: dict[str, list[str]]) -> dict[str, list[str]]:
    """What exists for each variable of a path; an erasure gets somebody whom nobody else needs."""
    noun = operation.path.split("/")[1]
    own = _DOOMED if operation.method == "delete" and operation.path == "/profiles/{id}" else known.get(noun, [])
    return dict.fromkeys(("id", "code", "name", "hash", "message_id"), own) | known


def _fuzz_operation(operation: Any, mode: GenerationMode, fuzz: _Fuzz) -> None:
    names, figures = _names(operation, fuzz.known), fuzz.figures

    @fuzz.settings
    @given(operation.as_strategy(generation_mode=mode), st.booleans(), st.integers(0, 9))
    def one(case: Any, is_known: bool, choice: int) -> None:
        figures["examples"] += 1
        for key in case.path_parameters or {} if is_known else ():
            if values := names.get(key):
                case.path_parameters[key] = values[choice % len(values)]
        response = case.call(headers=ADMIN)
        figures[str(response.status_code)] += 1
        case.validate_response(response, checks=_CHECKS, headers=ADMIN)
        if mode is GenerationMode.POSITIVE and response.status_code == 400:
            assert any(words in response.text for words in _BEYOND_SCHEMA), response.text

    try:
        one()
    except hypothesis.errors.Unsatisfiable:  # an operation that takes any text: nothing can be wrong about it
        assert mode is GenerationMode.NEGATIVE


# --- both -------------------------------------------------------------------------------------------------------------


def _settings(examples: int, seed: int) -> Any:
    """Hypothesis without clock and memory, so that a seed repeats a run."""
    settings = hypothesis.settings(
        max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    return lambda test: hypothesis.seed(seed)(settings(test))


@contextmanager
def _replayable(name: str, examples: int, seed: int) -> Iterator[None]:
    """A violation's message says how to repeat it."""
    try:
        yield
    except (Exception, BaseExceptionGroup) as error:
        raise AssertionError(f"{name}(examples={examples}, seed={seed}) repeats this: {error}") from error
