"""Measures textbook, ours and floor side by side in one run, and prints a table.

    make bench        or  python -m bench.textbook [--quick] [--write] [--only track]

With --write the table and the picture go into docs/performance.md and docs/performance.svg. Ratios of one run mean something,
absolute times only on the machine that printed them.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "layers" / "cdp_core")]

from bench.textbook import cold, cost, running  # noqa: E402
from bench.textbook.picture import svg  # noqa: E402
from bench.textbook.report import Report  # noqa: E402
from bench.textbook.units import units  # noqa: E402

NAMES = ["textbook", "ours", "visitor", "gated", "floor", "logs"]
SIZES = {1: 200, 10: 60, 20: 40, 100: 20}  # events a request, and requests a round
LEAVES, EACH = 200, 5
SHAPES = ((5, 100), (1, 100), (5, 1), (1, 1))  # events a person, and a request
THREADS = (1, 4, 8, 16, 32, 64)
WAIT_MS = 6
PARALLEL = {"textbook": 1, "ours": 32, "gated": 32}  # calls that wait side by side


BySize = dict[int, dict[str, float]]


def track(environment: dict[str, str], rounds: int) -> tuple[BySize, BySize]:
    """CPU (us) and bytes of logs of an event, by events a request and contender: medians of rounds in which all take turns."""
    found: dict[int, dict[str, list[float]]] = {size: {name: [] for name in NAMES} for size in SIZES}
    logs: BySize = {size: {} for size in SIZES}
    running.told(environment, "Can")
    with running.contenders(NAMES, environment) as all_of_them:
        for turn in range(rounds + 1):
            _progress(f"track, round {turn} of {rounds}")
            for size, requests in SIZES.items():
                for name, one in all_of_them.items():
                    cpu, logs[size][name] = one.measured(size, requests)
                    found[size][name] += [cpu] if turn else []  # the first warms up
    medians = {size: {name: statistics.median(values) for name, values in of.items()} for size, of in found.items()}
    return medians, logs


def flush(rounds: int, each: int, size: int) -> dict[str, float]:
    """CPU of an event in seconds, by contender."""
    found: dict[str, list[float]] = {"textbook": [], "ours": []}
    for turn in range(rounds):
        _progress(f"flush, {each} events a person, {size} a request, round {turn + 1} of {rounds}")
        for name, values in found.items():
            with running.endpoint() as own:
                figures = running.flushed(name, own, LEAVES, each, size).figures
            values.append(figures["cpu"] / figures["events"])
    return {name: statistics.median(values) for name, values in found.items()}


def threads(numbers: Iterable[int]) -> dict[int, tuple[float, float]]:
    """Events a second and CPU of an event (seconds) by threads, where DynamoDB answers after WAIT_MS."""
    found = {}
    for number in numbers:
        _progress(f"flush, {number} threads")
        with running.endpoint() as own:
            running.told(own, "Wait", milliseconds=WAIT_MS)
            figures = running.flushed("ours", own, LEAVES, EACH, 100, number).figures
        found[number] = (figures["events"] / figures["seconds"], figures["cpu"] / figures["events"])
    return found


def costs(cpu: BySize, logs: BySize) -> dict[tuple[str, int], dict[str, float]]:
    """Dollars for a million events, by contender and events a request."""
    found = {}
    for name in ("textbook", "ours", "gated"):
        for size in (1, 20, 100):
            _progress(f"cost, {name}, {size} events a request")
            with running.endpoint() as own:
                counted = _counted(size, running.flushed(name, own, LEAVES, EACH, size), units(name, EACH, size))
            counted |= {"track_cpu": cpu[size][name] / 1e6, "log_bytes": logs[size][name]}
            found[name, size] = cost.dollars(cost.Counted(**counted, parallel=PARALLEL[name]))
    return found


def _counted(size: int, done: running.Flushed, units_: tuple[float, float]) -> dict[str, Any]:
    """What an event needs, from what the flush measured and the engine was asked."""
    events = done.figures["events"]
    billed = sum(
        counts[name] * cost.chunks(counts[f"{name} bytes"] / counts[name])
        for counts in (done.track, done.flush)
        for name in ("SendMessage", "SendMessageBatch", "ReceiveMessage", "DeleteMessageBatch")
        if counts.get(name)
    )
    return {
        "requests": 1 / size,
        "track_calls": _calls(done.track) / events,
        "flush_calls": _calls(done.flush) / events,
        "sqs_chunks": billed / events,
        "writes": units_[0],
        "reads": units_[1],
        "flush_cpu": done.figures["cpu"] / events,
    }


def _calls(counts: dict[str, int]) -> int:
    return sum(number for operation, number in counts.items() if "bytes" not in operation)


def main() -> None:
    """Measures, prints, and writes if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="one round of each, to see that it runs; no instructions are counted"
    )
    parser.add_argument("--write", action="store_true", help="regenerates docs/performance.md and its picture")
    parser.add_argument("--only", choices=["track"], help="only the tracking request and its start")
    given = parser.parse_args()
    rounds, shapes, numbers = (1, SHAPES[:1], THREADS[-2:-1]) if given.quick else (9, SHAPES, THREADS)
    began = time.monotonic()
    with running.endpoint() as environment:
        cpu, logs = track(environment, rounds)
        _progress("starts")
        with cold.compiled(environment) as ready:
            report = Report(cpu, cold.milliseconds(ready, rounds), {} if given.quick else cold.instructions(ready))
    if given.only != "track":
        report.flush = {shape: flush(1 if given.quick else 3, *shape) for shape in shapes}
        report.threads = threads(numbers)
        report.units = {each: [units(name, each, 20) for name in ("textbook", "ours", "gated")] for each in (1, 5)}
        report.costs = costs(cpu, logs)
    print(report.text())
    _progress(f"done in {time.monotonic() - began:.0f} s")
    if given.write:
        (ROOT / "docs" / "performance.svg").write_text(svg(report.bars()))
        page = ROOT / "docs" / "performance.md"
        head, _, _ = page.read_text().partition("<!-- measured -->")
        page.write_text(f"{head}<!-- measured -->\n\n{report.text()}\n")


def _progress(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
