"""The checker: silent where all is well, finds each kind of fault, repairs what the rows can tell, resumes at every call."""

import time
from collections.abc import Callable
from typing import Any, ClassVar

import boto3
import pytest

from cdp_core import clock
from cdp_core.domain.activity import Row
from cdp_core.domain.counting import RING_SIZE
from cdp_core.tables import activities, listing, walk
from cdp_core.usecases import check, jobs
from cdp_core.wire.segment import reread
from tests.double import Fault, Plan, StrictAws, strict_aws
from tests.double.faults import RAISE_AFTER, RAISE_BEFORE, Died
from tests.integration.dead_letters.asking import messages_return
from tests.integration.test_profiles_api import call, identify, page
from tests.support.product import batch, drain_all, seed_keys, user, visitor

START = 1_900_000_000_000
HOUR = 3_600_000


class Clock:
    """The time of this test (ms), and what was slept (s)."""

    now = START
    slept: ClassVar[list[float]] = []


@pytest.fixture(autouse=True)
def _time(monkeypatch: pytest.MonkeyPatch) -> None:
    Clock.now, Clock.slept = START, []
    monkeypatch.setattr(clock, "now_ms", lambda: Clock.now)
    monkeypatch.setattr(time, "sleep", Clock.slept.append)


def fill() -> None:
    """Three people: one with a visitor of theirs, one who was erased and came back, one alone with a dead letter."""
    seed_keys()
    batch(page("v1", anonymousId="anon"), page("old", userId="2"))
    batch(page("u1", userId="1"), identify("1", email="a@b.c") | {"anonymousId": "anon"})
    batch(page("w1", userId="3"), {"type": "track", "messageId": "bad", "userId": "3"})
    drain_all()
    call("DELETE", "/profiles/user_id%3A2")
    for _ in range(6):
        jobs.work_jobs(lambda: 60_000, reread)
        Clock.now += HOUR
    batch(page("new", userId="2"))
    drain_all()
    Clock.now += HOUR


@pytest.fixture
def _filled(aws: StrictAws) -> None:
    fill()


def finish(job_id: str) -> dict[str, Any]:
    """Works the job to its end, an hour a slice."""
    for _ in range(12):
        jobs.work_jobs(lambda: 60_000, reread)
        Clock.now += HOUR
        view = jobs.job_view(job_id)
        if view["status"] == "done":
            return view
    raise AssertionError(f"the check never ended: {view}")


def run(**options: Any) -> dict[str, int]:
    """The figures of a whole check."""
    status, job = call("POST", "/checks", options)
    assert (status, job["type"], job["status"]) == (202, "check", "queued")
    counts: dict[str, int] = finish(job["job_id"])["receipt"]["counts"]
    return counts


def faults(counts: dict[str, int]) -> dict[str, int]:
    """What was found, without what was not."""
    return {name.removeprefix("found."): n for name, n in counts.items() if name.startswith("found.") and n}


def change(leaf: str, expression: str, sk: str = "hot", **values: Any) -> None:
    """Puts a fault into the profiles table by hand."""
    given = {"ExpressionAttributeValues": {f":{name}": value for name, value in values.items()}} if values else {}
    boto3.client("dynamodb").update_item(
        TableName="ProfilesTable", Key={"pk": {"S": leaf}, "sk": {"S": sk}}, UpdateExpression=expression, **given
    )


def row(message_id: str) -> Row:
    """A page visit that no envelope of this test stored."""
    return Row(time=START - HOUR, message_id=message_id, type="pagevisit", envelope=bytes(12), body={})


def break_counts() -> None:
    change(user("1").id, "SET n.pagevisit = :n", n={"N": "7"})


def break_parent() -> None:
    change(user("1").id, "DELETE c :c", "life#000000#links", c={"SS": [visitor("anon").id]})
    change(user("1").id, "SET ch = :n", n={"N": "0"})


def break_children() -> None:
    change(user("1").id, "SET ch = :n", n={"N": "2"})


def break_listing() -> None:
    leaf = user("3")
    assert listing.save(leaf.id, 0, before=listing.load(leaf.id, 0), shown=None)


def list_a_child() -> None:
    leaf = visitor("anon")
    key = {"lpk": {"S": "recent#anonymous#0"}, "lsk": {"S": f"2030-01-01#{leaf.id}"}}
    change(leaf.id, "SET lpk = :p, lsk = :s, v = :v", "life#000000#listing#recent", p=key["lpk"], s=key["lsk"],
           v={"N": "9"})  # fmt: skip


def leave_an_old_row() -> None:
    activities.put(user("2").id, 0, row("late"))


def leave_an_old_detail() -> None:
    change(user("2").id, "SET r = :r", "life#000000#contact", r={"S": "{}"})


def leave_a_very_old_row() -> None:
    change(user("3").id, "SET ep = :e", e={"N": "4"})


def lose_the_leaf() -> None:
    boto3.client("dynamodb").delete_item(TableName="ProfilesTable", Key={"pk": {"S": user("3").id}, "sk": {"S": "hot"}})


def lose_a_leaf_of_another_life() -> None:
    activities.put("u" + "0" * 32, 3, row("stray"))


def grow_the_ring() -> None:
    keys = b"".join((START + n).to_bytes(6, "big") + bytes(6) for n in range(RING_SIZE + 1))
    change(user("1").id, "SET ring = :r", r={"B": bytes(keys)})


def grow_the_item() -> None:
    change(user("1").id, "SET junk = :j", j={"S": "x" * 33_000})


# What is done by hand, what the check finds, and what it still finds after a repair.
FAULTS: list[tuple[Callable[[], None], dict[str, int], dict[str, int]]] = [
    (break_counts, {"counts": 1}, {}),
    (break_parent, {"parent": 1}, {"parent": 1}),
    (break_children, {"children": 1}, {"children": 1}),
    (break_listing, {"listing": 1}, {}),
    (list_a_child, {"listing": 1}, {}),
    (leave_an_old_row, {"old_life": 1}, {"old_life": 1}),
    (leave_an_old_detail, {"old_life": 1}, {"old_life": 1}),
    (leave_a_very_old_row, {"counts": 1, "listing": 1, "old_life": 1}, {"old_life": 1}),
    (lose_the_leaf, {"counts": 1, "listing": 1, "ownerless": 1}, {"listing": 1, "ownerless": 1}),
    (lose_a_leaf_of_another_life, {"ownerless": 1}, {"ownerless": 1}),
    (grow_the_ring, {"ring": 1}, {"ring": 1}),
    (grow_the_item, {"size": 1}, {"size": 1}),
]


@pytest.mark.usefixtures("_filled")
def test_a_clean_deployment_has_no_finding() -> None:
    """Everybody is looked at once: the erased and returned, the merged, the refused."""
    counts = run()
    assert faults(counts) == {}
    assert (counts["leaves"], counts["partitions"], counts["repaired"]) == (4, 4, 0)


@pytest.mark.usefixtures("_filled")
@pytest.mark.parametrize("wrong, found, left", FAULTS, ids=lambda one: getattr(one, "__name__", ""))
def test_each_fault_is_found_and_a_repair_sets_right_what_rows_can_tell(
    wrong: Callable[[], None], found: dict[str, int], left: dict[str, int]
) -> None:
    """Design section 10: one fault by hand, one finding; without `repair` nothing is written."""
    wrong()
    for _ in range(2):
        assert faults(run()) == found
    run(repair=True)
    assert faults(run()) == left


def test_a_lost_row_is_no_fault_while_its_envelope_may_be_under_way_and_one_later(aws: StrictAws) -> None:
    """A leaf in the middle of a flush has a row that is not counted yet."""
    fill()
    key = Clock.now.to_bytes(6, "big") + bytes(6)
    activities.put(user("1").id, 0, Row(time=START, message_id="fresh", type="pagevisit", envelope=key, body={}))
    assert check.examine(user("1").id, Clock.now - 1_200_000) == set()
    assert faults(run()) == {}
    assert faults(run(repair=True)) == {"counts": 1}
    assert faults(run()) == {}
    assert user("1").counts == {"pagevisit": 2}


def test_a_suspect_that_a_flush_finishes_meanwhile_is_not_reported(aws: StrictAws) -> None:
    """The flush dies before its compare-and-swap; the check sees it, waits, and looks again after the next flush."""
    fill()
    batch(page("u2", userId="1"))
    Clock.now += HOUR  # older than any flush: the row alone looks wrong now
    aws.reset(Plan(faults=(Fault("UpdateItem", 0, RAISE_BEFORE),)))
    with pytest.raises(Died):
        drain_all()
    aws.reset()
    job = call("POST", "/checks", {})[1]
    jobs.work_jobs(lambda: 60_000, reread)
    assert jobs.job_view(job["job_id"])["status"] == "waiting"
    messages_return()
    drain_all()
    counts = finish(job["job_id"])["receipt"]["counts"]
    assert (counts["suspects"], faults(counts)) == (1, {})


@pytest.mark.usefixtures("_filled")
def test_after_a_repair_traffic_goes_on_exactly() -> None:
    """Protocol, repair: whoever is in flight finds himself below the horizon and recounts; the ring is no fault then."""
    break_counts()
    batch(page("u2", userId="1"))
    run(repair=True)
    drain_all()
    batch(page("u2", userId="1"), page("u3", userId="1"))
    drain_all()
    assert user("1").counts == {"pagevisit": 3}
    assert faults(run()) == {}


@pytest.mark.usefixtures("_filled")
@pytest.mark.parametrize("size, per_second", [(50, 200), (7, 2), (1, 10_000)])
def test_the_pages_are_slept_over_and_their_borders_count_nobody_twice(
    size: int, per_second: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So many leaves a second at most; no page needs more than a second."""
    monkeypatch.setattr(check, "_PAGE", size)
    counts = run(per_second=per_second)
    assert (counts["leaves"], counts["partitions"]) == (4, 4)
    assert sum(Clock.slept) >= 8 / per_second
    assert max(Clock.slept) <= 1


@pytest.mark.parametrize("kind", [RAISE_BEFORE, RAISE_AFTER])
def test_a_check_that_dies_at_any_call_is_resumed_and_counts_the_same(kind: str) -> None:
    """A fault to find and to repair, and a death at every fifth call of the job."""
    calls = _check_with_fault(None)
    assert calls > 30
    for nth in range(kind == RAISE_AFTER, calls, 5):
        _check_with_fault(Fault("*", nth, kind))


def _check_with_fault(fault: Fault | None) -> int:
    """A repairing check over a few leaves that perhaps dies once; how many calls it made."""
    Clock.now = START
    with strict_aws() as aws:
        seed_keys()
        batch(page("v1", anonymousId="anon"), page("u1", userId="1", anonymousId="anon"), page("w1", userId="3"))
        drain_all()
        Clock.now += HOUR
        break_counts()
        break_listing()
        job = call("POST", "/checks", {"repair": True})[1]
        aws.reset(Plan(faults=(fault,)) if fault else None)
        try:
            finish(job["job_id"])
        except Died:
            Clock.now += HOUR
        made = len(aws.calls)
        aws.reset()
        counts = finish(job["job_id"])["receipt"]["counts"]
        expected = {"counts": 1, "listing": 1}
        assert (counts["leaves"], counts["partitions"]) == (3, 3), fault
        is_repaired_unseen = fault is not None and faults(counts) != expected  # it died between repairing and counting
        assert faults(counts).items() <= expected.items()
        assert counts["repaired"] + is_repaired_unseen == 2
        assert faults(run()) == {}
        return made


@pytest.mark.usefixtures("_filled")
def test_a_repair_never_counts_what_it_has_not_seen_and_the_walk_is_the_only_scan(aws: StrictAws) -> None:
    """Bounded: a page of 50 items a call, one partition examined once."""
    aws.reset()
    run()
    assert aws.calls.count("Scan") == 2
    assert walk.page(walk.PROFILES, start=None, limit=1).last is not None
