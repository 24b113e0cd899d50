"""Refused events by the thousand: they keep nobody's ordinary events waiting, and end in a bounded number of drains."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from cdp_core import queue
from cdp_core.aws import TRIES
from cdp_core.tables import dead_letters, leaves
from cdp_core.tables.dynamo import StoreRefused
from cdp_core.usecases.apply_envelopes import STOP_MS
from cdp_core.usecases.drain import drain
from tests.double import Fault, Plan, StrictAws, strict_aws
from tests.double.faults import THROTTLE
from tests.double.memory import Memory
from tests.support.product import batch, drain_all, leaf_of, seed_keys, user

CALL_MS = 6
EVENTS = 250


@pytest.fixture
def memory() -> Memory:
    """Where everything is."""
    return Memory()


@pytest.fixture
def world(memory: Memory) -> Iterator[StrictAws]:
    """The product in memory."""
    with strict_aws(memory=memory) as aws:
        seed_keys()
        yield aws


def refused(n: int) -> dict[str, Any]:
    """An event without a name, of a person of its own."""
    return {"type": "track", "event": "", "userId": f"u{n}", "messageId": f"m{n}"}


def page(message_id: str, person: str) -> dict[str, Any]:
    """A page visit."""
    return {"type": "page", "messageId": message_id, "userId": person, "timestamp": "2026-01-02T03:04:05.678Z"}


def run(aws: StrictAws, memory: Memory, *, life_ms: int = 60_000) -> Counter[str]:
    """One drain by a process that has so long, at CALL_MS a call; what was not deleted comes back behind it."""
    aws.reset()
    counts = drain(lambda: life_ms - CALL_MS * len(aws.calls)).counts
    later = memory.now() + 1_000
    memory.now = lambda: later
    return counts


def letters(aws: StrictAws) -> list[str]:
    """The message ids of all dead letters; each has its place in the index."""
    items = aws.items("activities")
    found = [one for one in items if one["sk"]["S"].startswith("dead#")]
    places = [one for one in items if one["pk"]["S"].startswith("dead#")]
    assert {one["sk"]["S"] for one in places} == {one["sk"]["S"].removeprefix("dead#") for one in found}
    return sorted(json.loads(one["original"]["S"])["messageId"] for one in found)


def test_refused_events_cost_two_writes_each_and_a_hundredth_of_a_read(world: StrictAws, memory: Memory) -> None:
    """Their leaves are read together, each in no call of its own."""
    batch(*map(refused, range(EVENTS)))
    assert run(world, memory)["dead_letters"] == EVENTS
    calls = Counter(world.calls)
    assert (calls["PutItem"], calls["GetItem"], calls["BatchGetItem"]) == (2 * EVENTS, 0, 3)


def test_neighbours_of_refused_events_are_applied_first_and_the_flood_ends_in_a_few_drains(
    world: StrictAws, memory: Memory
) -> None:
    """Each drain has time for less than half of the letters, and the next one goes on where it stopped."""
    batch(*map(refused, range(EVENTS)))
    batch(page("n", "neighbour"))
    life = STOP_MS + 250 * CALL_MS
    first = run(world, memory, life_ms=life)
    assert user("neighbour").counts == {"pagevisit": 1}
    assert (first["envelopes"], first["returned"]) == (1, 1)
    buried = [first["dead_letters"]]
    while queue.backlog():
        assert len(buried) < 4
        buried.append(run(world, memory, life_ms=life)["dead_letters"])
    assert letters(world) == sorted(f"m{n}" for n in range(EVENTS))
    assert sum(buried) == EVENTS


def test_a_drain_without_time_for_letters_deletes_nothing_of_theirs(world: StrictAws, memory: Memory) -> None:
    """Accepted is durable: the message stays until all of its letters are stored. Only what 32 threads had begun goes on."""
    batch(*map(refused, range(EVENTS)))
    assert run(world, memory, life_ms=STOP_MS + 10 * CALL_MS)["returned"] == 1
    assert world.calls.count("PutItem") <= 10 + 2 * 32
    assert queue.backlog() == 1


@pytest.mark.parametrize("operation", ["BatchGetItem", "PutItem"])
def test_a_store_that_fails_a_burial_costs_its_message_another_try(
    operation: str, world: StrictAws, memory: Memory
) -> None:
    """Also where the leaves could not be read: what was applied before is deleted all the same."""
    batch(refused(1), refused(2))
    batch({"type": "page", "messageId": "n"})
    world.reset(Plan(faults=tuple(Fault(operation, number, THROTTLE) for number in range(6 * TRIES))))
    assert drain(lambda: 60_000).counts["returned"] > 0
    memory.now = lambda: 1_000.0
    world.reset()
    drain_all()
    assert letters(world) == ["m1", "m2", "n"]


def test_a_letter_that_the_store_calls_invalid_returns_with_its_message_and_no_other(
    world: StrictAws, memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends on the dead-letter queue of SQS, which is for what the flush cannot do."""
    bury = dead_letters.bury

    def strict(letter: Any, **options: Any) -> None:
        if '"m1"' in letter.original:
            raise StoreRefused("invalid")
        bury(letter, **options)

    monkeypatch.setattr(dead_letters, "bury", strict)
    batch(refused(1), page("n", "1"))
    batch(refused(2), page("n", "2"))
    assert run(world, memory)["returned"] == 1
    assert letters(world) == ["m2"]
    assert (user("1").counts, user("2").counts) == ({"pagevisit": 1}, {"pagevisit": 1})


def test_a_refused_event_of_an_expiring_tombstone_wakes_it(world: StrictAws, memory: Memory) -> None:
    """Protocol 2b: nothing is stored under a tombstone that has a TTL."""
    leaf = leaf_of("user_id", "u1")
    memory.table("ProfilesTable").set(
        {"pk": {"S": leaf}, "sk": {"S": leaves.HOT}},
        {"pk": {"S": leaf}, "sk": {"S": leaves.HOT}, "ep": {"N": "1"}, "lv": {"N": "1"}, "ttl": {"N": "5"}},
    )
    batch(refused(1))
    assert run(world, memory)["dead_letters"] == 1
    assert leaves.load(leaf).ttl is None
