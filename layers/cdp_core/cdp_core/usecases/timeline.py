"""A profile's activities over all its leaves, in time order, page by page."""

import heapq
import time
from collections.abc import Iterator
from dataclasses import dataclass

from cdp_core.domain.activity import Row
from cdp_core.domain.times import FUTURE_MS, USABLE_FROM
from cdp_core.tables import activities
from cdp_core.usecases.profiles import Profile

MAX_EXAMINED = 1_000  # rows a page, so that a rare type in a long history answers soon with a short page

Position = tuple[str, str]  # the sort key and the leaf of the last row examined


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Which activities: of one type or all, from `since` up to `until` (ms), at most `limit`, behind `position`."""

    type: str | None = None
    since: int = USABLE_FROM
    until: int | None = None
    newest_first: bool = True
    limit: int = 25
    position: Position | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Rows, and where to go on; None at the end."""

    rows: list[Row]
    position: Position | None


def read(profile: Profile, ask: Ask) -> Page:
    """One page of the timeline; short where MAX_EXAMINED rows did not hold enough of the wanted type."""
    found: list[Row] = []
    position = ask.position
    for examined, (row, leaf) in enumerate(_rows(profile, ask)):
        if len(found) == ask.limit or examined == MAX_EXAMINED:
            return Page(found, position)
        position = (activities.row_sort_key(row), leaf)
        if ask.type in (None, row.type):
            found.append(row)
    return Page(found, None)


def _rows(profile: Profile, ask: Ask) -> Iterator[tuple[Row, str]]:
    """All wanted rows of all leaves in order, read lazily: a leaf is asked for more only when its rows are used up."""
    streams = [_stream(leaf.id, leaf.epoch, ask) for leaf in profile.leaves]
    yield from heapq.merge(
        *streams,
        key=lambda pair: (activities.row_sort_key(pair[0]), pair[1]),
        reverse=ask.newest_first,
    )


def _stream(leaf: str, epoch: int, ask: Ask) -> Iterator[tuple[Row, str]]:
    low, high = _bounds(leaf, ask)
    size = min(ask.limit + 1, MAX_EXAMINED) if ask.type is None else 200
    while True:
        rows = activities.timeline(leaf, epoch, low=low, high=high, newest_first=ask.newest_first, limit=size)
        yield from ((row, leaf) for row in rows)
        if len(rows) < size:
            return
        last = activities.row_sort_key(rows[-1])
        low, high = (low, last) if ask.newest_first else (last + "\0", high)


def _bounds(leaf: str, ask: Ask) -> tuple[str, str]:
    """The sort keys between which this leaf's rows lie: low is included, high is not."""
    until = ask.until if ask.until is not None else time.time_ns() // 1_000_000 + FUTURE_MS
    low, high = activities.sort_key(ask.since), activities.sort_key(until)
    if ask.position is None:
        return low, high
    key, last_leaf = ask.position
    if ask.newest_first:
        return low, min(high, key + "\0" if leaf < last_leaf else key)
    return max(low, key if leaf > last_leaf else key + "\0"), high
