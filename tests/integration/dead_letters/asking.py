"""Time, dead letters and jobs that redrive them."""

import json
from typing import Any, ClassVar

from moto.core import DEFAULT_ACCOUNT_ID
from moto.sqs.models import sqs_backends

from cdp_core.domain.envelope import Event, Refusal
from cdp_core.tables import activities
from cdp_core.usecases import jobs
from cdp_core.wire.segment import reread
from tests.double import StrictAws
from tests.double.faults import LOST, RAISE_AFTER, RAISE_BEFORE
from tests.integration.test_profiles_api import call
from tests.support.product import user

START = 1_900_000_000_000
DAY = 86_400_000


class Clock:
    """The time of this test (ms), and what was slept (s)."""

    now = START
    slept: ClassVar[list[float]] = []


def nameless(message_id: str, **ids: str) -> dict[str, Any]:
    """A track event without a name: refused today."""
    return {"type": "track", "messageId": message_id, "timestamp": "2026-01-02T03:04:05.000Z", **ids}


def fixed(original: str, message_id: str) -> Event | Refusal:
    """The reader of a version that knows what a nameless event means."""
    return reread(json.dumps({"event": "Nameless", **json.loads(original)}), message_id)


def listed(query: str = "") -> list[dict[str, Any]]:
    """The dead letters on one page."""
    status, answer = call("GET", f"/dead-letters{query}")
    assert status == 200
    items: list[dict[str, Any]] = answer["items"]
    return items


def ask(**options: Any) -> str:
    """Asks for a redrive; the job's id."""
    status, job = call("POST", "/dead-letters/redrive", options)
    assert (status, job["type"], job["status"]) == (202, "redrive", "queued")
    return str(job["job_id"])


def work(job_id: str, reader: Any = fixed) -> dict[str, int]:
    """Works the job to its end, 100 seconds a slice; its figures."""
    for _ in range(12):
        jobs.work_jobs(lambda: 60_000, reader)
        Clock.now += 100_000
        messages_return()
        view = jobs.job_view(job_id)
        if view["status"] == "done":
            counts: dict[str, int] = view["receipt"]["counts"]
            return counts
    raise AssertionError(f"the redrive never ended: {view}")


def messages_return() -> None:
    """Every message in flight is visible again, on both queues."""
    for one in sqs_backends[DEFAULT_ACCOUNT_ID]["eu-central-1"].queues.values():
        for message in one._messages:
            message.change_visibility(0)


def rows(value: str) -> list[str]:
    """The message ids stored for a user."""
    return sorted(row.message_id for row in activities.all_rows(user(value).id, user(value).epoch))


def dead(aws: StrictAws) -> list[str]:
    """The reasons of all dead letters; each has its place in the index."""
    items = aws.items("activities")
    letters = [one["reason"]["S"] for one in items if one["sk"]["S"].startswith("dead#")]
    assert len([one for one in items if one["pk"]["S"].startswith("dead#")]) == len(letters)
    return sorted(letters)


KINDS = [RAISE_BEFORE, RAISE_AFTER, LOST]
