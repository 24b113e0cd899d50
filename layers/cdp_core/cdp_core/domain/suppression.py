"""Suppression: from when to when a person's events are refused. Only when an event was received decides, so order never does."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from cdp_core.domain.erasure import TOMBSTONE_TTL_MS, Asked
from cdp_core.domain.leaf import Interval, Leaf
from cdp_core.domain.times import CLOCK_MARGIN_MS

MAX_INTERVALS = 10
_FORGET_MS = TOMBSTONE_TTL_MS  # no message is as old as this


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """Leaves that were suppressed together and are lifted together: those of one profile, or one that nobody has yet.

    `head` is the first of them and gives the suppression its name; `since` in ms; `by` is who asked, `erasure` the job of the
    erasure that it came with, if any.
    """

    head: str
    since: int
    leaves: tuple[str, ...]
    reason: str = ""
    by: str = ""
    erasure: str = ""


def is_suppressed(intervals: Iterable[Interval], received_at: int) -> bool:
    """Whether an event received then (ms) is refused."""
    return any(since <= received_at and (until == 0 or received_at < until) for since, until in intervals)


def is_in_doubt(intervals: Iterable[Interval], received_at: int) -> bool:
    """Whether clocks cannot tell if an event was received before a suppression began: somebody may have stored it already."""
    return any(since <= received_at < since + 2 * CLOCK_MARGIN_MS for since, _ in intervals)


def begun(intervals: Sequence[Interval], *, since: int) -> tuple[Interval, ...]:
    """The intervals with a new one that is open; no more than MAX_INTERVALS, the oldest two becoming one beyond that."""
    kept = [*(one for one in intervals if one[1] > since - _FORGET_MS), (since, 0)]
    while len(kept) > MAX_INTERVALS:
        kept[:2] = [(kept[0][0], kept[1][1])]
    return tuple(kept)


def lifted(intervals: Sequence[Interval], *, at: int) -> tuple[Interval, ...]:
    """The intervals with the open one ended: what was received inside it stays refused, whenever it is processed."""
    since, _ = intervals[-1]
    return (*intervals[:-1], (since, max(at, since + 1)))


def suppressions_of(members: Iterable[Leaf], *, asked_at: int, asked: Asked, erasure: str = "") -> list[Suppression]:
    """One suppression for each profile that these leaves are, of those leaves that no other one holds already.

    It begins before it was asked for (ms): nothing received after the answer may pass, and two clocks may be five seconds off each.
    """
    known = {leaf.id: leaf for leaf in members}
    profiles: dict[str, list[str]] = {}
    for leaf in known.values():
        if leaf.suppressed_since is None:
            profiles.setdefault(_root(leaf, known), []).append(leaf.id)
    return [
        Suppression(
            head=min(names),
            since=asked_at - CLOCK_MARGIN_MS,
            leaves=tuple(sorted(names)),
            reason=asked.reason,
            by=asked.by,
            erasure=erasure,
        )
        for names in profiles.values()
    ]


def as_one(many: Sequence[Suppression]) -> Suppression:
    """Several suppressions that begin at once as a single one: leaves of one person whom nothing links any more."""
    together = sorted(leaf for one in many for leaf in one.leaves)
    return replace(many[0], head=together[0], leaves=tuple(together))


def _root(leaf: Leaf, known: Mapping[str, Leaf]) -> str:
    while leaf.parent is not None and leaf.parent in known:
        leaf = known[leaf.parent]
    return leaf.id
