"""Dead letters: listed by day and reason, and redriven exactly, whatever dies, repeats or was erased meanwhile (A8 to A10)."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import boto3
import pytest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.sqs.models import sqs_backends

from cdp_core import clock
from cdp_core.domain import counting
from cdp_core.domain.envelope import Event, Refusal
from cdp_core.errors import TryAgain, Unavailable
from cdp_core.tables import activities
from cdp_core.usecases import apply_envelopes, apply_leaf, drain, jobs, redrive
from cdp_core.wire.segment import reread
from tests.double import Fault, Plan, StrictAws, strict_aws
from tests.double.faults import LOST, RAISE_AFTER, RAISE_BEFORE, Died
from tests.double.memory import Memory
from tests.integration.test_profiles_api import call, page
from tests.support.product import batch, drain_all, seed_keys, user

START = 1_900_000_000_000
DAY = 86_400_000


class Clock:
    """The time of this test (ms), and what was slept (s)."""

    now = START
    slept: ClassVar[list[float]] = []


@pytest.fixture(autouse=True)
def _time(monkeypatch: pytest.MonkeyPatch) -> None:
    Clock.now, Clock.slept = START, []
    monkeypatch.setattr(clock, "now_ms", lambda: Clock.now)
    monkeypatch.setattr(time, "sleep", Clock.slept.append)
    monkeypatch.setattr(redrive, "_WAIT_SECONDS", 0)


@pytest.fixture
def _keys(aws: StrictAws) -> None:
    seed_keys()


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


@pytest.mark.usefixtures("_keys")
def test_dead_letters_are_listed_by_day_and_reason_page_by_page() -> None:
    """Latest day first; a page goes on exactly behind the one before."""
    batch(*(nameless(f"a{n}", userId="1") for n in range(3)), {"type": "page", "messageId": "nobody"})
    drain_all()
    Clock.now += 2 * DAY
    batch(nameless("b0", userId="2"))
    drain_all()
    assert [one["reason"] for one in listed()] == ["missing_event_name", *["missing_event_name"] * 3, "no_identity"]
    first = listed()[0]
    assert first["profile_id"] == user("2").id
    assert (first["attempts"], first["channel"], json.loads(first["original"])["messageId"]) == (1, "website", "b0")
    assert [one["profile_id"] for one in listed("?reason=no_identity")] == [None]
    assert len(listed("?until=2030-03-17T20:00:00Z")) == 4
    assert len(listed("?since=2030-03-18T00:00:00Z")) == 1
    assert call("GET", "/dead-letters?since=2030-03-18T00:00:00Z&until=2030-03-17T00:00:00Z")[0] == 400
    seen, cursor = [], ""
    while cursor is not None:
        answer = call("GET", "/dead-letters?limit=2" + (f"&cursor={cursor}" if cursor else ""))[1]
        seen += [one["id"] for one in answer["items"]]
        cursor = answer["cursor"]
    assert seen == [one["id"] for one in listed()]
    assert (
        call("GET", f"/dead-letters?limit=2&reason=x&cursor={call('GET', '/dead-letters?limit=2')[1]['cursor']}")[0]
        == 400
    )


@pytest.mark.usefixtures("_keys")
def test_dead_letters_of_an_erased_person_are_unreadable_at_once() -> None:
    """Invariant 7: before any job has removed them."""
    batch(page("p", userId="1"), nameless("bad", userId="1"), nameless("other", userId="2"))
    drain_all()
    call("DELETE", "/profiles/user_id%3A1")
    assert [json.loads(one["original"])["messageId"] for one in listed()] == ["other"]


@pytest.mark.usefixtures("_keys")
def test_a_dry_run_counts_by_reason_and_changes_nothing(aws: StrictAws) -> None:
    """A9."""
    batch(*(nameless(f"a{n}", userId="1") for n in range(3)), {"type": "page", "messageId": "nobody"})
    drain_all()
    before = aws.items("activities")
    counts = work(ask(dry_run=True))
    assert counts == {
        "examined": 4, "redriven": 3, "still_refused": 1, "reason.missing_event_name": 3, "reason.no_identity": 1,
    }  # fmt: skip
    assert aws.items("activities") == before
    assert Clock.slept == []
    assert drain_all()["envelopes"] == 0


@pytest.mark.usefixtures("_keys")
def test_a_redrive_takes_the_wanted_reason_and_days_and_what_is_still_refused_stays(aws: StrictAws) -> None:
    """A9: filter."""
    batch(nameless("a", userId="1"), {"type": "page", "messageId": "nobody"})
    drain_all()
    assert work(ask(reason="no_identity")) == {
        "examined": 1, "redriven": 0, "still_refused": 1, "reason.no_identity": 1,
    }  # fmt: skip
    assert work(ask(), reader=reread)["redriven"] == 0
    assert work(ask(until="2030-03-16T00:00:00Z")) == {"examined": 0, "redriven": 0, "still_refused": 0}
    assert dead(aws) == ["missing_event_name", "no_identity"]
    assert work(ask(reason="missing_event_name"))["redriven"] == 1
    drain_all()
    assert dead(aws) == ["no_identity"]
    assert user("1").counts == {"nameless": 1}


def test_a_redrive_that_ends_before_it_begins_or_is_too_fast_is_refused(aws: StrictAws) -> None:
    """400, and no job."""
    for body in (
        {"since": "2030-03-18T00:00:00Z", "until": "2030-03-17T00:00:00Z"},
        {"per_second": 0},
        {"source": "x"},
    ):
        assert call("POST", "/dead-letters/redrive", body)[0] == 400
    assert aws.items("profiles") == []


@pytest.mark.usefixtures("_keys")
@pytest.mark.parametrize("ring", [32, 1])
def test_a_redriven_event_is_counted_once_though_its_envelope_is_remembered_or_long_forgotten(
    ring: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protocol section 4: the envelope was counted without it, so it goes on under a key of its own."""
    monkeypatch.setattr(counting, "RING_SIZE", ring)
    batch(page("p1", userId="1"), nameless("bad", userId="1"))
    drain_all()
    for n in range(3):
        Clock.now += 1_000
        batch(page(f"later{n}", userId="1"))
        drain_all()
    for _ in range(2):
        work(ask())
        drain_all()
    assert rows("1") == ["bad", "later0", "later1", "later2", "p1"]
    assert user("1").counts == {"pagevisit": 4, "nameless": 1}
    shown = call("GET", "/profiles/user_id%3A1/activities?type=nameless")[1]["items"]
    assert [(one["message_id"], one["received_at"]) for one in shown] == [("bad", "2030-03-17T17:46:40.000Z")]


@pytest.mark.usefixtures("_keys")
def test_an_event_that_came_again_meanwhile_is_not_counted_twice(aws: StrictAws) -> None:
    """The client sent it again after the fix; the redrive finds its row."""
    batch(nameless("bad", userId="1"))
    drain_all()
    batch({**nameless("bad", userId="1"), "event": "Nameless"})
    drain_all()
    work(ask())
    drain_all()
    assert (rows("1"), user("1").counts, dead(aws)) == (["bad"], {"nameless": 1}, [])


@pytest.mark.usefixtures("_keys")
def test_an_event_that_the_flush_could_not_apply_is_redriven_as_it_was(
    aws: StrictAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A defect of ours, buried by the flush and fixed since; its authority comes back with it."""
    with monkeypatch.context() as broken:
        from cdp_core.domain import work as rules

        row_of = rules.row_of
        broken.setattr(rules, "row_of", lambda envelope, event: _fail(event, row_of, envelope))
        batch({**nameless("t", userId="1"), "event": "Odd"}, page("p", userId="1"))
        drain_all()
    assert dead(aws) == ["cannot_apply"]
    assert user("1").counts == {"pagevisit": 1}
    work(ask(reason="cannot_apply"))
    drain_all()
    assert (rows("1"), user("1").counts, dead(aws)) == (["p", "t"], {"pagevisit": 1, "odd": 1}, [])


def _fail(event: Event, row_of: Any, envelope: Any) -> Any:
    if event.type == "track":
        raise ValueError("a defect")
    return row_of(envelope, event)


@pytest.mark.usefixtures("_keys")
@pytest.mark.parametrize("is_queued", [False, True])
def test_an_erasure_between_burying_and_redriving_wins(aws: StrictAws, is_queued: bool) -> None:
    """Invariant 7, also where the event waits on the queue already."""
    batch(page("p", userId="1"), nameless("bad", userId="1"))
    drain_all()
    if is_queued:
        work(ask())
    Clock.now += 60_000
    call("DELETE", "/profiles/user_id%3A1")
    work(ask())
    drain_all()
    Clock.now += 10_000_000
    for _ in range(5):
        jobs.work_jobs(lambda: 60_000, reread)
        Clock.now += 10_000_000
    assert call("GET", "/profiles/user_id%3A1")[0] == 404
    assert aws.items("activities") == []


@pytest.mark.usefixtures("_keys")
@pytest.mark.parametrize("per_second", [1, 4, 1_000])
def test_the_rate_is_kept_and_no_sleep_is_longer_than_a_second(per_second: int) -> None:
    """A9: rate limit."""
    batch(*(nameless(f"a{n}", userId="1") for n in range(9)))
    drain_all()
    assert work(ask(per_second=per_second))["redriven"] == 9
    assert sum(Clock.slept) == pytest.approx(9 / per_second)
    assert max(Clock.slept) <= 1


@contextmanager
def world() -> Iterator[StrictAws]:
    """A person with two good rows, two refused events and one that stays refused."""
    Clock.now = START
    with strict_aws(memory=Memory()) as aws:
        seed_keys()
        batch(page("p1", userId="1"), nameless("a", userId="1"), nameless("b", userId="1"))
        batch(page("p2", userId="1"), {"type": "page", "messageId": "nobody"})
        drain_all()
        yield aws


KINDS = [RAISE_BEFORE, RAISE_AFTER, LOST]


def _redrive_with(fault: Fault | None) -> int:
    """Redrives in a world of its own, dies perhaps, goes on, redrives again. How many calls the first one made."""
    with world() as aws:
        job_id = ask()
        aws.reset(Plan(faults=(fault,)) if fault else None)
        try:
            work(job_id)
        except (Died, Unavailable):  # where not even the list of jobs can be read, Lambda reports the error
            Clock.now += 100_000
        made = len(aws.calls)
        aws.reset()
        messages_return()
        counts = work(job_id)
        assert {name: counts[name] for name in ("examined", "redriven", "still_refused")} == {
            "examined": 3, "redriven": 2, "still_refused": 1,
        }, fault  # fmt: skip
        drain_all()
        messages_return()
        work(ask())
        drain_all()
        assert rows("1") == ["a", "b", "p1", "p2"], fault
        assert user("1").counts == {"pagevisit": 2, "nameless": 2}
        assert dead(aws) == ["no_identity"]
        return made


@pytest.mark.parametrize("kind", KINDS)
def test_a_redrive_that_dies_at_any_call_is_resumed_and_exact(kind: str) -> None:
    """A9: each kind at every sixth call of the job, none at the same."""
    for nth in range(2 * KINDS.index(kind), _redrive_with(None), 6):
        _redrive_with(Fault("*", nth, kind))


def _lose(aws: StrictAws) -> None:
    """Ten receives are over: the messages of the queue are on the dead-letter queue now, as SQS moves them."""
    client = boto3.client("sqs")
    messages_return()
    source, target = aws.environment["QUEUE_URL"], aws.environment["DEAD_LETTER_QUEUE_URL"]
    for one in client.receive_message(QueueUrl=source, MaxNumberOfMessages=10).get("Messages", []):
        client.send_message(QueueUrl=target, MessageBody=one["Body"])
        client.delete_message(QueueUrl=source, ReceiptHandle=one["ReceiptHandle"])


@contextmanager
def half_applied(monkeypatch: pytest.MonkeyPatch) -> Iterator[StrictAws]:
    """A message that crashed the flush in the middle 13 days ago: one leaf has it, the other has not."""
    Clock.now = START
    with strict_aws() as aws:
        seed_keys()
        batch(page("p1", userId="1"), page("p2", userId="2"))
        with monkeypatch.context() as broken:
            broken.setattr(apply_envelopes, "apply", _apply_only(user("1").id))
            drain.drain(lambda: 60_000)
        _lose(aws)
        for _ in range(2):
            Clock.now += 60_000
            batch(page(f"later{Clock.now}", userId="1"))
            drain_all()
        Clock.now += 13 * DAY
        yield aws


def _apply_only(leaf: str) -> Any:
    def apply(work: Any, tools: Any) -> Any:
        if work.leaf == leaf:
            return apply_leaf.apply(work, tools)
        raise TryAgain("the process died here")

    return apply


@pytest.mark.parametrize("ring", [32, 1])
def test_a_half_applied_message_is_redriven_13_days_later_under_its_own_key(
    ring: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A9."""
    monkeypatch.setattr(counting, "RING_SIZE", ring)
    with half_applied(monkeypatch) as aws:
        assert user("1").counts == {"pagevisit": 3}
        (letter,) = listed("?source=messages")
        assert (letter["reason"], letter["at"]) == ("crashed_the_flush", "2030-03-17T17:46:40.000Z")
        messages_return()
        assert work(ask(source="messages", dry_run=True))["redriven"] == 1
        assert work(ask(source="messages", per_second=2)) == {"examined": 1, "redriven": 1, "still_refused": 0}
        assert Clock.slept == [0.5]
        drain_all()
        assert (user("1").counts, user("2").counts) == ({"pagevisit": 3}, {"pagevisit": 1})
        assert len(rows("1")) == 3
        assert rows("2") == ["p2"]
        assert listed("?source=messages") == []
        aws.reset()


@pytest.mark.parametrize("kind", KINDS)
def test_a_redrive_of_messages_that_dies_at_any_call_leaves_none_behind(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message that was received and not sent is seen again: one empty receive does not end the job."""
    for nth in range(2 * KINDS.index(kind), _messages_with(None, monkeypatch), 6):
        _messages_with(Fault("*", nth, kind), monkeypatch)


def _messages_with(fault: Fault | None, monkeypatch: pytest.MonkeyPatch) -> int:
    with half_applied(monkeypatch) as aws:
        job_id = ask(source="messages")
        aws.reset(Plan(faults=(fault,)) if fault else None)
        try:
            work(job_id)
        except (Died, Unavailable):  # where not even the list of jobs can be read, Lambda reports the error
            Clock.now += 100_000
        made = len(aws.calls)
        aws.reset()
        messages_return()
        assert work(job_id)["redriven"] == 1, fault
        drain_all()
        assert (user("1").counts, user("2").counts) == ({"pagevisit": 3}, {"pagevisit": 1}), fault
        assert listed("?source=messages") == []
        return made


@pytest.mark.usefixtures("_keys")
def test_a_message_that_no_version_can_read_is_counted_and_goes_back_to_be_buried(aws: StrictAws) -> None:
    """A8: the flush keeps it as a dead letter once it was tried alone."""
    boto3.client("sqs").send_message(QueueUrl=aws.environment["DEAD_LETTER_QUEUE_URL"], MessageBody="not an envelope")
    counts = work(ask(source="messages"))
    assert (counts["redriven"], counts["undecodable"]) == (1, 1)
    for _ in range(4):
        drain.drain(lambda: 60_000)
        messages_return()
    assert dead(aws) == ["undecodable_envelope"]
    assert work(ask())["still_refused"] == 1
