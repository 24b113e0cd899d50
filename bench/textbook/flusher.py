"""A flush in a process of its own: fills the queue, then consumes it and measures its own CPU and time.

python -m bench.textbook.flusher textbook|ours|gated LEAVES EVENTS_A_LEAF EVENTS_A_REQUEST [THREADS]
"""

import json
import sys
import time
from collections.abc import Callable
from typing import TextIO

from bench.textbook.contender import HANDLERS, Sink
from bench.textbook.events import People, key_of, request


def _consume(name: str, threads: int | None) -> Callable[[], int]:
    if name == "textbook":
        from bench.textbook.textbook_flush import flush

        return flush
    from cdp_core.usecases import apply_envelopes
    from cdp_core.usecases.drain import drain

    if threads:
        apply_envelopes._THREADS = threads  # type: ignore[misc]
    return lambda: sum(iter(lambda: drain(lambda: 600_000).counts["events"], 0))


def _counted(report: TextIO, what: str) -> None:
    """Says what comes next, and waits until the engine's counts were asked for."""
    print(what, file=report, flush=True)
    sys.stdin.readline()


def main() -> None:
    """Everybody has been here before; then so many events each. Prints events, CPU and seconds of the second flush."""
    name, (leaves, each, size, *threads) = sys.argv[1], map(int, sys.argv[2:])
    report, sys.stdout = sys.stdout, Sink()
    track, consume, people = HANDLERS[name](), _consume(name, threads[0] if threads else None), People(seed=2)
    for count in (1, each):
        _counted(report, "tracking")
        events = [people.event(person) for person in range(leaves) for _ in range(count)]
        for start in range(0, len(events), size):
            track(request(events[start : start + size], key_of(name)))
        _counted(report, "flushing")
        cpu, began = time.process_time(), time.monotonic()
        done = consume()
        figures = {"events": done, "cpu": time.process_time() - cpu, "seconds": time.monotonic() - began}
    print(json.dumps(figures), file=report)


if __name__ == "__main__":
    main()
