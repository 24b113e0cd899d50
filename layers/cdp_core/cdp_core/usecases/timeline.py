"""A profile's activities over all its leaves, in time order, page by page."""

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from cdp_core import clock
from cdp_core.domain.activity import Row, describe
from cdp_core.domain.leaf import Leaf
from cdp_core.domain.times import FUTURE_MS, USABLE_FROM
from cdp_core.tables import activities, catalogue
from cdp_core.usecases.paging import MAX_EXAMINED, Candidate, Page, Position, take

_CHUNK = 200  # rows a query asks for where most of them may be of other types


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Which activities: of one type or all, from `since` up to `until` (ms), at most `limit`.

    `position` is the sort key and the leaf of the last row examined.
    """

    type: str | None = None
    since: int = USABLE_FROM
    until: int | None = None
    newest_first: bool = True
    limit: int = 25
    position: Position | None = None


def read(leaves: Iterable[Leaf], ask: Ask) -> Page:
    """One page of the timeline of these leaves, whose epochs the caller has just read."""
    names = catalogue.remembered().type_names()
    streams = [_stream(leaf, ask) for leaf in leaves]
    rows = heapq.merge(*streams, key=lambda one: one[0], reverse=ask.newest_first)
    return take((_candidate(position, row, ask, names) for position, row in rows), limit=ask.limit, start=ask.position)


def _candidate(position: Position, row: Row, ask: Ask, names: Mapping[str, str]) -> Candidate:
    is_stub = row.position is not None  # its copy is shown instead, where the stub says
    is_wanted = not is_stub and ask.type in (None, row.type)
    return position, describe(row, names) if is_wanted else None


def _stream(leaf: Leaf, ask: Ask) -> Iterator[tuple[Position, Row]]:
    """The leaf's rows in order, read lazily: more are asked for only when these are used up."""
    low, high = _bounds(leaf.id, ask)
    chunk = ask.limit + 1 if ask.type is None else min(_CHUNK, MAX_EXAMINED)
    rows = activities.timeline(leaf.id, leaf.epoch, low=low, high=high, newest_first=ask.newest_first, limit=chunk)
    for row in rows:
        yield (activities.row_sort_key(row), leaf.id), row


def _bounds(leaf: str, ask: Ask) -> tuple[str, str]:
    """The sort keys between which this leaf's rows lie: low is included, high is not."""
    until = ask.until if ask.until is not None else clock.now_ms() + FUTURE_MS
    low, high = activities.sort_key(ask.since), activities.sort_key(until)
    if ask.position is None:
        return low, high
    key, last_leaf = ask.position
    if ask.newest_first:
        return low, min(high, key + "\0" if leaf < last_leaf else key)
    return max(low, key if leaf > last_leaf else key + "\0"), high
