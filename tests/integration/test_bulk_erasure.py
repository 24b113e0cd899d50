"""Bulk erasure: many profiles in one job, group by group, resumable at every call, one receipt that sums."""

import json

import pytest

from cdp_core import clock
from cdp_core.config import settings
from cdp_core.domain import bulk_erasure as rules
from cdp_core.errors import Unavailable
from cdp_core.usecases import jobs
from cdp_core.wire.segment import reread
from tests.double import Fault, Plan, StrictAws, strict_aws
from tests.double.faults import LOST, RAISE_AFTER, RAISE_BEFORE, Died
from tests.double.memory import Memory
from tests.integration.test_profiles_api import call, identify, page
from tests.support.product import batch, drain_all, seed_keys, user

START = 1_900_000_000_000


class Clock:
    """The time of this test (ms)."""

    now = START


@pytest.fixture(autouse=True)
def _time(monkeypatch: pytest.MonkeyPatch) -> None:
    Clock.now = START
    monkeypatch.setattr(clock, "now_ms", lambda: Clock.now)


def fill(people: int, *, merged: int) -> None:
    """So many people with one page visit each; the first ones have a visitor with another one, and an address."""
    seed_keys()
    batch(*(page(f"u{n}", userId=f"user-{n}") for n in range(people)))
    if merged:
        batch(*(page(f"v{n}", anonymousId=f"anon-{n}") for n in range(merged)))
        drain_all()
        batch(*(identify(f"user-{n}", email=f"p{n}@b.c") | {"anonymousId": f"anon-{n}"} for n in range(merged)))
    drain_all()


def ask(ids: list[str]) -> str:
    """Asks for the erasure of all these; the job's id."""
    status, job = call("POST", "/profiles/bulk-delete", {"ids": ids})
    assert (status, job["type"], job["status"], job["receipt"]) == (202, "bulk_erasure", "queued", None)
    return str(job["job_id"])


def finish(job_id: str, seen: list[int] | None = None) -> dict[str, int]:
    """Works all jobs to their end; the figures. `seen` gets the progress at every look."""
    for _ in range(30):
        jobs.work_jobs(lambda: 60_000, reread)
        Clock.now += settings().erasure_wait_seconds * 1000 + 100_000
        view = call("GET", f"/jobs/{job_id}")[1]
        if seen is not None:
            seen.append(view["progress"]["done"])
            assert view["progress"]["done"] <= view["progress"]["total"]
        if view["status"] == "done":
            counts: dict[str, int] = view["receipt"]["counts"]
            return counts
    raise AssertionError(f"the job never ended: {view}")


def left(aws: StrictAws) -> set[str]:
    """The people who still have anything."""
    people = [one for one in aws.items("profiles") if one["pk"]["S"][0] in "uv" and one["sk"]["S"] != "hot"]
    return {one["pk"]["S"] for one in people} | {one["pk"]["S"].partition("#")[0] for one in aws.items("activities")}


def test_120_profiles_with_merged_ones_repeats_and_unknown_ids_go_and_the_others_stay(aws: StrictAws) -> None:
    """Design section 7: bulk deletion is a job over many; the receipt sums all groups."""
    fill(124, merged=20)
    named = [f"user_id:user-{n}" for n in range(100)] + [user(f"user-{n}").id for n in range(90, 120)]
    unknown = [f"user_id:nobody-{n}" for n in range(7)]
    also_merged = [f"anonymous_id:anon-{n}" for n in range(5)]
    seen: list[int] = []
    job_id = ask(named + unknown + also_merged + named[:3])
    counts = finish(job_id, seen)
    assert counts["profiles"] == 120
    assert counts["unknown"] == 10 + 7 + 5  # another name of somebody who is gone is nobody's
    assert counts["activities"] == 140
    assert counts["contact"] == 20
    assert counts["listing"] == 140 + 20  # each leaf, and each address
    assert counts["dead_letters"] == counts["memberships"] == 0
    assert seen == sorted(seen)
    assert len(set(seen)) > 2
    assert left(aws) == {user(f"user-{n}").id for n in range(120, 124)}
    assert call("GET", "/profiles/user_id%3Auser-7")[0] == 404
    assert call("GET", "/profiles/user_id%3Auser-121")[0] == 200
    assert "b.c" not in json.dumps(aws.items("profiles"), default=str)


def test_each_profile_is_unreadable_as_soon_as_its_turn_comes_and_queued_events_stay_void() -> None:
    """Invariant 7 for every group."""
    with strict_aws(memory=Memory()):
        fill(60, merged=0)
        batch(page("late", userId="user-1"))
        job_id = ask([f"user_id:user-{n}" for n in range(60)])
        jobs.work_jobs(lambda: 60_000, reread)
        assert call("GET", f"/jobs/{job_id}")[1]["status"] == "waiting"
        assert {call("GET", f"/profiles/user_id%3Auser-{n}")[0] for n in (0, 49, 50, 59)} == {404}
        assert drain_all()["erased"] == 1
        assert finish(job_id)["activities"] == 60


def test_a_name_that_can_name_no_profile_is_refused_with_its_position_and_nothing_is_written(aws: StrictAws) -> None:
    """An address would need a search each."""
    seed_keys()
    before = aws.items("profiles")
    for bad in ("email:a@b.c", "phone:1", "a@b.c", "user_id", "u123", "user_id:"):
        status, answer = call("POST", "/profiles/bulk-delete", {"ids": ["user_id:1", bad]})
        assert (status, answer["error"]["code"]) == (400, "invalid_request"), bad
        assert "ids.1" in answer["error"]["message"]
        assert bad not in answer["error"]["message"]
    for ids in ([], [""], ["user_id:1"] * (rules.MAX_NAMES + 1), "user_id:1", None):
        assert call("POST", "/profiles/bulk-delete", {"ids": ids})[0] == 400
    assert aws.items("profiles") == before


def test_a_job_holds_hashes_of_who_is_meant_and_never_what_was_typed(aws: StrictAws) -> None:
    """Invariant 12."""
    fill(2, merged=0)
    finish(ask(["user_id:user-0", "user_id:user-1"]))
    kept = [one for one in aws.items("profiles") if one["pk"]["S"].startswith("job")]
    assert "user-0" not in json.dumps(kept, default=str)


def test_a_list_longer_than_one_item_of_it_is_erased_to_the_last_name(
    aws: StrictAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chunks of the list and groups of names need not fit each other."""
    monkeypatch.setattr(rules, "CHUNK", 7)
    monkeypatch.setattr(rules, "GROUP", 4)
    fill(20, merged=3)
    counts = finish(ask([f"user_id:user-{n}" for n in range(20)]))
    assert (counts["profiles"], counts["unknown"], left(aws)) == (20, 0, set())


def test_a_life_that_is_over_is_not_erased_again_and_the_next_one_not_by_its_old_id() -> None:
    """D7: an erased id stays unknown."""
    with strict_aws(memory=Memory()):
        fill(1, merged=0)
        old = user("user-0").id
        finish(ask([old]))
        batch(page("new", userId="user-0"))
        drain_all()
        counts = finish(ask([old]))
        assert (counts["profiles"], counts["unknown"]) == (0, 1)
        assert call("GET", f"/profiles/{old}.1")[0] == 200
        assert finish(ask([f"{old}.1"]))["profiles"] == 1


def _bulk_with(fault: Fault | None) -> int:
    """A small bulk erasure in a world of its own that perhaps dies once; how many calls it made."""
    Clock.now = START
    with strict_aws(memory=Memory()) as aws:
        fill(7, merged=2)
        job_id = ask([f"user_id:user-{n}" for n in range(6)] + ["user_id:nobody", "anonymous_id:anon-0"])
        aws.reset(Plan(faults=(fault,)) if fault else None)
        try:
            finish(job_id)
        except (Died, Unavailable, KeyError):  # a job that cannot be read is answered 503, without a status
            Clock.now += 100_000
        made = len(aws.calls)
        aws.reset()
        counts = finish(job_id)
        assert counts == {
            "profiles": 6, "unknown": 2, "activities": 8, "contact": 2, "listing": 10, "links": 2, "memberships": 0, "consents": 0, "notes": 0,
            "dead_letters": 0,
        }, fault  # fmt: skip
        assert left(aws) == {user("user-6").id}
        return made


@pytest.mark.parametrize("kind", [RAISE_BEFORE, RAISE_AFTER, LOST])
def test_a_bulk_erasure_that_dies_at_any_call_is_resumed_and_its_receipt_sums(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """D2, each kind at every third call."""
    monkeypatch.setattr(rules, "GROUP", 3)
    for nth in range([RAISE_BEFORE, RAISE_AFTER, LOST].index(kind), _bulk_with(None), 3):
        _bulk_with(Fault("*", nth, kind))
