"""Dead letters: listed by day and reason, and redriven exactly, whatever dies, repeats or was erased meanwhile (A8 to A10)."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from cdp_core.domain import counting
from cdp_core.domain.envelope import Event
from cdp_core.errors import Unavailable
from cdp_core.usecases import jobs
from cdp_core.wire.segment import reread
from tests.double import Fault, Plan, StrictAws, strict_aws
from tests.double.faults import Died
from tests.double.memory import Memory
from tests.integration.dead_letters.asking import (
    DAY,
    KINDS,
    START,
    Clock,
    ask,
    dead,
    listed,
    messages_return,
    nameless,
    rows,
    work,
)
from tests.integration.test_profiles_api import call, page
from tests.support.product import batch, drain_all, seed_keys, user


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
