"""No call takes longer than it may: its own limit, and the invocation's deadline, bound every step of it. All by a clock of the test."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from cdp_core import aws, connection, deadline
from cdp_core.aws import NoAnswer
from tests.double.stack import template
from tests.support.product import Context, function
from tests.unit.aws.server import ERROR, Scripted, answer, client

READ = 5.0  # seconds, as `client` has them


@dataclass(slots=True)
class Clock:
    """A monotonic clock that goes on by `step` with each look at it."""

    at: float = 1_000.0
    step: float = 0.0

    def now(self) -> float:
        self.at += self.step
        return self.at


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    made = Clock()
    monkeypatch.setattr(deadline, "now", made.now)
    yield made
    deadline.end()


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Every timeout that a socket of the client was given, in their order."""
    found: list[float] = []
    settimeout = socket.socket.settimeout

    def noted(self: socket.socket, seconds: Any) -> None:
        if isinstance(seconds, (int, float)):
            found.append(seconds)
        settimeout(self, seconds)

    monkeypatch.setattr(socket.socket, "settimeout", noted)
    return found


def test_every_step_has_its_time_and_is_told_once(service: Scripted, limits: list[float]) -> None:
    ours = client()
    for _ in range(3):
        ours.call("GetItem", {})
    assert limits == [connection.CONNECT_SECONDS, READ]


def test_the_invocations_deadline_caps_every_step_and_later_calls_have_theirs(
    service: Scripted, limits: list[float], clock: Clock
) -> None:
    ours = client()
    deadline.begin(0.5)
    ours.call("GetItem", {})
    clock.at += 0.25
    ours.call("GetItem", {})
    deadline.end()
    ours.call("GetItem", {})
    assert list(dict.fromkeys(limits)) == [0.5, 0.25, READ]


def test_the_handshake_of_tls_is_capped(secure: Any, limits: list[float]) -> None:
    deadline.begin(0.5)
    with pytest.raises(NoAnswer):
        client().call("GetItem", {})
    assert set(limits) == {0.5}


def test_an_answer_that_comes_in_drips_ends_with_the_call(
    service: Scripted, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of them is in time by itself. No further try: the time is up."""
    monkeypatch.setattr(connection, "_CHUNK", 1)
    service.answers = [answer(b"x" * 10_000)]
    clock.step = aws.CALL_SECONDS / 100
    with pytest.raises(NoAnswer, match="TimeoutError"):
        client().call("GetItem", {})
    assert len(service.asked) == 1


def test_no_try_begins_when_the_time_is_up(service: Scripted, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    paused: list[int] = []

    def pause(tries: int) -> None:
        paused.append(tries)
        clock.at += aws.CALL_SECONDS

    monkeypatch.setattr(aws, "pause", pause)
    service.answers = [answer(ERROR % b"ThrottlingException", 400)]
    with pytest.raises(NoAnswer):
        client().call("GetItem", {})
    assert len(service.asked) == 1
    assert paused == [1]


def test_after_the_invocations_deadline_nothing_is_asked(service: Scripted, clock: Clock) -> None:
    ours = client()
    ours.call("GetItem", {})
    deadline.begin(10)
    clock.at += 11
    for _ in range(2):
        with pytest.raises(NoAnswer, match="TimeoutError"):
            ours.call("GetItem", {})
    assert len(service.asked) == 1


def test_an_address_that_does_not_answer_gives_way_to_the_next(
    service: Scripted, limits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = socket.getaddrinfo("127.0.0.1", client()._url.port, type=socket.SOCK_STREAM)
    dead = [(*one[:4], ("127.0.0.1", 9)) for one in found]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: dead + found)
    assert client().call("GetItem", {}) == {}
    assert limits == [connection.CONNECT_SECONDS] * 2 + [READ]


@pytest.mark.parametrize(
    ("name", "resource", "most"), [("track", "TrackFunction", 30), ("profiles_api", "ProfilesApiFunction", 30)]
)
def test_a_functions_deadline_leaves_it_time_to_answer(name: str, resource: str, most: int) -> None:
    """Before Lambda ends it, and before API Gateway gives up."""
    app = function(name)
    seconds = app.DEADLINE_SECONDS + getattr(app, "AUDIT_SECONDS", 0)
    timeout = template()["Resources"][resource]["Properties"]["Timeout"]
    assert aws.CALL_SECONDS < app.DEADLINE_SECONDS
    assert seconds + 2 <= timeout <= most


def test_track_has_a_deadline_as_long_as_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    app, seen = function("track"), []

    def route(event: Any) -> Any:
        seen.append(deadline.within(1_000_000))
        raise RuntimeError

    monkeypatch.setattr(app, "_route", route)
    assert app.handler({}, None)["statusCode"] == 503
    assert seen == [1_000.0 + app.DEADLINE_SECONDS]
    assert deadline.within(1_000_000) == 1_001_000.0


def test_the_profiles_api_has_one_and_writes_down_the_end_of_a_change_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app, seen = function("profiles_api"), []

    def noted(*arguments: Any) -> Any:
        seen.append(deadline.within(1_000_000) - 1_000)
        return {"statusCode": 200}

    monkeypatch.setattr(app, "_admit", noted)
    monkeypatch.setattr(app.app, "resolve", noted)
    monkeypatch.setattr(app, "routable", lambda event: event)
    monkeypatch.setattr(app, "named_in", lambda answered: {})
    monkeypatch.setattr(app.audit, "finish", noted)
    app.handler({"routeKey": "GET /me", "rawPath": "/me"}, None)
    assert seen == [app.DEADLINE_SECONDS, app.DEADLINE_SECONDS, app.AUDIT_SECONDS]
    assert deadline.within(1_000_000) == 1_001_000.0


def test_the_flush_ends_its_calls_before_lambda_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    app, seen = function("flush"), []
    monkeypatch.setattr(app, "flush", lambda invocation: seen.append(deadline.within(1_000_000)) or {})
    monkeypatch.setattr(Context, "get_remaining_time_in_millis", lambda self: 60_000)
    app.handler({}, Context())
    assert seen == [1_060.0 - app.ENDING_SECONDS]
    assert deadline.within(1_000_000) == 1_001_000.0
