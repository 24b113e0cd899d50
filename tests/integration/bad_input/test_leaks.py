"""Bad input: nothing personal leaves through the side doors (I15)."""

import io
import json
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest

from cdp_core.aws import TRIES
from cdp_core.observability import logger
from tests.double import Fault, Plan
from tests.double.faults import SERVER_ERROR
from tests.integration.bad_input.asking import PAGE, Store, ask
from tests.support.product import (
    Context,
    batch,
    drain_all,
    function,
    track,
)

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
