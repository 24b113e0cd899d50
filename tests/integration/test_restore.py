"""A restore from backup brings no erased person back (D8), and nobody reads anything before that is sure."""

import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from cdp_core import clock, queue
from cdp_core.config import settings
from cdp_core.errors import Unavailable
from cdp_core.tables import leaves
from cdp_core.usecases import bulk_erase, jobs
from cdp_core.usecases.flush import Invocation, flush
from cdp_core.wire.segment import reread
from tests.double import Fault, Plan, StrictAws, strict_aws
from tests.double.faults import LOST, RAISE_AFTER, RAISE_BEFORE, Died
from tests.double.memory import Memory
from tests.integration.test_profiles_api import call, identify, page
from tests.support.product import batch, drain_all, seed_keys, user, visitor

START = 1_900_000_000_000
HOUR = 3_600_000
Backup = dict[str, list[dict[str, Any]]]
TABLES = {"profiles": "ProfilesTable", "activities": "ActivitiesTable"}


class Clock:
    """The time of this test (ms)."""

    now = START


@pytest.fixture(autouse=True)
def _time(monkeypatch: pytest.MonkeyPatch) -> None:
    Clock.now = START
    monkeypatch.setattr(clock, "now_ms", lambda: Clock.now)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)


def fill() -> None:
    """Ann with two visitors, an address and a dead letter; Bob with one visitor; Eve with nothing else."""
    seed_keys()
    batch(page("a1", userId="ann"), page("v1", anonymousId="anon-1"), page("v2", anonymousId="anon-2"))
    batch(page("b1", userId="bob"), page("w1", anonymousId="anon-3"), page("e1", userId="eve"))
    drain_all()
    batch(
        identify("ann", email="ann@b.c") | {"anonymousId": "anon-1"},
        page("a2", userId="ann", anonymousId="anon-2"),
        page("b2", userId="bob", anonymousId="anon-3"),
        {"type": "track", "messageId": "bad", "userId": "ann"},
    )
    drain_all()
    Clock.now += HOUR


def copy(aws: StrictAws) -> Backup:
    """A backup: every item of both tables."""
    return {name: aws.items(name) for name in TABLES}


def put_back(aws: StrictAws, backup: Backup) -> None:
    """The backup takes the tables' place."""
    client = boto3.client("dynamodb")
    aws.quiet = True
    for name, table in TABLES.items():
        for item in aws.items(name):
            client.delete_item(TableName=table, Key={"pk": item["pk"], "sk": item["sk"]})
        aws.quiet = True
        for item in backup[name]:
            client.put_item(TableName=table, Item=item)
    aws.quiet = False


def work(rounds: int = 10) -> None:
    """Works all jobs to their end, an hour a round."""
    for _ in range(rounds):
        jobs.work_jobs(lambda: 60_000, reread)
        Clock.now += HOUR


def erase(name: str) -> None:
    """Erases somebody, job and all."""
    assert call("DELETE", f"/profiles/{name}")[0] == 202
    work()


def replay() -> dict[str, int]:
    """Replays the ledger and works everything to its end; the replay's figures."""
    status, job = call("POST", "/erasures/replay")
    assert (status, job["type"]) == (202, "replay_erasures")
    work()
    view = call("GET", f"/jobs/{job['job_id']}")[1]
    assert view["status"] == "done"
    assert view["progress"]["done"] == view["progress"]["total"]
    counts: dict[str, int] = view["receipt"]["counts"]
    return counts


def seen(*names: str) -> list[tuple[int, Any]]:
    """What people see of these profiles, with their timelines."""
    found = []
    for name in names:
        status, profile = call("GET", f"/profiles/{name}")
        found.append((status, (profile, call("GET", f"/profiles/{name}/activities")[1]) if status == 200 else None))
    return found


def owners(aws: StrictAws) -> set[str]:
    """The leaves that have items besides a hot item, in any table."""
    items = [*aws.items("profiles"), *aws.items("activities")]
    partitions = {one["pk"]["S"].partition("#")[0] for one in items if one["sk"]["S"] != "hot"}
    return {one for one in partitions if one[0] in "uv" and len(one) == 33}


def findings() -> dict[str, int]:
    """What a check finds."""
    job = call("POST", "/checks", {})[1]
    work(5)
    counts = call("GET", f"/jobs/{job['job_id']}")[1]["receipt"]["counts"]
    return {name: n for name, n in counts.items() if name.startswith("found.") and n}


def test_an_erased_person_does_not_come_back_with_the_backup_and_the_others_do(aws: StrictAws) -> None:
    """D8."""
    fill()
    batch(page("late", userId="ann"), page("late-v", anonymousId="anon-1"))
    waiting = [one.body for one in queue.receive(visibility_seconds=0)]
    drain_all()
    backup = copy(aws)
    before = seen("user_id%3Abob", "user_id%3Aeve")
    gone = {user("ann").id, visitor("anon-1").id, visitor("anon-2").id}
    erase("user_id%3Aann")
    batch(page("b3", userId="bob"))
    drain_all()
    put_back(aws, backup)
    assert call("GET", "/profiles/user_id%3Aann")[0] == 200  # the restore alone brings her back
    assert replay() == {"already": 0, "erased_again": 1}
    for name in ("user_id%3Aann", "anonymous_id%3Aanon-1", "email%3Aann%40b.c", user("ann").id):
        assert call("GET", f"/profiles/{name}")[0] == 404
    assert owners(aws) & gone == set()
    assert call("GET", "/dead-letters")[1]["items"] == []
    assert seen("user_id%3Abob", "user_id%3Aeve") == before
    assert queue.send(waiting) == [True]
    assert drain_all()["erased"] == 2
    assert owners(aws) & gone == set()
    assert findings() == {}


def test_a_dead_letter_that_a_redrive_had_queued_before_the_erasure_stays_void(aws: StrictAws) -> None:
    """The restored tables hold the dead letter; whatever is redriven of it was received before the erasure."""
    fill()
    backup = copy(aws)
    erase("user_id%3Aann")
    put_back(aws, backup)
    call("POST", "/dead-letters/redrive", {})
    jobs.work_jobs(lambda: 60_000, lambda text, name: reread(text.replace("{", '{"event":"Fixed",', 1), name))
    assert queue.backlog() == 1
    replay()
    drain_all()
    assert call("GET", "/profiles/user_id%3Aann")[0] == 404
    assert user("ann").counts == {}


def test_running_it_twice_changes_nothing(aws: StrictAws) -> None:
    """Erasures that the tables know are left alone, those before the backup included."""
    fill()
    erase("user_id%3Aeve")
    backup = copy(aws)
    erase("user_id%3Aann")
    put_back(aws, backup)
    assert replay() == {"already": 1, "erased_again": 1}
    after = {one["pk"]["S"]: one for one in aws.items("profiles") if one["sk"]["S"] == "hot"}
    assert replay() == {"already": 2, "erased_again": 0}
    assert {one["pk"]["S"]: one for one in aws.items("profiles") if one["sk"]["S"] == "hot"} == after


def test_who_came_back_after_an_earlier_erasure_is_erased_life_by_life(aws: StrictAws) -> None:
    """The ledger is replayed oldest first."""
    fill()
    backup = copy(aws)
    erase("user_id%3Aeve")
    batch(page("e2", userId="eve"))
    drain_all()
    erase("user_id%3Aeve")
    put_back(aws, backup)
    assert replay() == {"already": 0, "erased_again": 2}
    assert user("eve").epoch == 2
    Clock.now += HOUR
    batch(page("e3", userId="eve"))
    drain_all()
    assert call("GET", "/profiles/user_id%3Aeve")[1]["profile_id"] == f"{user('eve').id}.2"


def test_leaves_that_had_left_the_erased_profile_go_on_by_themselves(aws: StrictAws) -> None:
    """Both visitors were unmerged after the backup; then only the user was erased."""
    fill()
    backup = copy(aws)
    for name in ("anon-1", "anon-2"):
        assert call("DELETE", f"/profiles/user_id%3Aann/merges/anonymous_id%3A{name}")[0] == 200
    erase("user_id%3Aann")
    put_back(aws, backup)
    assert replay() == {"already": 0, "erased_again": 1}
    assert call("GET", "/profiles/user_id%3Aann")[0] == 404
    for name in ("anon-1", "anon-2"):
        status, profile = call("GET", f"/profiles/anonymous_id%3A{name}")
        assert (status, profile["activity_counts"]["total"], profile["merged_ids"]) == (200, 1, [])
    listed = {one["profile_id"] for one in call("GET", "/profiles?verification=all")[1]["items"]}
    assert {visitor("anon-1").id, visitor("anon-2").id} <= listed
    assert findings() == {}


def test_a_visitor_that_was_unmerged_and_erased_leaves_the_profile_of_the_user(aws: StrictAws) -> None:
    """The backup still holds it there; what it does later is its own."""
    fill()
    backup = copy(aws)
    call("DELETE", "/profiles/user_id%3Aann/merges/anonymous_id%3Aanon-1")
    erase("anonymous_id%3Aanon-1")
    put_back(aws, backup)
    replay()
    profile = call("GET", "/profiles/user_id%3Aann")[1]
    assert profile["merged_ids"] == [visitor("anon-2").id]
    assert profile["activity_counts"]["total"] == 3
    Clock.now += HOUR
    batch(page("new", anonymousId="anon-1"))
    drain_all()
    assert call("GET", "/profiles/user_id%3Aann")[1] == profile
    assert findings() == {}


@pytest.mark.parametrize("resumes_first", [False, True])
def test_a_bulk_erasure_that_the_backup_holds_half_done_goes_on_beside_the_replay(
    aws: StrictAws, resumes_first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its groups may be cut otherwise than before the restore."""
    monkeypatch.setattr(bulk_erase.rules, "GROUP", 2)
    fill()
    call("POST", "/profiles/bulk-delete", {"ids": ["user_id:nobody", "user_id:ann", "user_id:bob", "user_id:eve"]})
    backup = copy(aws)
    work()
    assert owners(aws) == set()
    put_back(aws, backup)
    monkeypatch.setattr(bulk_erase.rules, "GROUP", 3)
    if resumes_first:
        jobs.work_jobs(lambda: 60_000, reread)
    counts = replay()
    assert counts["already"] + counts["erased_again"] >= 2
    work()
    assert owners(aws) == set()
    assert {call("GET", f"/profiles/user_id%3A{name}")[0] for name in ("ann", "bob", "eve")} == {404}
    assert aws.items("activities") == []


@pytest.mark.parametrize("kind", [RAISE_BEFORE, RAISE_AFTER, LOST])
def test_a_replay_that_dies_at_any_call_is_resumed(kind: str) -> None:
    """Each kind at every sixth call of the replay's first slices."""
    calls = _replay_with(None)
    for nth in range([RAISE_BEFORE, RAISE_AFTER, LOST].index(kind), calls, 6):
        _replay_with(Fault("*", nth, kind))


def _replay_with(fault: Fault | None) -> int:
    """A replay in a world of its own that perhaps dies once; how many calls its first slice made."""
    Clock.now = START
    with strict_aws(memory=Memory()) as aws:
        fill()
        backup = copy(aws)
        before = seen("user_id%3Abob")
        call("DELETE", "/profiles/user_id%3Aann/merges/anonymous_id%3Aanon-2")
        erase("user_id%3Aann")
        erase("user_id%3Aeve")
        put_back(aws, backup)
        job_id = call("POST", "/erasures/replay")[1]["job_id"]
        aws.reset(Plan(faults=(fault,)) if fault else None)
        try:
            jobs.work_jobs(lambda: 60_000, reread)
        except (Died, Unavailable):
            Clock.now += HOUR
        made = len(aws.calls)
        aws.reset()
        work(12)
        view = jobs.job_view(job_id)
        assert (view["status"], sum(view["receipt"]["counts"].values())) == ("done", 2), fault
        assert owners(aws) == {user("bob").id, visitor("anon-3").id, visitor("anon-2").id}, fault
        assert seen("user_id%3Abob") == before
        return made


@pytest.fixture
def _restoring() -> Iterator[None]:
    with strict_aws(RESTORING="true"):
        seed_keys()
        yield


@pytest.mark.usefixtures("_restoring")
@pytest.mark.parametrize(
    "method, path",
    [
        ("GET", "/profiles"), ("GET", "/profiles/user_id%3Aann"), ("GET", "/profiles/user_id%3Aann/activities"),
        ("POST", "/profiles/lookup"), ("DELETE", "/profiles/user_id%3Aann"), ("POST", "/profiles/bulk-delete"),
        ("GET", "/profiles/user_id%3Aann/merges"), ("DELETE", "/profiles/user_id%3Aann/merges/v1"),
        ("GET", "/dead-letters"), ("POST", "/dead-letters/redrive"), ("POST", "/channels"),
    ],
)  # fmt: skip
def test_while_tables_are_restored_nobody_reads_or_changes_profiles(method: str, path: str) -> None:
    """503 with Retry-After, so that clients ask again; the key is still checked first."""
    status, answer = call(method, path, {})
    assert (status, answer["error"]["code"]) == (503, "restoring")
    assert call(method, path, {}, key="wrong")[0] == 401


@pytest.mark.usefixtures("_restoring")
def test_while_tables_are_restored_events_wait_and_jobs_are_worked_off() -> None:
    """Track answers as ever; the flush leaves the queue alone and replays erasures."""
    assert settings().restoring == "true"
    assert batch(page("p", userId="1")) == 200
    job_id = call("POST", "/erasures/replay")[1]["job_id"]
    checked = call("POST", "/checks", {})
    invocation = Invocation(remaining_ms=lambda: 30_000, function_name="flush", is_worker=False, reread=reread)
    flush(invocation, sleep=lambda seconds: None)
    assert queue.backlog() == 1
    assert leaves.load(user("1").id).version == 0
    assert call("GET", f"/jobs/{job_id}")[1]["status"] == "done"
    assert checked[0] == 202
