"""Runs all campaigns on all cores, prints their figures, and with --write puts them into docs/reliability.md.

make campaign                             # the default size
make campaign SCHEDULES=500000 SEED=7     # another one
"""

import argparse
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from functools import partial

from tests.campaign import report, tasks
from tests.campaign.configs import CONFIGS
from tests.campaign.mutations import MUTANTS
from tests.campaign.tasks import MUTANT_LIMIT, Result, Task

_CHUNK = 500


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Campaigns: every size by an option.", prog="python -m tests.campaign")
    parser.add_argument("--schedules", type=int, default=50_000, help="random schedules in all")
    parser.add_argument("--deaths", type=int, default=2_000, help="pairs of process deaths, besides one at every call")
    parser.add_argument("--plans", type=int, default=1_000, help="plans of a faulty AWS")
    parser.add_argument("--shuffles", type=int, default=1_000, help="shuffles of 200 envelopes")
    parser.add_argument("--fuzz", type=int, default=5_000, help="hostile requests to the wires")
    parser.add_argument("--fuzz-api", type=int, default=40, help="right and wrong requests an API operation")
    parser.add_argument(
        "--mutant-limit", type=int, default=MUTANT_LIMIT, help="schedules in which a breakage must be seen"
    )
    parser.add_argument("--seed", type=int, default=0, help="first seed")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/reliability.md")
    return parser.parse_args()


def _tasks(options: argparse.Namespace) -> Iterator[Task]:
    """Everything there is to do, the longest first."""
    each = -(-options.schedules // len(CONFIGS))
    for name in reversed(CONFIGS):
        for first in range(options.seed, options.seed + each, _CHUNK):
            yield partial(tasks.schedules, name, first, min(_CHUNK, options.seed + each - first))
    yield from (partial(tasks.size, name, measure) for name, measure in tasks.SIZES.items())
    yield from (partial(tasks.process_death, part, 8, options.deaths, options.seed) for part in range(8))
    for first in range(options.seed, options.seed + options.plans, _CHUNK):
        yield partial(tasks.faulty, first, min(_CHUNK, options.seed + options.plans - first))
    yield partial(tasks.fuzzed, "wires", options.fuzz, options.seed)
    yield partial(tasks.fuzzed, "api", options.fuzz_api, options.seed)
    yield tasks.orders
    yield from (partial(tasks.shuffles, options.shuffles // 4, 200, options.seed + part) for part in range(4))
    yield from (partial(tasks.mutant, name, options.mutant_limit) for name in MUTANTS)


def _gather(futures: list[Future[Result]], began: float) -> dict[str, Result]:
    """The results by part, with a line of progress for each task that ends."""
    parts: dict[str, Result] = {}
    for number, future in enumerate(as_completed(futures), 1):
        result = future.result()
        total = parts.setdefault(result.part, Result(result.part))
        total.figures.update(result.figures)
        total.notes += result.notes
        total.violations += result.violations
        figures = ", ".join(f"{name} {n:,}" for name, n in result.figures.items() if n) or "; ".join(result.notes)
        print(f"{time.monotonic() - began:6.0f} s  {number}/{len(futures)}  {result.part}: {figures}", flush=True)
        for violation in result.violations:
            print(f"          VIOLATION {violation}", flush=True)
    return parts


def main() -> None:
    """Ends with 1 if anything did not hold."""
    if os.environ.get("PYTHONHASHSEED") != "0":  # sets of texts are in the same order in every run, so a seed replays
        os.execve(
            sys.executable,
            [sys.executable, "-m", "tests.campaign", *sys.argv[1:]],
            os.environ | {"PYTHONHASHSEED": "0"},
        )
    options, began = _options(), time.monotonic()
    with ProcessPoolExecutor(os.cpu_count(), mp_context=multiprocessing.get_context("fork")) as pool:
        parts = _gather([pool.submit(task) for task in _tasks(options)], began)
    text = report.render(parts, options, seconds=time.monotonic() - began)
    print("\n" + text)
    if options.write:
        report.PAGE.write_text(text)
    sys.exit(bool(Counter(len(part.violations) for part in parts.values()).keys() - {0}))


if __name__ == "__main__":
    main()
