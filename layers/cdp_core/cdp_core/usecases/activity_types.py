"""Discovered activity types: an unseen event name becomes a type, until the deployment has its limit of them."""

from collections.abc import Iterable
from functools import cache

from cdp_core.domain.activity import BUILT_IN, CUSTOM, Row
from cdp_core.domain.counting import TRIES
from cdp_core.domain.work import LeafWork
from cdp_core.errors import Contended, Unavailable
from cdp_core.tables import catalogue, dynamo

_MAX_NAME = 200  # track reads all names: whoever sends events must not decide how much that is


@cache
def _known() -> set[str]:
    """The types this process has seen in the catalogue; types are never taken out of it."""
    return set(BUILT_IN) | set(catalogue.discovered_types())


def settle(works: Iterable[LeafWork]) -> None:
    """Gives every activity a type that the catalogue has: its own, discovered now if need be, or `custom`."""
    for work in works:
        for share in work.shares.values():
            share.rows = {key: _typed(row, share.received_at) for key, row in share.rows.items()}


def _typed(row: Row, received_at: int) -> Row:
    if row.type in _known() or _discover(row, received_at):
        return row
    return row._replace(type=CUSTOM)


def _discover(row: Row, received_at: int) -> bool:
    name = str((row.body or {}).get("event", row.type))[:_MAX_NAME]
    for attempt in range(TRIES):
        try:
            if not catalogue.discover_type(row.type, name, discovered_at=received_at):
                _known().update(catalogue.discovered_types())
                return row.type in _known()
            _known().add(row.type)
            return True
        except Unavailable:  # two flushes discovering at once disturb each other's count
            dynamo.pause(attempt)
    raise Contended("the catalogue of activity types changed too often")
