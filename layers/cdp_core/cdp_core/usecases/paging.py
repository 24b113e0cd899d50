"""Pages of a list: so many items, so many bytes, so much examined. A page may be short; the cursor goes on behind it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from cdp_core.tables.codec import to_json

MAX_EXAMINED = 1_000  # so that a rare match in a long list answers soon with a short page
MAX_BYTES = 2_500_000  # an answer of Lambda may have 6 MB, and JSON within JSON may double a text

Position = tuple[str, str]  # of the last thing examined; what its parts mean is the list's business
Candidate = tuple[Position, dict[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Page:
    """Items as the API shows them, and where to go on; None at the end."""

    items: list[dict[str, Any]]
    position: Position | None


def take(candidates: Iterable[Candidate], *, limit: int, start: Position | None) -> Page:
    """The first `limit` items of what is examined in order behind `start`; a candidate of None was not wanted."""
    items: list[dict[str, Any]] = []
    size, last = 0, start
    for examined, (position, item) in enumerate(candidates):
        if len(items) >= limit or size >= MAX_BYTES or examined >= MAX_EXAMINED:
            return Page(items, last)
        last = position
        if item is not None:
            items.append(item)
            size += len(to_json(item).encode())
    return Page(items, None)
