"""Dead letters of the flush: what track refused, and what could not be applied."""

import zlib
from collections.abc import Iterable, Mapping

from cdp_core.domain.activity import Row
from cdp_core.domain.counting import TRIES
from cdp_core.domain.envelope import Envelope, Refusal
from cdp_core.domain.identity import Identifier, leaf_id
from cdp_core.domain.leaf import Leaf
from cdp_core.domain.suppression import is_suppressed
from cdp_core.domain.work import Failure, Share
from cdp_core.errors import Contended
from cdp_core.secrets import identity_key
from cdp_core.tables import dead_letters, leaves
from cdp_core.tables.codec import to_json
from cdp_core.tables.dead_letters import EVENT, MESSAGE, SENT, DeadLetter
from cdp_core.tables.dynamo import StoreRefused

# A dead letter's index within its envelope: refusals by their place, then events, then rows.
_EVENTS_FROM = 10_000
_ROWS_FROM, _ROWS = 20_000, 80_000


def refusals(envelope: Envelope, attempts: int) -> int:
    """Buries what track refused, with the person it names. How many; what is older than an erasure, or suppressed, is dropped."""
    return sum(_refusal(envelope, index, refusal, attempts) for index, refusal in enumerate(envelope.refused))


def _refusal(envelope: Envelope, index: int, refusal: Refusal, attempts: int) -> bool:
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
    return _with_person(letter, refusal.identifiers())


def failure(failed: Failure, attempts: int) -> bool:
    """Buries an event that cannot be applied. False if it is older than an erasure of its person, or suppressed."""
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
    return _with_person(letter, failed.event.identifiers())


def _with_person(letter: DeadLetter, named: list[Identifier]) -> bool:
    if not named:
        dead_letters.bury(letter)
        return True
    leaf = _awake(leaf_id(identity_key(), named[0]))
    if letter.at <= leaf.erased_until or is_suppressed(leaf.suppressions, letter.at):
        return False
    dead_letters.bury(letter, leaf=leaf.id, epoch=leaf.epoch)
    return True


def _awake(leaf_id: str) -> Leaf:
    """The leaf; a tombstone loses its TTL before anything is stored under it (protocol 2b, ttl). Raises Contended."""
    for _ in range(TRIES):
        leaf = leaves.load(leaf_id)
        if leaf.ttl is None:
            return leaf
        leaves.wake(leaf)
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
