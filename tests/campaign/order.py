"""Invariant 4: the state depends on the set of accepted envelopes, not on the order in which they are processed, nor on batching."""

import random
from collections.abc import Callable, Iterator
from itertools import permutations
from typing import Any

from cdp_core.domain.identity import is_leaf_id
from cdp_core.usecases.check import examine
from tests.campaign.world import Weather, World
from tests.double.memory import Memory
from tests.support.product import batch, drain_all

Enter = Callable[[World], None]
_FREE = {"v", "ring", "hz", "lv"}  # what remembers the way, not the state


def six() -> list[dict[str, Any]]:
    """Six events of one person that meet in every rule: visits, details at different times, a link, a claim by somebody else."""
    at = "2026-01-02T00:00:0{}.000Z"
    return [
        {"type": "page", "messageId": "p1", "anonymousId": "anon", "timestamp": at.format(1)},
        {"type": "identify", "messageId": "i1", "anonymousId": "anon", "userId": "42", "traits": {"name": "A", "email": "a@b.c"}, "timestamp": at.format(2)},
        {"type": "track", "messageId": "t1", "userId": "42", "event": "Song Played", "timestamp": "2025-01-02T00:00:03.000Z"},
        {"type": "identify", "messageId": "i2", "userId": "42", "traits": {"name": "B", "plan": "pro"}, "timestamp": at.format(1)},
        {"type": "page", "messageId": "p2", "userId": "42", "anonymousId": "anon", "timestamp": "2090-01-01T00:00:00Z"},
        {"type": "identify", "messageId": "i3", "userId": "43", "anonymousId": "anon", "traits": {"name": "C"}, "timestamp": at.format(6)},
    ]  # fmt: skip


def many(count: int, seed: int) -> list[dict[str, Any]]:
    """So many events of a few people, drawn from a seed; some say the same thing twice."""
    dice = random.Random(seed)
    events = []
    for number in range(count):
        who = dice.choice(({"userId": f"u{dice.randrange(3)}"}, {"anonymousId": f"v{dice.randrange(4)}"}, {"userId": f"u{dice.randrange(3)}", "anonymousId": f"v{dice.randrange(4)}"}))  # fmt: skip
        what = dice.choice(({"type": "page"}, {"type": "track", "event": f"Event {dice.randrange(5)}"}, {"type": "identify", "traits": {f"k{dice.randrange(4)}": dice.randrange(9)}}))  # fmt: skip
        time = f"2026-01-02T00:{dice.randrange(60):02d}:00.000Z"
        events.append(
            {
                **what,
                **who,
                "messageId": f"m{dice.randrange(number + 1) if dice.random() < 0.1 else number}",
                "timestamp": time,
            }
        )
    return events


def envelopes(enter: Enter, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The messages of these events, one each, received one second after the other."""
    world = World(0, Weather(calm=0), page_items=1_000)
    enter(world)
    for event in events:
        world.now += 1
        assert batch(event) == 200
    return list(world.aws.queue("events").values())


def state_after(enter: Enter, groups: list[list[dict[str, Any]]]) -> dict[str, Any]:
    """What the tables hold once these groups of messages came and were drained, one after the other."""
    world = World(0, Weather(calm=0), page_items=1_000)
    enter(world)
    for group in groups:
        for message in group:
            world.aws.queue("events")[message["MessageId"]] = message | {"received": 0, "visible": 0.0}
        drain_all()
    found = {leaf: examine(leaf) for leaf in world.aws.table("ProfilesTable").partitions if is_leaf_id(leaf)}
    return state(world.aws) | {f"{leaf}: the checker finds": faults for leaf, faults in found.items() if faults}


def state(aws: Memory) -> dict[str, Any]:
    """Every item of both tables without what remembers the way: versions, ring, horizon."""
    tables = [aws.table(name) for name in ("ProfilesTable", "ActivitiesTable")]
    items = [item for table in tables for item in table.items() if item["pk"]["S"][0] in "uv"]
    told = {f"{item['pk']['S']} {item['sk']['S']}": _told(item) for item in items}
    return {name: attributes for name, attributes in told.items() if attributes}


def _told(item: dict[str, Any]) -> dict[str, Any]:
    """What an item says; an empty list of children says nothing."""
    free = {"pk", "sk", *_FREE} | ({"ch"} if item.get("ch") == {"N": "0"} else set())
    return {name: value for name, value in item.items() if name not in free}


def all_orders_of_six(enter: Enter) -> Iterator[bool]:
    """For each of the 720 orders of six envelopes, whether the state is that of the first."""
    messages = envelopes(enter, six())
    expected = state_after(enter, [messages])
    for order in permutations(messages):
        yield state_after(enter, [[one] for one in order]) == expected


def shuffles_of_many(enter: Enter, count: int, *, events: int, seed: int) -> Iterator[bool]:
    """For each of `count` shuffles of so many envelopes, batched at random, some repeated, whether the state is the same."""
    messages = envelopes(enter, many(events, seed))
    expected = state_after(enter, [messages])
    dice = random.Random(seed)
    for _ in range(count):
        shuffled = messages + dice.choices(messages, k=events // 20)
        dice.shuffle(shuffled)
        groups = []
        while shuffled:
            size = dice.randint(1, events // 4)
            groups.append(shuffled[:size])
            shuffled = shuffled[size:]
        yield state_after(enter, groups) == expected
