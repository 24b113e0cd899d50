"""Imports that die, that meet erasures and flushes, and that are long: on the engine in memory, call by call."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from cdp_core import clock
from cdp_core.domain import imports as rules
from cdp_core.domain.identity import is_leaf_id
from cdp_core.errors import CdpError
from cdp_core.usecases import import_rows, jobs
from cdp_core.usecases.check import examine
from cdp_core.wire.segment import reread
from tests.campaign.world import Inline
from tests.double import Fault, Plan, StrictAws, strict_aws
from tests.double.faults import LOST, RAISE_AFTER, RAISE_BEFORE, Died
from tests.double.memory import Memory
from tests.integration.test_profiles_api import call, identify, page
from tests.support.imports import START, Clock, counts, finish, make, person, report
from tests.support.product import batch, drain_all, seed_keys, user

COLUMNS = {"U": "user_id", "F": "first_name", "C": "city"}


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every schedule replays, and another process's work fits between any two calls."""
    monkeypatch.setattr(clock, "now_ms", lambda: Clock.now)
    for module in ("usecases.apply_envelopes", "usecases.import_people", "tables.erasures"):
        monkeypatch.setattr(f"cdp_core.{module}.ThreadPoolExecutor", Inline)


@contextmanager
def world(plan: Plan | None = None) -> Iterator[tuple[StrictAws, Memory]]:
    """An AWS of its own."""
    Clock.now, memory = START, Memory()
    with strict_aws(plan, memory=memory) as aws:
        seed_keys()
        yield aws, memory


def known(*people: int) -> None:
    """So many people who visited a page and said who they are."""
    for n in people:
        batch(identify(f"u{n}", firstName=f"Old{n}", city=f"Oldtown{n}"), page(f"p{n}", userId=f"u{n}"))
    drain_all()


def rows(*people: int) -> str:
    """A row for each."""
    return "U,F,C\n" + "".join(f"u{n},New{n},Newtown{n}\n" for n in people)


def faults(memory: Memory) -> dict[str, set[str]]:
    """What the checker finds."""
    found = {leaf: examine(leaf) for leaf in memory.table("ProfilesTable").partitions if is_leaf_id(leaf)}
    return {leaf: some for leaf, some in found.items() if some}


def ask(mode: str, csv: str) -> str:
    """An import that was started and not yet worked on."""
    import_id = str(make(csv, mode=mode, key="user_id", columns=COLUMNS)["import_id"])
    assert call("POST", f"/imports/{import_id}/start")[0] == 202
    return import_id


def look(import_id: str) -> dict[str, Any]:
    """Everything that an admin sees of an import and its people."""
    return {
        "counts": counts(import_id),
        "report": report(import_id),
        "people": {n: person(f"user_id:u{n}") for n in range(8)},
        "visits": {n: dict(user(f"u{n}").counts) for n in range(8)},
    }


def _dying(mode: str, fault: Fault | None) -> tuple[dict[str, Any], int]:
    """A small import that perhaps dies once; what there is at the end, and how many calls the first try made."""
    with world() as (aws, memory):
        known(0, 1, 2)
        csv = rows(0, 5, 1) + "bad\n" + rows(6, 5, 2)[6:]
        import_id = ask(mode, csv)
        aws.reset(Plan(faults=(fault,)) if fault else None)
        try:
            jobs.work_jobs(lambda: 60_000, reread)
        except (Died, CdpError):
            pass
        made = len(aws.calls)
        aws.reset()
        Clock.now += 100_000
        finish(import_id)
        seen = look(import_id)
        for one in seen["report"]:
            one.pop("reason")
        erasures = sum(key.startswith(f"job#{import_id}-") for key in memory.table("ProfilesTable").partitions)
        assert erasures == (2 if mode == "delete" else 0)  # a part each
        assert not (mode != "delete" and faults(memory)), fault
        return seen, made


@pytest.mark.parametrize("mode", ["insert", "overwrite", "skip", "delete"])
def test_an_import_that_dies_at_any_call_ends_as_if_it_had_not(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts, report and people are the same: nothing is counted twice, nothing forgotten."""
    monkeypatch.setattr(rules, "PART", 4)
    expected, calls = _dying(mode, None)
    assert calls > 30
    for nth in range(calls):
        for kind in (RAISE_BEFORE, RAISE_AFTER, LOST):
            if (nth + len(kind)) % 2 == 0 or kind == RAISE_AFTER:
                fault = Fault("*", nth, kind)
                assert _dying(mode, fault)[0] == expected, fault


@pytest.mark.parametrize("moment", ["judge", "apply_envelopes"])
def test_two_processes_that_work_on_one_part_agree_on_what_was_decided(
    moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that lost its lease goes on for a while: the first plan and the first outcome stand."""
    with world() as (_, memory):
        known(0)
        import_id = ask("insert", rows(0, 5, 6))

        def all_of_it() -> None:
            Clock.now += 100_000
            jobs.work_jobs(lambda: 60_000, reread)
            assert counts(import_id) == {"failed": 1, "inserted": 2}
            call("DELETE", "/profiles/user_id%3Au5")

        once_before(monkeypatch, moment, all_of_it)
        jobs.work_jobs(lambda: 60_000, reread)
        finish(import_id)
        assert counts(import_id) == {"failed": 1, "inserted": 2}
        assert [one["outcome"] for one in report(import_id)] == ["failed", "inserted", "inserted"]
        assert not faults(memory)


def once_before(monkeypatch: pytest.MonkeyPatch, name: str, happening: Callable[[], None]) -> None:
    """Lets something happen before the job's next use of a function."""
    inner = getattr(import_rows, name)

    def call_late(*arguments: Any) -> Any:
        monkeypatch.setattr(import_rows, name, inner)
        happening()
        return inner(*arguments)

    monkeypatch.setattr(import_rows, name, call_late)


def test_somebody_erased_while_their_row_is_on_its_way_is_reported_as_erased(monkeypatch: pytest.MonkeyPatch) -> None:
    """The report says what became of the row, not what was planned."""
    with world():
        known(0, 1)
        import_id = ask("overwrite", rows(0, 1))
        once_before(monkeypatch, "apply_envelopes", lambda: call("DELETE", "/profiles/user_id%3Au0"))
        jobs.work_jobs(lambda: 60_000, reread)
        assert [one["outcome"] for one in report(import_id)] == ["erased", "updated"]
        assert person("user_id:u0") is None


class Meeting:
    """Lets something happen between two of the product's calls."""

    def __init__(self, aws: StrictAws, happenings: dict[int, Callable[[], None]]) -> None:
        self.aws, self.happenings, self.calls, self.inner = aws, happenings, 0, aws.backend
        self.busy = False
        aws.backend = self._call

    def _call(self, client: Any, operation: str, arguments: dict[str, Any]) -> Any:
        if self.busy:
            return self.inner(client, operation, arguments)
        self.calls += 1
        happening = self.happenings.pop(self.calls, None)
        if happening is not None:
            self.busy = True
            happening()
            self.busy = False
        return self.inner(client, operation, arguments)

    def end(self) -> None:
        """Whatever did not happen yet happens now."""
        self.busy = True
        for happening in self.happenings.values():
            happening()


def _meeting(seed: int) -> None:
    """An import of people some of whom are erased and some of whom are heard of again, at moments drawn from the seed."""
    dice = random.Random(seed)
    with world() as (aws, memory):
        known(0, 1, 2, 3)
        batch(*(page(f"before-{n}", userId=f"u{n}") for n in range(6)))  # on the queue, received before anything else
        mode = dice.choice(["overwrite", "overwrite", "skip", "insert"])
        import_id = ask(mode, rows(*range(6)))
        erased = dice.sample(range(6), 2)
        back = dice.choice(erased)
        deletes: dict[int, tuple[int, int]] = {}  # when each was erased, and the epoch since

        def delete(n: int) -> Callable[[], None]:
            def happen() -> None:
                Clock.now += 1_000
                if call("DELETE", f"/profiles/user_id%3Au{n}")[0] == 202:
                    deletes[n] = (Clock.now, user(f"u{n}").epoch)
                    Clock.now += 20_000
                    if n == back:
                        batch(page(f"after-{n}", userId=f"u{n}"))

            return happen

        span = 150
        moments = dice.sample(range(1, span), 5)
        happenings: dict[int, Callable[[], None]] = dict(
            zip(moments, [*map(delete, erased), *[_flush] * 3], strict=True)
        )
        meeting = Meeting(aws, happenings)
        while jobs.work_jobs(lambda: 60_000, reread) and _status(import_id) not in ("done", "failed"):
            Clock.now += 100_000
        meeting.end()
        drain_all()
        finish(import_id)
        _check(seed, import_id, mode, deletes, back)
        assert not {leaf: some for leaf, some in faults(memory).items() if some != {"old_life"}}, seed


def _flush() -> None:
    drain_all()


def _status(import_id: str) -> str:
    return str(call("GET", f"/jobs/{import_id}")[1]["status"])


def _check(seed: int, import_id: str, mode: str, deletes: dict[int, tuple[int, int]], back: int) -> None:
    found = counts(import_id)
    lines = report(import_id)
    assert (sum(found.values()), [one["row"] for one in lines]) == (6, [2, 3, 4, 5, 6, 7]), seed
    assert Counter(one["outcome"] for one in lines) == found, seed
    for n in range(6):
        contact, leaf = person(f"user_id:u{n}"), user(f"u{n}")
        if n in deletes:
            # Invariant 7: of what was received before the delete nothing is there; what came later is.
            assert leaf.counts == ({"pagevisit": 1} if n == back else {}), (seed, n)
            assert contact == ({} if n == back else None), (seed, n)
            continue
        whole = {"first_name": f"New{n}", "city": f"Newtown{n}"}
        old = {"first_name": f"Old{n}", "city": f"Oldtown{n}"} if n < 4 else {}
        outcome = lines[n]["outcome"]
        assert contact == (whole if outcome in ("inserted", "updated") else old), (seed, n, outcome)
        assert leaf.counts == {"pagevisit": 2 if n < 4 else 1}, (seed, n)


@pytest.mark.parametrize("block", range(8))
def test_an_erasure_wins_over_an_import_and_a_flush_in_every_order(block: int) -> None:
    """Invariants 3 and 7; the outcomes sum to the rows; no row is half there."""
    for seed in range(block * 25, block * 25 + 25):
        _meeting(seed)


def test_a_long_import_dies_again_and_again_and_is_exact() -> None:
    """20 000 rows in slices; every death is somewhere else."""
    people, dice = 20_000, random.Random(7)
    addresses = [f"p{n if n % 10 else n // 20}@b.c" for n in range(people)]
    csv = "".join(f"{one},First{n},{'x' * (n % 30)}\n" for n, one in enumerate(addresses))
    with world() as (aws, memory):
        import_id = make("E,F,C\n" + csv)["import_id"]
        call("POST", f"/imports/{import_id}/start")
        deaths = 0
        while _status(import_id) not in ("done", "failed"):
            lost = Fault("*", dice.randrange(20_000), LOST)  # the client tries again, and the slice goes on
            death = Fault("*", dice.randrange(20_000), dice.choice([RAISE_BEFORE, RAISE_AFTER]))
            aws.reset(Plan(faults=(lost, death)))
            try:
                jobs.work_jobs(lambda: 60_000, reread)
            except Died:
                deaths += 1
            aws.reset()
            Clock.now += 100_000
        found = counts(import_id)
        assert deaths > 3
        assert found["inserted"] == len(set(addresses))
        assert sum(found.values()) == people
        roots = sorted(filter(is_leaf_id, memory.table("ProfilesTable").partitions))
        assert len(roots) == len(set(addresses))
        assert not any(map(examine, dice.sample(roots, 50)))
