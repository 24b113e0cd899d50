"""The flush: drains the queue in a rhythm inside its minute, works off jobs between drains, starts workers for a backlog."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from cdp_core import queue, workers
from cdp_core.config import settings
from cdp_core.errors import Unavailable
from cdp_core.observability import count, logger
from cdp_core.usecases.apply_envelopes import STOP_MS, RemainingMs
from cdp_core.usecases.drain import Drained, drain
from cdp_core.usecases.hold import Reread
from cdp_core.usecases.jobs import work_jobs

_LEAST_RUN_MS = STOP_MS + 1_000
_MESSAGES_A_WORKER = 2_000
_ALWAYS = ("envelopes", "events", "activities", "leaves", "duplicates", "dead_letters")


@dataclass(frozen=True, slots=True)
class Invocation:
    """What the flush knows of the process that runs it: the time left (ms), its own name, whether it is a worker.

    `reread` reads a refused event's original text again, for redrives.
    """

    remaining_ms: RemainingMs
    function_name: str
    is_worker: bool
    reread: Reread


def flush(invocation: Invocation, *, sleep: Callable[[float], None] = time.sleep) -> Counter[str]:
    """Runs until the invocation's time is up, or until there is nothing to do where that is the setting. Returns what was done.

    Raises Unavailable if the queue cannot be read; jobs had their turn even so.
    """
    total: Counter[str] = Counter()
    interval, started = settings().flush_interval_seconds, time.monotonic()
    ticks = 0
    while True:
        messages = _drain(invocation, total)
        if invocation.is_worker:
            return total
        ticks = max(ticks + 1, int((time.monotonic() - started) // interval))
        due = started + ticks * interval
        slices = work_jobs(lambda due=due: _until(due, invocation), invocation.reread)  # type: ignore[misc]
        total["job_slices"] += slices
        wait = max(0.0, due - time.monotonic())
        is_idle = not messages and not slices
        if (settings().flush_idle == "thrifty" and is_idle) or wait * 1000 + _LEAST_RUN_MS > invocation.remaining_ms():
            return total
        sleep(wait)


def _until(due: float, invocation: Invocation) -> int:
    """How long a slice of a job may take (ms): until the next drain is due, but two seconds at least."""
    return min(max(2_000, int((due - time.monotonic()) * 1000)), invocation.remaining_ms() - STOP_MS)


def _drain(invocation: Invocation, total: Counter[str]) -> int:
    """How many messages came; none are asked for while the tables are restored. Jobs do not depend on the queue."""
    try:
        return 0 if settings().restoring == "true" else _drain_until_empty(invocation, total)
    except Unavailable:
        if not invocation.is_worker:
            work_jobs(lambda: invocation.remaining_ms() - STOP_MS, invocation.reread)
        raise


def _drain_until_empty(invocation: Invocation, total: Counter[str]) -> int:
    """How many messages came before the queue was empty or the time was up."""
    messages, drained = 0, Drained(full=True)
    asked_for_help = invocation.is_worker
    while drained.full and invocation.remaining_ms() > _LEAST_RUN_MS:
        began = time.monotonic()
        drained = drain(invocation.remaining_ms)
        messages += drained.messages
        total.update(drained.counts)
        _log(drained, milliseconds=int((time.monotonic() - began) * 1000))
        if drained.full and not asked_for_help:
            asked_for_help = True
            total["workers"] += _start_workers(invocation)
    return messages


def _start_workers(invocation: Invocation) -> int:
    """How many workers were asked for. Only the scheduled flush starts workers, and no worker starts another."""
    asked = 0
    try:
        wanted = min(settings().flush_max_workers - 1, queue.backlog() // _MESSAGES_A_WORKER)
        for _ in range(wanted):
            workers.start(invocation.function_name)
            asked += 1
    except Unavailable as error:
        logger().warning("no help with a backlog", extra={"reason": str(error)})
    return asked


def _log(drained: Drained, *, milliseconds: int) -> None:
    if drained.messages:
        counts = {name: drained.counts[name] for name in _ALWAYS} | {n: c for n, c in drained.counts.items() if c}
        logger().info("flush", extra={"messages": drained.messages, "milliseconds": milliseconds, **counts})
        count(**counts)
