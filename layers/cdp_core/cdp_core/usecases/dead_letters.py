"""Dead letters as admins see them: what had no effect, and why."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from cdp_core import clock, queue
from cdp_core.domain.identity import profile_id
from cdp_core.domain.times import DAY_MS, day_of, iso
from cdp_core.errors import InvalidInput
from cdp_core.queue import Message
from cdp_core.tables import dead_letters, leaves
from cdp_core.tables.activities import partition
from cdp_core.tables.codec import from_json
from cdp_core.tables.dead_letters import KEEP_DAYS, NOBODY, DeadLetter, Place
from cdp_core.usecases.paging import Candidate, Page, Position, take

_CHUNK = 100
_PEEK_SECONDS = 2  # a message that was looked at is hidden from a redrive no longer than this
_SHOWN = 65_536


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when dead letters are meant (ms), by whole days; all that are kept where a time is None."""

    since: int | None
    until: int | None

    def days(self) -> tuple[str, str]:
        """The first and the last day. Raises InvalidInput if there is none between."""
        now = clock.now_ms()
        first = day_of(max(self.since or 0, now - (KEEP_DAYS + 1) * DAY_MS))
        last = day_of(min(self.until or now, now))
        if first > last:
            raise InvalidInput(f"since must lie before until; dead letters are kept {KEEP_DAYS} days")
        return first, last


def read(span: Span, *, reason: str | None, limit: int, position: Position | None) -> Page:
    """One page of dead letters, latest day first. `position` is the day and the name of the last one examined."""
    return take(_candidates(span, reason, position), limit=limit, start=position)


def _candidates(span: Span, reason: str | None, position: Position | None) -> Iterator[Candidate]:
    first, day = span.days()
    day, after = position or (day, "")
    while day >= first:
        while found := dead_letters.places(day, after=after, limit=_CHUNK):
            wanted = [one for one in found if reason in (None, one.reason)]
            letters = dead_letters.load_many(_of_this_life(wanted))
            for place in found:
                yield (day, place.name), _shown(place, letters[place]) if place in letters else None
            after = found[-1].name
        day, after = (date.fromisoformat(day) - timedelta(days=1)).isoformat(), ""


def _of_this_life(places: list[Place]) -> list[Place]:
    """Without those of erased lives: they are unreadable from the erasure on, though the job has yet to remove them."""
    known = leaves.load_many(place.owner.partition("#")[0] for place in places if place.owner != NOBODY)
    owners = {partition(leaf.id, leaf.epoch) for leaf in known.values()} | {NOBODY}
    return [place for place in places if place.owner in owners]


def _shown(place: Place, letter: DeadLetter) -> dict[str, Any]:
    leaf, _, epoch = place.owner.partition("#")
    return {
        "id": place.name,
        "reason": letter.reason,
        "message": letter.message,
        "at": iso(letter.at),
        "attempts": letter.attempts,
        "channel": letter.channel,
        "profile_id": None if place.owner == NOBODY else profile_id(leaf, int(epoch)),
        "original": letter.original[:_SHOWN],
    }


def peek() -> list[dict[str, Any]]:
    """At most ten messages that crashed the flush. Raises Unavailable."""
    return [_message(one) for one in queue.receive(visibility_seconds=_PEEK_SECONDS, dead=True)]


def _message(message: Message) -> dict[str, Any]:
    try:
        envelope = from_json(message.body)
        at, channel = iso(int(envelope["received_at"])), str(envelope["channel"])
    except (KeyError, TypeError, ValueError, OverflowError):
        at, channel = None, ""
    return {
        "id": message.id,
        "reason": "crashed_the_flush",
        "message": "the flush received this message ten times and finished it never",
        "at": at,
        "attempts": message.attempts,
        "channel": channel,
        "profile_id": None,
        "original": message.body[:_SHOWN],
    }
