"""How a leaf counts its rows exactly once (protocol sections 1 and 2).

An activity belongs to the envelope that first stored it, and the leaf remembers which envelopes it has counted.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from cdp_core.domain.activity import Row
from cdp_core.domain.leaf import Leaf, earliest, latest

RING_SIZE = 32
RING_AGE_MS = 15 * 60 * 1000
TRIES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What an envelope owns in one leaf: its rows, and whether all of them were new in this attempt."""

    key: bytes
    received_at: int
    rows: tuple[Row, ...]
    fresh: bool


def evict(ring: frozenset[bytes], horizon: bytes) -> tuple[frozenset[bytes], bytes]:
    """Ring and horizon after the smallest keys beyond RING_SIZE, and those RING_AGE_MS older than the newest, went."""
    keys = sorted(ring)
    newest = _millis(keys[-1]) if keys else 0
    kept = [key for key in keys[-RING_SIZE:] if _millis(key) > newest - RING_AGE_MS]
    gone = keys[: len(keys) - len(kept)]
    return frozenset(kept), max([horizon, *gone])


def uncounted(leaf: Leaf, claims: Iterable[Claim]) -> list[Claim]:
    """The claims that own rows and are not known to be counted."""
    return [claim for claim in claims if claim.rows and claim.key not in leaf.ring]


def in_doubt(leaf: Leaf, todo: Iterable[Claim], *, first_try: bool) -> bool:
    """Whether a claim may have been counted and forgotten: only a recount can tell then."""
    return any(claim.key <= leaf.horizon and not (first_try and claim.fresh) for claim in todo)


def remember(leaf: Leaf, todo: Iterable[Claim]) -> Leaf:
    """The leaf with these claims in its ring."""
    ring, horizon = evict(leaf.ring | {claim.key for claim in todo}, leaf.horizon)
    return leaf._replace(ring=ring, horizon=horizon)


def forget(leaf: Leaf, horizon: bytes) -> Leaf:
    """The leaf with an empty ring below this horizon: what a repair counts anew needs no memory."""
    return leaf._replace(ring=frozenset(), horizon=horizon)


def add_counts(leaf: Leaf, rows: Iterable[Row]) -> Leaf:
    """The leaf with these rows counted on top of what it has."""
    rows = list(rows)
    counts = Counter(dict(leaf.counts))
    counts.update(row.type for row in rows)
    return _seen(leaf, rows)._replace(counts=dict(counts))


def recount(leaf: Leaf, rows: Iterable[Row]) -> Leaf:
    """The leaf counted anew from all its rows; `leaf` already has the ring and horizon it will be stored with."""
    rows = [row for row in rows if row.envelope in leaf.ring or row.envelope <= leaf.horizon]
    reserved = dict.fromkeys(leaf.counts, 0)  # a type that has no row yet keeps its place
    return _seen(leaf, rows)._replace(counts=reserved | Counter(row.type for row in rows))


def _seen(leaf: Leaf, rows: list[Row]) -> Leaf:
    times = [row.shown_at for row in rows]
    return leaf._replace(first_seen=earliest(leaf.first_seen, *times), last_seen=latest(leaf.last_seen, *times))


def _millis(key: bytes) -> int:
    return int.from_bytes(key[:6], "big")
