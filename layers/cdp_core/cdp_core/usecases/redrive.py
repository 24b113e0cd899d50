"""Gives dead letters another chance: reads them again and puts what makes sense now back on the queue.

An event of an envelope goes on under a key of its own, made from the envelope's, for the envelope may have been counted without
it; a repeat makes the same key. A message of the dead-letter queue is a whole envelope and keeps its key. Both keep the time of
their receipt, so an erasure since then wins.
"""

import time
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cdp_core import clock, queue
from cdp_core.domain import redrive as rules
from cdp_core.domain.admission import Outcome
from cdp_core.domain.channels import Channel, WriteKey
from cdp_core.domain.envelope import Envelope, Event, Refusal, part_key
from cdp_core.domain.jobs import DONE, WAIT, view
from cdp_core.domain.redrive import Wanted
from cdp_core.errors import Unavailable
from cdp_core.queue import Message
from cdp_core.tables import catalogue, channels, dead_letters, jobs
from cdp_core.tables.codec import from_json
from cdp_core.tables.dead_letters import EVENT, MESSAGE, DeadLetter, Place
from cdp_core.usecases.accept import admitted
from cdp_core.usecases.dead_letters import Span
from cdp_core.usecases.hold import Hold, Reread
from cdp_core.usecases.messages import UNREADABLE, envelope_of, message_of

_WAIT_SECONDS = 1  # long polling: SQS then asks all its servers before it calls a queue empty


def request_redrive(span: Span, source: str, reason: str | None, per_second: int, dry_run: bool) -> dict[str, Any]:
    """Makes the job of a redrive; its view. Raises InvalidInput for a span that ends before it begins."""
    first, last = span.days()
    wanted = Wanted(
        source=source, reason=reason, first_day=first, last_day=last, per_second=per_second, dry_run=dry_run
    )
    job = rules.new_job(uuid.uuid4().hex, wanted, created_at=clock.now_ms())
    jobs.create(job)
    return view(job)


def step(hold: Hold) -> bool:
    """Redrives one page. False if the job is done. Raises Unavailable; the job goes on where it stands."""
    if hold.job.phase == WAIT and clock.now_ms() < hold.job.deadline:
        return False
    wanted = rules.wanted_of(hold.job)
    sent = _messages(hold, wanted) if wanted.source == rules.MESSAGES else _events(hold, wanted)
    if not wanted.dry_run and sent:
        time.sleep(sent / wanted.per_second)  # a second at most: no page is larger than what may be sent in one
    return hold.job.phase != DONE


def _events(hold: Hold, wanted: Wanted) -> int:
    """One page of dead letters; how many were sent.

    The end of the page is stored with its counts before it is sent, so a resumed job neither counts twice nor forgets.
    """
    place = hold.job.place
    page_end = str(place["page_end"])
    limit = min(rules.PAGE, wanted.per_second)
    found = dead_letters.places(str(place["day"]), after=str(place["after"]), up_to=page_end, limit=limit)
    if not found:
        hold.keep(
            replace(hold.job, place={**place, "after": page_end, "page_end": ""})
            if page_end
            else rules.next_day(hold.job)
        )
        return 0
    ready, counts = _judge([one for one in found if wanted.reason in (None, one.reason)], hold.reread)
    if not page_end:
        page_end = found[-1].name
        hold.store(place={**place, "page_end": page_end}, counts=_add(hold.job.counts, counts))
    if ready and not wanted.dry_run:
        _send(list(ready.values()))
        dead_letters.remove(ready)
    hold.store(place={**place, "after": page_end, "page_end": ""})
    return len(ready)


def _judge(places: list[Place], reread: Reread) -> tuple[dict[Place, str], Counter[str]]:
    """The messages of those dead letters that make sense now, and figures of all of them."""
    letters = dead_letters.load_many(places)
    bodies = {place: _message(letter, reread) for place, letter in letters.items()}
    ready = {place: body for place, body in bodies.items() if body is not None}
    counts = Counter({f"reason.{reason}": n for reason, n in Counter(one.reason for one in letters.values()).items()})
    counts.update(examined=len(letters), redriven=len(ready), still_refused=len(letters) - len(ready))
    return ready, counts


def _message(letter: DeadLetter, reread: Reread) -> str | None:
    """The dead letter as a message for the queue, or None if it still makes no sense."""
    if letter.form == MESSAGE:
        return letter.original if _is_envelope(letter.original) else None
    key = part_key(letter.envelope, letter.index)
    outcome = (
        _event(letter.original) if letter.form == EVENT else _readmitted(letter, reread(letter.original, key.hex()))
    )
    if not isinstance(outcome, Event):
        return None
    envelope = Envelope(
        key=key,
        received_at=letter.at,
        channel=letter.channel,
        write_key=letter.write_key,
        legal_basis=letter.legal_basis,
        events=(outcome._replace(authority=letter.authority),),
    )
    return message_of(envelope)


def _readmitted(letter: DeadLetter, outcome: Event | Refusal) -> Outcome:
    """A client's event as its channel and the catalogue see it now."""
    channel = channels.find_channel(letter.channel) or Channel(code_name=letter.channel, name="", type="website")
    return admitted(
        outcome, WriteKey(id=letter.write_key, channel=channel, secret=letter.authority), catalogue.remembered()
    )


def _event(original: str) -> Event | Refusal | None:
    try:
        return Event(**from_json(original))
    except (TypeError, ValueError):
        return None


def _is_envelope(body: str) -> bool:
    try:
        envelope_of(body)
    except UNREADABLE:
        return False
    return True


def _messages(hold: Hold, wanted: Wanted) -> int:
    """One receive of the dead-letter queue; how many messages went back to the queue of events."""
    received = queue.receive(
        visibility_seconds=rules.HIDE_SECONDS,
        wait_seconds=_WAIT_SECONDS,
        maximum=min(queue.BATCH, wanted.per_second),
        dead=True,
    )
    counted = list(hold.job.place["counted"])
    new = [one for one in received if one.id not in counted]
    if not (new if wanted.dry_run else received) or len(counted) > rules.MAX_SEEN:
        hold.keep(rules.after_empty_receive(hold.job, now=clock.now_ms()))
        return 0
    _count(hold, [*counted, *(one.id for one in new)], _figures(new))
    if wanted.dry_run:
        return 0
    _send([one.body for one in received])
    if queue.delete([one.handle for one in received], dead=True) == len(received):
        _count(hold, counted, Counter())
    return len(received)


def _count(hold: Hold, counted: list[str], figures: Counter[str]) -> None:
    """Adds the figures; `counted` are the messages that may be received again, by their ids."""
    place = {**hold.job.place, "counted": counted}
    hold.store(phase=rules.WALK, counts=_add(hold.job.counts, figures), place=place)


def _figures(messages: list[Message]) -> Counter[str]:
    good = sum(_is_envelope(one.body) for one in messages)
    return Counter(examined=len(messages), redriven=len(messages), undecodable=len(messages) - good)


def _send(bodies: list[str]) -> None:
    if not all(queue.send(bodies)):
        raise Unavailable("the queue did not take all dead letters")


def _add(counts: Mapping[str, int], more: Counter[str]) -> dict[str, int]:
    return dict(Counter(dict(counts)) + more) | {
        name: counts[name] + more[name] for name in ("examined", "redriven", "still_refused")
    }
