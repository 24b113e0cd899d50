"""One line a drain of the flush, read from the functions' logs while they run."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

_SHOWN = ("envelopes", "events", "activities", "leaves", "duplicates", "dead_letters")
_TROUBLE = ("ERROR", "CRITICAL")
_POLL_SECONDS = 0.2
_LOGS_POLL_SECONDS = 2.0
_LATE_MS = 180_000
_EVENT = ("timestamp", "logStreamName", "message")  # together they name a log event; not every engine gives ids

Stopped = Callable[[], bool]


def describe(line: str) -> str | None:
    """What to print of a log line: a drain's counts, an error; None for everything else."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    if not isinstance(entry, dict):
        return None
    if entry.get("message") == "flush" and "events" in entry:
        return _drain(entry)
    if entry.get("level") in _TROUBLE:
        return f"{entry['level'].lower()}: {entry.get('message')} {entry.get('exception', '')}".rstrip()
    return None


def _drain(entry: dict[str, Any]) -> str:
    counts = [f"{entry.get(name, 0)} {name.replace('_', ' ')}" for name in _SHOWN]
    return f"{time.strftime('%H:%M:%S')} flush: {', '.join(counts)} in {entry.get('milliseconds', 0)} ms"


def follow_file(path: Path, stopped: Stopped) -> Iterator[str]:
    """The lines of a growing file until `stopped`; a line that is still being written waits for its end."""
    with path.open(encoding="utf-8", errors="replace") as file:
        rest = ""
        while not stopped():
            rest += file.read()
            *lines, rest = rest.split("\n")
            yield from lines
            time.sleep(_POLL_SECONDS)


def follow_group(logs: Any, group: str, stopped: Stopped) -> Iterator[str]:
    """The new messages of a CloudWatch log group until `stopped`; an engine may hand them over a minute late."""
    began, seen = _now(), set[tuple[str, ...]]()
    while not stopped():
        since = max(began, _now() - _LATE_MS)
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=since)
        events = {tuple(str(event[name]) for name in _EVENT): event for page in pages for event in page["events"]}
        yield from (line for key in events if key not in seen for line in str(events[key]["message"]).splitlines())
        seen = set(events)
        time.sleep(_LOGS_POLL_SECONDS)


def _now() -> int:
    return time.time_ns() // 1_000_000
