"""A leaf: what is stored under one identifier, as its hot item says it."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

NO_KEY = bytes(12)
MAX_CHANNELS = 20

Interval = tuple[int, int]  # from which receipt on (ms), up to which (not included); 0 while nobody ended it
LinkKey = tuple[
    int, str
]  # when the envelope that asked for the link was received (ms), and the asking event's message id


class Leaf(NamedTuple):
    """The hot item of a leaf; times in ms. A leaf that was never written is all defaults.

    The flush owns version, identifier, counts, first/last seen, created_at, ring, horizon, listed, verified_since and channels. Links,
    consents and erasures own the rest (protocol 2b): neither ever writes an attribute of the other.
    """

    id: str
    version: int = 0
    epoch: int = 0
    identifier: str = ""
    counts: Mapping[str, int] = {}
    first_seen: int | None = None
    last_seen: int | None = None
    created_at: int | None = None
    ring: frozenset[bytes] = frozenset()
    horizon: bytes = NO_KEY
    listed: str = ""
    verified_since: int | None = None
    channels: frozenset[str] = frozenset()
    erased_until: int = 0
    link_version: int = 0
    parent: str | None = None
    link_key: LinkKey | None = None
    linked_by: str = ""
    children: int = 0
    unlinked: frozenset[str] = frozenset()
    floor: int = 0
    job: str = ""
    consented_at: int | None = None
    suppressions: tuple[Interval, ...] = ()
    suppressed_with: str = ""
    ttl: int | None = None

    @property
    def is_live(self) -> bool:
        """Whether the leaf holds anything of its current life: a tombstone and an unwritten leaf do not."""
        return (
            self.created_at is not None or self.parent is not None or self.children > 0 or self.consented_at is not None
        )

    @property
    def suppressed_since(self) -> int | None:
        """Since when its events are refused (ms); None if they are not. Says nothing of whether it holds anything."""
        return self.suppressions[-1][0] if self.suppressions and self.suppressions[-1][1] == 0 else None


def with_channels(known: frozenset[str], heard: Iterable[str]) -> frozenset[str]:
    """The channels that a leaf was heard of on: the first MAX_CHANNELS by name, the same ones in whatever order they come."""
    return frozenset(sorted(known | {name for name in heard if name})[:MAX_CHANNELS])


def earliest(*times: int | None) -> int | None:
    """The smallest time that is known."""
    return min((time for time in times if time is not None), default=None)


def latest(*times: int | None) -> int | None:
    """The greatest time that is known."""
    return max((time for time in times if time is not None), default=None)
