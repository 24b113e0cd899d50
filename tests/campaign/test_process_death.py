"""F1, F3, D2: the process dies before or after every AWS call, or the answer is lost; what runs next makes it exact."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.sqs.models import sqs_backends

from cdp_core import clock
from cdp_core.config import settings
from cdp_core.domain.contact import contact_fields
from cdp_core.errors import Unavailable
from cdp_core.tables import activities, contacts
from cdp_core.usecases import jobs
from cdp_core.usecases.drain import drain
from cdp_core.usecases.erase import request_erasure
from cdp_core.wire.segment import reread
from tests.double import Fault, Plan, StrictAws, strict_aws
from tests.double.faults import LOST, RAISE_AFTER, RAISE_BEFORE, THROTTLE, Died
from tests.support.product import batch, drain_all, seed_keys, user, visitor

TIME = "2026-01-02T03:04:05.678Z"
KINDS = [RAISE_BEFORE, RAISE_AFTER, LOST, THROTTLE]
COUNTS = {"activities": 3, "dead_letters": 1, "contact": 1, "memberships": 1, "listing": 6, "links": 1}


def page(message_id: str, **ids: str) -> dict[str, Any]:
    """A page event."""
    return {"type": "page", "messageId": message_id, "timestamp": TIME, **ids}


@contextmanager
def world() -> Iterator[StrictAws]:
    """A stack with a visitor known already, and a batch on the queue that does everything a batch can do."""
    with strict_aws() as aws:
        seed_keys()
        batch(page("p0", anonymousId="anon"))
        drain_all()
        batch(
            page("p1", userId="42", anonymousId="anon"),
            {"type": "track", "messageId": "t1", "timestamp": TIME, "userId": "42", "event": "Song Played"},
            {"type": "identify", "messageId": "i", "timestamp": TIME, "userId": "42", "traits": {"email": "a@b.c"}},
            {"type": "group", "messageId": "g", "timestamp": TIME, "userId": "42", "groupId": "acme"},
            {"type": "track", "messageId": "bad", "timestamp": TIME, "userId": "42"},
        )
        yield aws


def visibility_expires(aws: StrictAws) -> None:
    """All messages in flight come back, as they do when their visibility timeout is over."""
    queues = sqs_backends[DEFAULT_ACCOUNT_ID]["eu-central-1"].queues
    for message in queues[aws.environment["QUEUE_URL"].rsplit("/", 1)[1]]._messages:
        message.change_visibility(0)


def assert_exact(aws: StrictAws) -> None:
    """The oracle: rows, counters, contact, link and dead letters are those of the accepted events."""
    leaf, anonymous = user("42"), visitor("anon")
    assert sorted(row.message_id for row in activities.all_rows(leaf.id, 0)) == ["p1", "t1"]
    assert leaf.counts == {"pagevisit": 1, "song_played": 1}
    assert anonymous.counts == {"pagevisit": 1}
    assert anonymous.parent == leaf.id
    assert contact_fields(contacts.load(contacts.contact_key(leaf.id, 0)).registers) == {"email": "a@b.c"}
    dead = [item for item in aws.items("activities") if item["sk"]["S"].startswith("dead#")]
    assert [item["reason"]["S"] for item in dead] == ["missing_event_name"]


def clean_run(work: Any) -> int:
    """How many calls the work makes when nothing goes wrong."""
    with world() as aws:
        aws.reset()
        work()
        return len(aws.calls)


def one_flush() -> None:
    """A flush's work on the waiting batch."""
    drain(lambda: 60_000)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", range(4))
def test_a_flush_that_dies_at_any_call_is_made_good_by_the_next(kind: str, part: int) -> None:
    """F1 and F3, every call of the flush; in four parts so that they can run side by side."""
    for nth in range(part, clean_run(one_flush), 4):
        with world() as aws:
            aws.reset(Plan(faults=(Fault("*", nth, kind),)))
            try:
                one_flush()
            except (Died, Unavailable):  # the queue itself did not answer: Lambda reports the error, nothing was done
                pass
            aws.reset()
            for _ in range(3):
                visibility_expires(aws)
                drain_all()
            assert_exact(aws)


def finish(passed: dict[str, int]) -> dict[str, Any]:
    """Asks for the erasure and works the job to its end."""
    job_id = request_erasure("user_id:42")["job_id"]
    for _ in range(12):
        jobs.work_jobs(lambda: 60_000, reread)
        passed["ms"] += settings().erasure_wait_seconds * 1000 + 100_000
        view = jobs.job_view(job_id)
        if view["status"] == "done":
            return view
    raise AssertionError(f"the job never ended: {view}")


@pytest.mark.parametrize("kind", [RAISE_BEFORE, RAISE_AFTER])
@pytest.mark.parametrize("part", range(4))
def test_an_erasure_that_dies_at_any_call_is_resumed_and_its_receipt_is_right(
    kind: str, part: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """D2, every call of request and job."""
    passed = {"ms": 0}
    monkeypatch.setattr(clock, "now_ms", lambda: 1_900_000_000_000 + passed["ms"])

    with world() as aws:
        drain_all()
        aws.reset()
        finish(passed)
        calls = len(aws.calls)
    for nth in range(part, calls, 4):
        with world() as aws:
            drain_all()
            aws.reset(Plan(faults=(Fault("*", nth, kind),)))
            try:
                finish(passed)
            except Died:
                passed["ms"] += 100_000
            aws.reset()
            assert finish(passed)["receipt"] == {"counts": COUNTS}, (kind, nth)
            assert aws.items("activities") == []
