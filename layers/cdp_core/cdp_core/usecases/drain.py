"""One drain: receive a bounded batch, regroup it by leaf, apply each leaf, delete what is finished."""

import hashlib
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from cdp_core import clock, queue
from cdp_core.domain.envelope import Envelope
from cdp_core.errors import CdpError, TryAgain, Unavailable
from cdp_core.observability import logger
from cdp_core.queue import Message
from cdp_core.tables.dead_letters import MAX_ORIGINAL
from cdp_core.usecases import bury
from cdp_core.usecases.apply_envelopes import STOP_MS, RemainingMs, apply_envelopes
from cdp_core.usecases.messages import UNREADABLE, envelope_of

MAX_MESSAGES = 1_000
MAX_BYTES = 16 * 1024 * 1024
RECEIVE_SECONDS = 2.0
WAIT_SECONDS = 1  # long polling: SQS then asks all its servers before it calls a queue empty
ALONE_FROM = 3  # a message received so often is applied without neighbours


@dataclass(frozen=True, slots=True)
class _Delivery:
    message: Message
    envelope: Envelope


@dataclass(slots=True)
class Drained:
    """What a drain did; `full` says that it stopped at a bound and not because the queue was empty."""

    messages: int = 0
    full: bool = False
    counts: Counter[str] = field(default_factory=Counter)


def drain(remaining_ms: RemainingMs) -> Drained:
    """Receives at most MAX_MESSAGES messages and applies them. Messages that could not be finished stay on the queue."""
    messages, full = _receive(remaining_ms)
    drained = Drained(len(messages), full)
    deliveries = _decode(messages, drained.counts)
    together = [one for one in deliveries if one.message.attempts < ALONE_FROM]
    alone = [[one] for one in deliveries if one.message.attempts >= ALONE_FROM]
    for group in ([together] if together else []) + alone:
        if remaining_ms() > STOP_MS:
            drained.counts += _apply(group, remaining_ms)
    return drained


def _receive(remaining_ms: RemainingMs) -> tuple[list[Message], bool]:
    """Messages until an empty receive or a bound, whichever comes first, and whether it was a bound."""
    messages: list[Message] = []
    size, until = 0, time.monotonic() + RECEIVE_SECONDS
    while len(messages) < MAX_MESSAGES and size < MAX_BYTES and (not messages or time.monotonic() < until):
        if remaining_ms() <= STOP_MS:
            return messages, True
        visibility = max(1, remaining_ms() // 1000 + 5)
        received = _more(messages, visibility)
        if not received:
            return messages, False
        messages += received
        size += sum(len(message.body) for message in received)
    return messages, True


def _more(messages: list[Message], visibility_seconds: int) -> list[Message]:
    """The next messages. Raises Unavailable only while there is nothing at hand: what was received must be worked on."""
    try:
        return queue.receive(visibility_seconds=visibility_seconds, wait_seconds=0 if messages else WAIT_SECONDS)
    except Unavailable:
        if not messages:
            raise
        return []


def _decode(messages: Iterable[Message], counts: Counter[str]) -> list[_Delivery]:
    deliveries = []
    for message in messages:
        try:
            deliveries.append(_Delivery(message, envelope_of(message.body)))
        except UNREADABLE:
            counts["undecodable"] += _set_aside(message)
    return deliveries


def _set_aside(message: Message) -> int:
    """An undecodable message becomes a dead letter once it was tried alone: a newer version of the flush may know it.

    One that is too large for a dead letter, or that the store does not take, is left to the dead-letter queue of SQS.
    """
    body = message.body.encode()
    if message.attempts >= ALONE_FROM and len(body) <= MAX_ORIGINAL:
        try:
            key = hashlib.sha256(body).digest()[:12]
            bury.undecodable(key, message.body, at=clock.now_ms(), attempts=message.attempts)
            queue.delete([message.handle])
        except CdpError as error:
            logger().warning("an undecodable message was not buried", extra={"reason": error.code})
    return 1


def _apply(group: list[_Delivery], remaining_ms: RemainingMs) -> Counter[str]:
    """Applies the envelopes together and deletes the messages of those that are complete. Failures are counted, never raised."""
    counts: Counter[str] = Counter()
    try:
        envelopes = {one.envelope.key: one.envelope for one in group}
        attempts = {one.envelope.key: one.message.attempts for one in group}
        failed = apply_envelopes(envelopes, attempts, remaining_ms, counts)
    except TryAgain as error:
        logger().warning("a drain will be tried again", extra={"reason": error.code})
        failed = {one.envelope.key for one in group}
    done = [one.message.handle for one in group if one.envelope.key not in failed]
    counts["envelopes"] = len({one.envelope.key for one in group} - failed)
    counts["returned"] = len(failed)
    counts["undeleted"] = len(done) - queue.delete(done) if done else 0
    return counts
