"""The SDKs for servers, unmodified, against `make run`: everything arrives once and intact, whatever goes wrong between.

Those for Node come by `bash .ci/node.sh`; without it only the Python ones are tested.
"""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest
import rudderstack.analytics.client as rudderstack
import segment.analytics.client as segment

from tests.e2e.running import ROOT, Running
from tests.sdks import HERE, MODULES, ODD, SHOWN, Call, Person
from tests.sdks.relay import LOST, PASSED, relay

pytestmark = pytest.mark.e2e
KEY = "local-write-key"
Send = Callable[[int, str, Sequence[Sequence[Call]]], None]


def _python(client_class: Any, port: int, key: str, steps: Sequence[Sequence[Call]], **options: Any) -> None:
    client = client_class(key, host=f"http://127.0.0.1:{port}", **options)
    for step in steps:
        for call in step:
            getattr(client, call["call"])(**{_snake(name): part for name, part in call.items() if name != "call"})
        client.flush()
    client.join()


def _snake(name: str) -> str:
    return re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", name)


def _node(sdk: str, port: int, key: str, steps: Sequence[Sequence[Call]]) -> None:
    plan = {"sdk": sdk, "host": f"http://127.0.0.1:{port}", "key": key, "steps": steps}
    subprocess.run(["node", str(HERE / "node.mjs")], input=json.dumps(plan).encode(), check=True, timeout=120)


PYTHON: dict[str, Send] = {
    "segment-analytics-python": partial(_python, segment.Client, gzip=True),
    "rudder-sdk-python": partial(_python, rudderstack.Client),
}
NODE: dict[str, Send] = {
    name: partial(_node, name)
    for name in ("@segment/analytics-node", "analytics-node", "@rudderstack/rudder-sdk-node", "@jitsu/js")
    if MODULES.is_dir()
}
JITSU = {name: send for name, send in NODE.items() if name == "@jitsu/js"}
STUBBORN = {name: send for name, send in (PYTHON | NODE).items() if name not in JITSU}


def sdks(choice: dict[str, Send]) -> Any:
    """One test for each SDK."""
    return pytest.mark.parametrize("send", choice.values(), ids=choice.keys())


def plan(person: Person, odd: dict[str, Any]) -> list[Call]:
    """Every call, with and without a user, then more of them than go into one batch."""
    visitor, former = {"anonymousId": person.visitor}, {"anonymousId": person.former}
    return [
        person.numbered({"call": "page", **visitor, "name": "Home", "properties": {"url": "https://x.y/"}}),
        person.numbered({"call": "track", **visitor, "event": "Odd Values", "properties": odd}),
        {"call": "identify", "userId": person.user, **visitor, "traits": {"email": f"{person.user}@x.y", "age": 30}},
        person.numbered({"call": "screen", "userId": person.user, "name": "Start"}),
        {"call": "group", "userId": person.user, "groupId": "acme", "traits": {"name": "Acme"}},
        {"call": "alias", "userId": person.user, "previousId": person.former},
        person.numbered({"call": "track", **former, "event": "Before Alias"}),
        *(person.track() for _ in range(120)),
    ]


@sdks(STUBBORN)
def test_every_call_reaches_the_right_profile_once_and_intact(running: Running, send: Send) -> None:
    person = Person()
    lost = {"nothing": None, "nan": float("nan")} if send in PYTHON.values() else {"nothing": None}
    send(running.port, KEY, [plan(person, ODD | lost)])
    items = person.shown(running)
    profile = running.get(person.path).json
    assert profile["contact"] == {"email": f"{person.user}@x.y", "custom": {"age": 30}}
    assert {one["value"] for one in profile["identities"]} == {person.user, person.visitor, person.former}
    (properties,) = [one["properties"] for one in items if one["type"] == "odd_values"]
    assert properties == SHOWN | dict.fromkeys(lost) | {"number": 1}


@sdks(JITSU)
def test_jitsu_reaches_the_same_profile_call_by_call(running: Running, send: Send) -> None:
    person = Person()
    said = [
        {"call": "identify", "userId": person.user, "traits": {"email": f"{person.user}@x.y"}},
        person.numbered({"call": "page", "name": "Home", "properties": {"url": "https://x.y/"}}),
        {"call": "group", "groupId": "acme", "traits": {"name": "Acme"}},
        person.track("Odd Values", properties=ODD | {"nothing": None}),
        *(person.track() for _ in range(20)),
    ]
    send(running.port, KEY, [[one] for one in said])
    (properties,) = [one["properties"] for one in person.shown(running) if one["type"] == "odd_values"]
    assert properties == SHOWN | {"nothing": None, "number": 1}
    assert running.get(person.path).json["contact"] == {"email": f"{person.user}@x.y"}


@sdks(JITSU)
def test_jitsu_sends_nothing_twice(running: Running, send: Send) -> None:
    """The guide warns of it."""
    person = Person()
    with relay(running.port, [503]) as between:
        send(between.port, KEY, [[person.track()], [person.track()]])
    assert [status for status, _ in between.seen] == [503, 200]


@sdks(STUBBORN)
def test_what_fails_is_sent_again_and_counts_once_and_what_is_refused_is_not(running: Running, send: Send) -> None:
    person = Person()
    refused = Person().track() | {"properties": {"number": -1}}
    with relay(running.port, [400, LOST, 429, PASSED, 500, 503]) as between:
        send(between.port, KEY, [[refused], [person.track()], [person.track()]])
    assert between.answers_to(-1) == [400]
    assert between.answers_to(0) == [LOST, 429, 200]
    assert between.answers_to(1) == [500, 503, 200]
    person.shown(running)


@sdks(PYTHON | NODE)
def test_an_unknown_key_is_answered_once(running: Running, send: Send) -> None:
    with relay(running.port) as between:
        send(between.port, "wrong", [[Person().track()]])
    assert [status for status, _ in between.seen] == [401]


GUIDE = (ROOT / "docs" / "sdks.md").read_text().partition("## In browsers")[0]
PROGRAMS = {"python": [sys.executable, "-c"], "js": ["node", "--input-type=module", "--eval"]}


@pytest.mark.parametrize(
    "language, program",
    [
        pytest.param(language, program, id=re.search(r'from "?([@\w./-]+)', program)[1])
        for language, program in re.findall(r"```(python|js)\n(.*?)```", GUIDE, re.DOTALL)
        if language == "python" or MODULES.is_dir()
    ],
)
def test_the_guide_s_examples_send_their_event(running: Running, language: str, program: str) -> None:
    person = Person()
    program = running.here(program).replace('"42"', json.dumps(person.user))
    subprocess.run([*PROGRAMS[language], program], cwd=HERE, check=True, timeout=60)
    shown = running.wait_for_events(person.path.removeprefix("/profiles/"), 1)
    assert shown["activity_counts"] == {"total": 1, "by_type": {"order_completed": 1}}
