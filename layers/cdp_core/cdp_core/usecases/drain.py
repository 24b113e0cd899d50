"""One drain: receive a bounded batch, regroup it by leaf, apply each leaf, delete what is finished."""

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from cdp_core import clock, queue
from cdp_core.domain.envelope import Envelope, decode
from cdp_core.domain.identity import Identifier, leaf_id
from cdp_core.domain.work import LeafWork, Rules, regroup
from cdp_core.errors import TryAgain, Unavailable
from cdp_core.observability import logger
from cdp_core.queue import Message
from cdp_core.secrets import identity_key
from cdp_core.tables import leaves
from cdp_core.tables.codec import from_json
from cdp_core.tables.dead_letters import MAX_ORIGINAL
from cdp_core.usecases import activity_types, bury, on_registered
from cdp_core.usecases.apply_leaf import Outcome, Tools, apply

MAX_MESSAGES = 1_000
MAX_BYTES = 16 * 1024 * 1024
RECEIVE_SECONDS = 2.0
WAIT_SECONDS = 1  # long polling: SQS then asks all its servers before it calls a queue empty
ALONE_FROM = 3  # a message received so often is applied without neighbours
STOP_MS = 4_000  # nothing new is begun when less of the invocation is left
_THREADS = 16

RemainingMs = Callable[[], int]


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
            deliveries.append(_Delivery(message, decode(from_json(message.body))))
        except (KeyError, TypeError, ValueError, AttributeError):
            counts["undecodable"] += _set_aside(message)
    return deliveries


def _set_aside(message: Message) -> int:
    """An undecodable message becomes a dead letter once it was tried alone: a newer version of the flush may know it."""
    if message.attempts >= ALONE_FROM and len(message.body) <= MAX_ORIGINAL:
        key = hashlib.sha256(message.body.encode()).digest()[:12]
        bury.undecodable(key, message.body, at=clock.now_ms(), attempts=message.attempts)
        queue.delete([message.handle])
    return 1


def _apply(group: list[_Delivery], remaining_ms: RemainingMs) -> Counter[str]:
    """Applies the envelopes together and deletes the messages of those that are complete. Failures are counted, never raised."""
    counts: Counter[str] = Counter()
    try:
        failed = _apply_envelopes(group, remaining_ms, counts)
    except TryAgain as error:
        logger().warning("a drain will be tried again", extra={"reason": error.code})
        failed = {one.envelope.key for one in group}
    done = [one.message.handle for one in group if one.envelope.key not in failed]
    counts["envelopes"] = len({one.envelope.key for one in group} - failed)
    counts["returned"] = len(failed)
    counts["undeleted"] = len(done) - queue.delete(done) if done else 0
    return counts


def _apply_envelopes(group: list[_Delivery], remaining_ms: RemainingMs, counts: Counter[str]) -> set[bytes]:
    """The keys of the envelopes that are not complete. Raises TryAgain if not even the reads worked."""
    envelopes = {one.envelope.key: one.envelope for one in group}
    attempts = {one.envelope.key: one.message.attempts for one in group}
    works, failures = regroup(envelopes.values(), Rules(_leaf_of, on_registered.handler()))
    counts["events"] += sum(len(envelope.events) + len(envelope.refused) for envelope in envelopes.values())
    counts["leaves"] += len(works)
    for envelope in envelopes.values():
        counts["dead_letters"] += bury.refusals(envelope, attempts[envelope.key])
    for failure in failures:
        counts["dead_letters"] += bury.failure(failure, attempts[failure.envelope.key])
    activity_types.settle(works.values())
    outcomes = _apply_leaves(works, attempts, remaining_ms)
    for outcome in outcomes:
        counts.update(outcome.counts)
    return set().union(*(outcome.failed for outcome in outcomes))


def _apply_leaves(works: dict[str, LeafWork], attempts: dict[bytes, int], remaining_ms: RemainingMs) -> list[Outcome]:
    """One read wave, then every leaf on its own."""
    children = {link.child for work in works.values() for share in work.shares.values() for link in share.links}
    known = leaves.load_many([*works, *sorted(children)])
    with ThreadPoolExecutor(_THREADS) as leaf_pool, ThreadPoolExecutor(_THREADS) as put_pool:
        tools = Tools(put_pool, known, attempts, lambda: remaining_ms() <= STOP_MS)
        return list(leaf_pool.map(lambda work: _guarded(work, tools), works.values()))


def _guarded(work: LeafWork, tools: Tools) -> Outcome:
    """A defect in one leaf's way costs that leaf's messages another try, not its neighbours theirs."""
    try:
        return apply(work, tools)
    except Exception:
        logger().exception("a leaf could not be applied")
        return Outcome(failed=work.keys(), counts=Counter(defects=1))


def _leaf_of(identifier: Identifier) -> str:
    return leaf_id(identity_key(), identifier)
