"""The campaigns as tasks: each takes a span of seeds or runs, and returns its figures and what went wrong, ready to be added up."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from tests.campaign import deaths, fuzz, order, sizes
from tests.campaign.configs import CONFIGS, FAULTY
from tests.campaign.mutations import MUTANTS, PREFERRED, broken
from tests.campaign.schedules import Schedule, run
from tests.campaign.world import harness

MUTANT_LIMIT = 5_000


@dataclass(slots=True)
class Result:
    """What a task found: figures to be summed, texts to be listed, and violations with what replays them."""

    part: str
    figures: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)


Task = Callable[[], Result]


def _judge(result: Result, schedule: Schedule, name: str, seed: int) -> None:
    result.figures.update(
        schedules=1, crashes=schedule.world.crashes, calls=schedule.world.calls, vanished=schedule.vanished
    )
    faults = schedule.faults + schedule.world.defects
    if faults:
        result.violations.append(f"{name}, seed {seed}: {faults[0]}")


def schedules(name: str, first: int, count: int) -> Result:
    """So many schedules of one kind."""
    result = Result(f"schedules: {name}")
    with harness() as enter:
        for seed in range(first, first + count):
            _judge(result, run(seed, CONFIGS[name], enter), name, seed)
    return result


def faulty(first: int, count: int) -> Result:
    """So many plans under which 30 % of all calls go wrong."""
    result = Result("faulty AWS")
    with harness() as enter:
        for seed in range(first, first + count):
            schedule = run(seed, FAULTY, enter)
            _judge(result, schedule, "faulty", seed)
            result.figures["answers 503"] += schedule.refused
    return result


def mutant(name: str, limit: int) -> Result:
    """Schedules until the breakage is seen."""
    result = Result("mutations")
    with harness() as enter, broken(name):
        for number in range(limit):
            configs = PREFERRED.get(name, list(CONFIGS))
            config = configs[number % len(configs)]
            caught = _caught(lambda: run(number // len(configs), CONFIGS[config], enter))  # noqa: B023
            if caught:
                result.figures["caught"] = 1
                result.notes.append(f"| {name} | {MUTANTS[name][0]} | {number + 1} | {config} |")
                return result
    result.violations.append(f"{name} survived {limit} schedules")
    return result


def _caught(attempt: Callable[[], Schedule]) -> bool:
    """Whether the schedule ends with a fault, or not at all."""
    try:
        schedule = attempt()
    except Exception:
        return True
    return bool(schedule.faults or schedule.world.defects)


def process_death(part: int, parts: int, pairs: int, seed: int) -> Result:
    """Every parts-th of all deaths at single calls and of so many pairs."""
    result = Result("process death")
    with harness() as enter:
        for number, (name, where) in enumerate(deaths.plans(enter, pairs=pairs, seed=seed)):
            if number % parts == part:
                wrong = deaths.one_run(enter, name, where)
                result.figures.update({"runs": 1, f"runs, {name}": 1, "pairs": len(where) > 1})
                result.violations += [f"{name}, died at {where}: {', '.join(wrong)}"] if wrong else []
    return result


def orders() -> Result:
    """All orders of six envelopes."""
    return _same("permutations", lambda enter: order.all_orders_of_six(enter))


def shuffles(count: int, events: int, seed: int) -> Result:
    """So many shuffles of so many envelopes."""
    return _same("shuffles", lambda enter: order.shuffles_of_many(enter, count, events=events, seed=seed), seed)


def _same(name: str, states: Callable[[order.Enter], Iterator[bool]], seed: int = 0) -> Result:
    result = Result("order")
    with harness() as enter:
        for number, is_same in enumerate(states(enter)):
            result.figures[name] += 1
            if not is_same:
                result.violations.append(f"{name} {number} of seed {seed} ends in another state")
    return result


def size(name: str, measure: Callable[[sizes.Enter], dict[str, int]]) -> Result:
    """One measurement at size; what it asserts is what must hold."""
    result = Result("size")
    with harness() as enter:
        try:
            figures = measure(enter)
            result.notes.append(f"| {name} | {', '.join(f'{key} {value:,}' for key, value in figures.items())} |")
        except AssertionError as error:
            result.violations.append(f"{name}: {error}")
    return result


def fuzzed(kind: str, examples: int, seed: int) -> Result:
    """Hostile requests to the wires, or everything the OpenAPI document allows and forbids."""
    result = Result(f"fuzz: {kind}")
    try:
        figures = fuzz.fuzz_wires(examples, seed) if kind == "wires" else fuzz.fuzz_api(examples, seed)
        result.figures.update(figures)
    except AssertionError as error:
        result.violations.append(f"{kind}, seed {seed}: {error}")
    return result


SIZES: dict[str, Callable[[sizes.Enter], dict[str, int]]] = {
    "hot profile: 1,000 events in one flush, no history": partial(sizes.hot_profile, events=1_000, history=1),
    "hot profile: 1,000 events in one flush, history of 1,000,000": partial(
        sizes.hot_profile, events=1_000, history=1_000_000
    ),
    "hot profile: 10,000 events of 10,000 names": partial(sizes.hot_profile, events=10_000, history=1, names=10_000),
    "backlog of 100,000 events": partial(sizes.backlog, events=100_000, people=1_000, workers=5),
    "erasure of 1,000,000 activities": partial(sizes.erasure, rows=1_000_000, seed=1, crash=0.002),
    "bulk erasure of 10,000 profiles": partial(sizes.bulk_erasure, people=10_000, seed=1, crash=0.002),
}
