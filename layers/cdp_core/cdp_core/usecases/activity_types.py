"""Discovered activity types: an unseen event name becomes a type, until the deployment has its limit of them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache

from cdp_core import clock
from cdp_core.domain.activity import BUILT_IN, CUSTOM, Row
from cdp_core.domain.counting import TRIES
from cdp_core.domain.work import LeafWork, Share
from cdp_core.errors import Contended, Unavailable
from cdp_core.tables import catalogue, dynamo

_MAX_NAME = 200  # track reads all names: whoever sends events must not decide how much that is


@dataclass(slots=True)
class _Known:
    """The types this process has seen in the catalogue, which are never taken out of it; and when (ms) it had no room for more."""

    types: set[str] = field(default_factory=lambda: set(BUILT_IN) | catalogue.discovered_types())
    full_at: int = 0

    def has_no_room(self) -> bool:
        """Whether the catalogue had its limit of types a short while ago. An admin may have defined one since: so not for ever."""
        return clock.is_recent(self.full_at, seconds=catalogue.CACHE_SECONDS)


@cache
def _known() -> _Known:
    return _Known()


def settle(works: Iterable[LeafWork]) -> None:
    """Gives every activity a type that the catalogue has: its own, discovered now if need be, or `custom`."""
    shares = [share for work in works for share in work.shares.values()]
    beyond = {type_ for type_, (row, at) in _unknown(shares).items() if not _discover(row, at)}
    for share in shares if beyond else ():
        rows = share.rows.items()
        share.rows = {key: row._replace(type=CUSTOM) if row.type in beyond else row for key, row in rows}


def _unknown(shares: Iterable[Share]) -> dict[str, tuple[Row, int]]:
    """The types that nobody knows yet, each with the first row that asks for it and when that was received (ms)."""
    found: dict[str, tuple[Row, int]] = {}
    for share in shares:
        for row in share.rows.values():
            if row.type not in _known().types and row.type not in found:
                found[row.type] = row, share.received_at
    return found


def _discover(row: Row, received_at: int) -> bool:
    """Whether the catalogue has the row's type now."""
    for attempt in range(TRIES):
        try:
            return _is_admitted(row, received_at)
        except Unavailable:  # two flushes discovering at once disturb each other's count
            dynamo.pause(attempt)
    raise Contended("the catalogue of activity types changed too often")


def _is_admitted(row: Row, received_at: int) -> bool:
    known = _known()
    if row.type not in known.types and not known.has_no_room():
        name = str((row.body or {}).get("event", row.type))[:_MAX_NAME]
        is_new = catalogue.discover_type(row.type, name, discovered_at=received_at)
        known.types |= {row.type} if is_new else catalogue.discovered_types()
        known.full_at = 0 if row.type in known.types else clock.now_ms()
    return row.type in known.types
