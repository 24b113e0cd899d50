"""Erasure: unreadable at once, swept twice, counted without personal data, resumable at every call."""

import json
from typing import Any

import pytest

from cdp_core import clock
from cdp_core.config import settings
from cdp_core.domain.activity import Row
from cdp_core.tables import activities
from cdp_core.usecases import jobs
from cdp_core.usecases.erase import request_erasure
from cdp_core.wire.segment import reread
from tests.double import StrictAws
from tests.integration.test_profiles_api import call, identify, page
from tests.support.product import batch, drain_all, seed_keys, user, visitor

ID = "user_id:42"


@pytest.fixture(autouse=True)
def _keys(aws: StrictAws, monkeypatch: pytest.MonkeyPatch) -> None:
    seed_keys()
    passed = {"ms": 0}
    monkeypatch.setattr(clock, "now_ms", lambda: 1_900_000_000_000 + passed["ms"])
    monkeypatch.setattr(jobs, "advance", lambda ms: passed.update(ms=passed["ms"] + ms), raising=False)


def fill() -> None:
    """A person with two identifiers, details, an account, activities and a dead letter."""
    batch(page("p2", anonymousId="anon"))
    drain_all()
    batch(
        page("p1", userId="42"), identify("42", email="a@b.c") | {"anonymousId": "anon"},
        {"type": "group", "messageId": "g", "userId": "42", "groupId": "acme"},
        {"type": "track", "messageId": "bad", "userId": "42"},
    )  # fmt: skip
    drain_all()


def finish(job_id: str) -> dict[str, Any]:
    """Works the job to its end: slice, wait, slice."""
    for _ in range(12):
        jobs.work_jobs(lambda: 60_000, reread)
        jobs.advance(settings().erasure_wait_seconds * 1000 + 100_000)
        if jobs.job_view(job_id)["status"] == "done":
            return jobs.job_view(job_id)
    raise AssertionError(f"the job never ended: {jobs.job_view(job_id)}")


COUNTS = {
    "activities": 2,
    "dead_letters": 1,
    "contact": 1,
    "memberships": 1,
    "listing": 3,
    "links": 1,
    "consents": 0,
    "notes": 0,
}


def test_a_profile_is_gone_at_once_and_the_receipt_counts_every_store(aws: StrictAws) -> None:
    """Design section 7."""
    fill()
    status, job = call("DELETE", "/profiles/user_id%3A42")
    assert (status, job["status"], job["receipt"]) == (202, "queued", None)
    for gone in ("user_id%3A42", "anonymous_id%3Aanon", "email%3Aa%40b.c"):
        assert call("GET", f"/profiles/{gone}")[0] == 404
    assert call("GET", "/profiles?verification=all")[1]["items"] == []
    assert finish(job["job_id"])["receipt"] == {"counts": COUNTS}
    assert aws.items("activities") == []
    left = {item["sk"]["S"] for item in aws.items("profiles") if item["pk"]["S"] in (user("42").id, visitor("anon").id)}
    assert left == {"hot"}
    assert "a@b.c" not in json.dumps(aws.items("profiles"), default=str)


def test_the_job_waits_for_stragglers_and_sweeps_them(aws: StrictAws) -> None:
    """Protocol: onesweep leaves them for ever."""
    fill()
    leaf = user("42").id
    job = request_erasure(ID)
    jobs.work_jobs(lambda: 60_000, reread)
    assert jobs.job_view(job["job_id"])["status"] == "waiting"
    activities.put(
        leaf, 0, Row(time=1_700_000_000_000, message_id="late", type="pagevisit", envelope=bytes(12), body={})
    )
    assert finish(job["job_id"])["receipt"]["counts"]["activities"] == 3
    assert aws.items("activities") == []


def test_a_resumed_job_waits_too() -> None:
    """Protocol section 4, 12: the deadline is stored."""
    fill()
    job = request_erasure(ID)
    for _ in range(3):
        jobs.work_jobs(lambda: 60_000, reread)
        jobs.advance(100_000)
    assert jobs.job_view(job["job_id"])["status"] == "waiting"


def test_a_repeat_gives_the_same_job_and_an_unknown_person_none(aws: StrictAws) -> None:
    """D5."""
    fill()
    profile = user("42").id
    job = request_erasure(ID)["job_id"]
    assert request_erasure(ID)["job_id"] == job
    assert request_erasure(profile)["job_id"] == job
    before = aws.items("profiles")
    assert call("DELETE", "/profiles/user_id%3Anobody")[0] == 404
    assert aws.items("profiles") == before


def test_events_queued_before_the_erasure_never_come_back() -> None:
    """D1, invariant 7."""
    fill()
    batch(page("p3", userId="42"), page("p4", anonymousId="anon"))
    request_erasure(ID)
    counts = drain_all()
    assert counts["erased"] == 2
    assert call("GET", "/profiles/user_id%3A42")[0] == 404


def test_the_person_may_come_back_as_a_new_life_with_nothing_of_the_old(monkeypatch: pytest.MonkeyPatch) -> None:
    """D7: the erased id stays 404."""
    fill()
    old = user("42").id
    request_erasure(ID)
    jobs.advance(60_000)
    batch(page("new", userId="42"))
    drain_all()
    status, profile = call("GET", "/profiles/user_id%3A42")
    assert status == 200
    assert profile["profile_id"] == f"{old}.1"
    assert profile["activity_counts"]["total"] == 1
    assert profile["contact"] == {}
    assert call("GET", f"/profiles/{old}")[0] == 404


def test_an_erasure_asked_for_through_any_identifier_takes_the_whole_profile() -> None:
    """D5: all leaves, whichever was named."""
    fill()
    call("DELETE", "/profiles/anonymous_id%3Aanon")
    assert user("42").epoch == visitor("anon").epoch == 1


def test_a_tombstone_expires_after_the_last_message_that_could_name_it(aws: StrictAws) -> None:
    """D9: 35 days, set by the last step only, and taken off by the next event."""
    fill()
    job = request_erasure(ID)
    assert user("42").ttl is None
    finish(job["job_id"])
    ttl = user("42").ttl
    assert ttl is not None
    assert ttl * 1000 >= 1_900_000_000_000 + 35 * 86_400_000
