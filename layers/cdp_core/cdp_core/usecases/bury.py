"""Dead letters of the flush: what track refused, and what could not be applied."""

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field

from cdp_core.domain.activity import Row
from cdp_core.domain.counting import TRIES
from cdp_core.domain.envelope import Envelope
from cdp_core.domain.identity import Identifier, leaf_id
from cdp_core.domain.leaf import Leaf
from cdp_core.domain.suppression import is_suppressed
from cdp_core.domain.work import Failure, Share
from cdp_core.errors import CdpError, Contended, TryAgain
from cdp_core.secrets import identity_key
from cdp_core.tables import dead_letters, leaves
from cdp_core.tables.codec import to_json
from cdp_core.tables.dead_letters import EVENT, MESSAGE, SENT, DeadLetter
from cdp_core.tables.dynamo import StoreRefused

# A dead letter's index within its envelope: refusals by their place, then events, then rows.
_EVENTS_FROM = 10_000
_ROWS_FROM, _ROWS = 20_000, 80_000
_CHUNK = 100  # letters whose leaves are read in one call


@dataclass(frozen=True, slots=True)
class Burial:
    """A dead letter that is to be stored, and the leaf of the person whom it names, if it names one."""

    letter: DeadLetter
    leaf: str | None


@dataclass(slots=True)
class Buried:
    """How many letters were stored, the envelopes that still have some to store, and why (codes of errors)."""

    letters: int = 0
    failed: set[bytes] = field(default_factory=set)
    reasons: set[str] = field(default_factory=set)


def burials(envelopes: Iterable[Envelope], failures: Iterable[Failure], attempts: Mapping[bytes, int]) -> list[Burial]:
    """What is to be buried: what track refused, and the events that cannot be applied. `attempts` are those of each envelope."""
    refused = [
        _refused(envelope, index, attempts[envelope.key])
        for envelope in envelopes
        for index in range(len(envelope.refused))
    ]
    return refused + [_failed(failure, attempts[failure.envelope.key]) for failure in failures]


def _refused(envelope: Envelope, index: int, attempts: int) -> Burial:
    refusal = envelope.refused[index]
    letter = DeadLetter(
        envelope=envelope.key,
        index=index,
        reason=refusal.reason,
        message=refusal.message,
        at=envelope.received_at,
        attempts=attempts,
        original=refusal.original,
        form=SENT,
        channel=envelope.channel,
        write_key=envelope.write_key,
        legal_basis=envelope.legal_basis,
        authority=refusal.authority,
    )
    return _burial(letter, refusal.identifiers())


def _failed(failed: Failure, attempts: int) -> Burial:
    letter = DeadLetter(
        envelope=failed.envelope.key,
        index=_EVENTS_FROM + failed.index,
        reason="cannot_apply",
        message=f"{type(failed.error).__name__}: {failed.error}",
        at=failed.envelope.received_at,
        attempts=attempts,
        original=to_json(failed.event._asdict()),
        form=EVENT,
        channel=failed.envelope.channel,
        write_key=failed.envelope.write_key,
        legal_basis=failed.envelope.legal_basis,
        authority=failed.event.authority,
    )
    return _burial(letter, failed.event.identifiers())


def _burial(letter: DeadLetter, named: list[Identifier]) -> Burial:
    return Burial(letter, leaf_id(identity_key(), named[0]) if named else None)


def bury_all(wanted: Sequence[Burial], puts: Executor, out_of_time: Callable[[], bool]) -> Buried:
    """Stores the letters while there is time; what is older than an erasure of its person, or suppressed, is dropped.

    What an earlier attempt stored costs a read and no write, so that many letters come to an end in a few attempts.
    """
    buried = Buried()
    for start in range(0, len(wanted), _CHUNK):
        chunk = wanted[start : start + _CHUNK]
        for one, answer in zip(chunk, _chunk(chunk, puts, out_of_time), strict=True):
            if isinstance(answer, CdpError):
                buried.failed.add(one.letter.envelope)
                buried.reasons.add(answer.code)
            else:
                buried.letters += answer
    return buried


def _chunk(chunk: Sequence[Burial], puts: Executor, out_of_time: Callable[[], bool]) -> list[bool | CdpError]:
    """Per letter whether it was stored now, or why it could not be."""
    if out_of_time():
        return [TryAgain("no time was left")] * len(chunk)
    try:
        stored = dead_letters.buried(one.letter for one in chunk if one.letter.attempts > 1)
        known = leaves.load_many(one.leaf for one in chunk if one.leaf and one.letter.name not in stored)
    except CdpError as error:
        return [error] * len(chunk)
    return list(puts.map(lambda one: one.letter.name not in stored and _try(one, known, out_of_time), chunk))


def _try(one: Burial, known: Mapping[str, Leaf], out_of_time: Callable[[], bool]) -> bool | CdpError:
    if out_of_time():
        return TryAgain("no time was left")
    try:
        return _bury(one.letter, known[one.leaf] if one.leaf else None)
    except CdpError as error:
        return error


def _bury(letter: DeadLetter, leaf: Leaf | None) -> bool:
    if leaf is None:
        dead_letters.bury(letter)
        return True
    leaf = _awake(leaf)
    if letter.at <= leaf.erased_until or is_suppressed(leaf.suppressions, letter.at):
        return False
    dead_letters.bury(letter, leaf=leaf.id, epoch=leaf.epoch)
    return True


def _awake(leaf: Leaf) -> Leaf:
    """The leaf; a tombstone loses its TTL before anything is stored under it (protocol 2b, ttl). Raises Contended."""
    for _ in range(TRIES):
        if leaf.ttl is None:
            return leaf
        leaves.wake(leaf)
        leaf = leaves.load(leaf.id)
    raise Contended("a tombstone changed too often")


def refused_rows(leaf: Leaf, rows: Iterable[tuple[Share, Row, StoreRefused]], attempts: Mapping[bytes, int]) -> None:
    """Buries the activities that the store calls invalid."""
    for share, row, error in rows:
        letter = DeadLetter(
            envelope=share.key,
            index=_ROWS_FROM + zlib.crc32(f"{leaf.id}{row.time}{row.message_id}".encode()) % _ROWS,
            reason=error.code,
            message=str(error),
            at=share.received_at,
            attempts=attempts.get(share.key, 1),
            original=to_json(share.events[row.time, row.message_id]._asdict()),
            form=EVENT,
            channel=share.channel,
            write_key=share.write_key,
            legal_basis=share.legal_basis,
            authority=share.events[row.time, row.message_id].authority,
        )
        dead_letters.bury(letter, leaf=leaf.id, epoch=leaf.epoch)


def undecodable(key: bytes, body: str, *, at: int, attempts: int) -> None:
    """Buries a whole message that is not an envelope."""
    letter = DeadLetter(
        envelope=key,
        index=0,
        reason="undecodable_envelope",
        message="the message is not an envelope that this version can read",
        at=at,
        attempts=attempts,
        original=body,
        form=MESSAGE,
    )
    dead_letters.bury(letter)
