"""At size: a hot profile, a backlog, and erasures of a million activities and of ten thousand profiles."""

from collections.abc import Callable, Iterable, Mapping
from types import SimpleNamespace
from typing import Any
from unittest import mock

from sortedcontainers import SortedDict

from cdp_core.tables import activities, leaves
from cdp_core.usecases import bulk_erase, erase, jobs
from cdp_core.usecases.check import examine
from cdp_core.usecases.flush import Invocation, flush
from cdp_core.wire.segment import reread
from tests.campaign.world import Weather, World
from tests.double.sizes import item_size
from tests.support.product import batch, drain_all, leaf_of, user

Enter = Callable[[World], None]
PROFILES, ACTIVITIES = "ProfilesTable", "ActivitiesTable"
MAX_HOT = 32 * 1024
_CALL_SECONDS = 0.025  # a batch of 25 deletes at 1 000 write units a second


def calm(enter: Enter, seed: int = 0, *, crash: float = 0.0) -> World:
    """A world in which nothing goes wrong, except that processes may die at a call."""
    world = World(seed, Weather(calm=10**9 if crash else 0, crash=crash, lost=0, late=0, refused=0), page_items=1_000)
    enter(world)
    return world


class Simulated(SortedDict):
    """A partition of keys alone: the items are made when they are read."""

    def __getitem__(self, key: str) -> Any:
        kept = super().__getitem__(key)
        if isinstance(kept, dict):  # put since, with all that it has
            return kept
        return {"pk": {"S": kept}, "sk": {"S": key}, "e": {"B": bytes(12)}, "t": {"S": "pagevisit"}}

    def get(self, key: str, default: Any = None) -> Any:
        """Dictionaries' own look-up does not come by __getitem__."""
        return self[key] if key in self else default  # noqa: SIM401


def give_history(world: World, user_id: str, rows: int) -> str:
    """A person with so many activities: real counters, simulated keys. The leaf."""
    batch({"type": "page", "userId": user_id, "messageId": "first"})
    drain_all()
    leaf = leaf_of("user_id", user_id)
    hot = dict(world.aws.table(PROFILES).get({"pk": {"S": leaf}, "sk": {"S": "hot"}}) or {})
    world.aws.table(PROFILES).set(hot, hot | {"n": {"M": {"pagevisit": {"N": str(rows)}}}})
    partition = activities.partition(leaf, 0)
    keys = (activities.sort_key(1_600_000_000_000 + number, f"m{number}") for number in range(rows))
    world.aws.table(ACTIVITIES).partitions[partition] = Simulated(dict.fromkeys(keys, partition))
    return leaf


def hot_profile(enter: Enter, *, events: int, history: int, names: int = 1) -> dict[str, int]:
    """One flush of so many events of one person with so long a history: AWS calls, and the bytes of the hot item after it."""
    world = calm(enter)
    leaf = give_history(world, "hot", history)
    for at in range(0, events, 250):
        batch(
            *(
                {
                    "type": "track",
                    "event": f"Event number {n % names} " + "ж" * 80,
                    "userId": "hot",
                    "messageId": f"e{n}",
                    "timestamp": "2026-01-02T00:00:00Z",
                }
                for n in range(at, min(at + 250, events))
            )
        )
    before = world.calls
    drain_all()
    calls = world.calls - before
    _check(["hot"])
    hot = world.aws.table(PROFILES).get({"pk": {"S": leaf}, "sk": {"S": "hot"}})
    counted = sum(user("hot").counts.values())
    assert counted == history + events, f"{counted} counted, {history + events} sent"
    return {"calls": calls, "hot item bytes": item_size(hot)}


def backlog(enter: Enter, *, events: int, people: int, workers: int, a_request: int = 20) -> dict[str, int]:
    """So many waiting events, drained by a scheduled flush and the workers that it starts. Everybody gets all of his."""
    world = calm(enter)
    for at in range(0, events, a_request):
        batch(
            *(
                {"type": "page", "userId": f"p{n % people}", "messageId": f"b{n}", "timestamp": "2026-01-02T00:00:00Z"}
                for n in range(at, at + a_request)
            )
        )
    started: list[str] = []

    def run(is_worker: bool) -> None:
        flush(Invocation(lambda: 3_600_000, "flush", is_worker, reread), sleep=lambda seconds: None)

    def start(name: str) -> None:
        started.append(name)
        world.start("worker", lambda: run(True))

    with mock.patch("cdp_core.workers.start", start), mock.patch("cdp_core.usecases.flush._MESSAGES_A_WORKER", 200):
        world.start("flush", lambda: run(False))
        while world.processes:
            world.step()
    totals = {sum(user(f"p{number}").counts.values()) for number in range(people)}
    assert totals == {events // people}, f"some have {totals} events of {events // people}"
    assert not world.aws.queue("events")
    _check(f"p{number}" for number in range(0, people, 10))
    assert 0 < len(started) < workers, f"{len(started)} workers were started"
    return {"events": events, "people": people, "workers": len(started), "calls": world.calls}


def _check(people: Iterable[str]) -> None:
    """The checker finds nothing."""
    found = {one: faults for one in people if (faults := examine(leaf_of("user_id", one)))}
    assert not found, found


def erasure(enter: Enter, *, rows: int, seed: int, crash: float) -> dict[str, int]:
    """One person with so many activities is erased; the job dies now and then, and is resumed."""
    world = calm(enter, seed, crash=0)
    give_history(world, "big", rows)
    world.weather.crash, world.weather.calm = crash, 10**9 if crash else 0
    job_id = erase.request_erasure("user_id:big")["job_id"]
    assert not user("big").is_live
    figures = _work(world, [job_id])
    receipt = jobs.job_view(job_id)["receipt"]["counts"]
    assert receipt["activities"] == rows, f"the receipt counts {receipt['activities']} of {rows}"
    assert not world.aws.table(ACTIVITIES).partitions[activities.partition(leaf_of("user_id", "big"), 0)]
    return figures | {"activities": rows}


def bulk_erasure(enter: Enter, *, people: int, seed: int, crash: float) -> dict[str, int]:
    """So many people are erased by one job, which dies now and then."""
    world = calm(enter, seed)
    for at in range(0, people, 250):
        batch(
            *(
                {"type": "page", "userId": f"p{n}", "messageId": f"b{n}", "timestamp": "2026-01-02T00:00:00Z"}
                for n in range(at, min(at + 250, people))
            )
        )
    drain_all()
    world.weather.crash, world.weather.calm = crash, 10**9 if crash else 0
    job_id = bulk_erase.request_bulk_erasure([f"user_id:p{n}" for n in range(people)])["job_id"]
    figures = _work(world, [job_id])
    counts = jobs.job_view(job_id)["receipt"]["counts"]
    assert (counts["profiles"], counts["activities"]) == (people, people), counts
    live = [n for n in range(0, people, 97) if leaves.load(leaf_of("user_id", f"p{n}")).is_live]
    assert not live
    _check(f"p{n}" for n in range(0, people, 97))
    assert not any(world.aws.table(ACTIVITIES).partitions.values()), "activities are left"
    return figures | {"profiles": people}


def _work(world: World, job_ids: list[str]) -> dict[str, int]:
    """Slices until the jobs are done. Their time is simulated; none may be longer than it says, and progress never goes back."""
    figures = {"slices": 0, "crashes": 0, "longest slice ms": 0, "calls": world.calls}
    shown: dict[str, int] = {}
    clock = {"ms": 0.0}
    real = world.aws.handle

    def handle(operation: str, arguments: Mapping[str, Any]) -> Any:
        clock["ms"] += 1000 * _CALL_SECONDS
        return real(operation, arguments)  # type: ignore[arg-type]

    world.aws.handle = handle  # type: ignore[method-assign]
    with mock.patch("cdp_core.usecases.jobs.time", SimpleNamespace(monotonic=lambda: clock["ms"] / 1000)):
        while any(jobs.jobs.load(one).phase != "done" for one in job_ids):  # type: ignore[union-attr]
            began = clock["ms"]
            world.start("jobs", lambda: jobs.work_jobs(lambda: 60_000, reread))
            while world.processes:
                world.step()
            figures["slices"] += 1
            figures["longest slice ms"] = max(figures["longest slice ms"], int(clock["ms"] - began))
            _show(job_ids, shown)
            world.now += 100
    figures["crashes"], figures["calls"] = world.crashes, world.calls - figures["calls"]
    assert figures["longest slice ms"] <= 45_000, figures
    return figures


def _show(job_ids: list[str], shown: dict[str, int]) -> None:
    for one in job_ids:
        progress = jobs.job_view(one)["progress"]
        assert shown.get(one, 0) <= progress["done"] <= progress["total"], (shown, progress)
        shown[one] = progress["done"]
