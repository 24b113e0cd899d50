"""The short way of plain events onto the queue: nothing but the key, the catalogue and the consents decides about them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from cdp_core import queue
from cdp_core.domain import consent
from cdp_core.domain.catalogue import Catalogue
from cdp_core.domain.channels import REQUIRED, WriteKey
from cdp_core.domain.envelope import Envelope, usable
from cdp_core.domain.identity import ANONYMOUS_ID, USER_ID, Identifier
from cdp_core.domain.plain import is_plain
from cdp_core.errors import Unavailable
from cdp_core.observability import count
from cdp_core.tables import catalogue, consents
from cdp_core.usecases.messages import MAX_MESSAGE_BYTES, message_of, new_key


class Plain(Protocol):
    """An event that can go into an envelope as it is, as far as it is looked at here."""

    type: str
    event: str | None
    user_id: str | None
    anonymous_id: str | None


def accept_plain(key: WriteKey, events: Sequence[Plain], *, now: int) -> bool:
    """Makes the events durable. False, and nothing done, if one of them has to go the long way. `now` is in milliseconds.

    Raises Unavailable if the queue did not take all of them for certain, or if a consent could not be read.
    """
    if not _are_plain(key, events, catalogue.remembered()):
        return False
    by_basis = _by_basis(key, events)
    messages = [_message(key, basis, kept, now) for basis, kept in by_basis.items() if basis]
    if None in by_basis or any(len(message.encode()) > MAX_MESSAGE_BYTES for message in messages):
        return False
    if not all(queue.send(messages)):
        raise Unavailable("the events could not be queued; send them again")
    count(accepted=len(events))
    return True


def _are_plain(key: WriteKey, events: Iterable[Plain], definitions: Catalogue) -> bool:
    if key.channel.identity_verification == REQUIRED and not key.secret:
        return False
    kinds = {(event.type, event.event) for event in events}
    return all(is_plain(kind, name, key, definitions) for kind, name in kinds)


def _by_basis(key: WriteKey, events: Sequence[Plain]) -> Mapping[str | None, Sequence[Plain]]:
    """The events by the legal basis on which they are kept; under None those that are not."""
    histories = _histories(events) if key.channel.consent_gate else {}
    if not histories:
        return {consent.verdict(key.channel, decided=None, claimed=None): events}
    found: dict[str | None, list[Plain]] = {}
    for event in events:
        known = (histories.get(who, ()) for who in usable(event.user_id, event.anonymous_id))
        decided = consent.decided(known, key.channel.tracking_consent)
        found.setdefault(consent.verdict(key.channel, decided=decided, claimed=None), []).append(event)
    return found


def _histories(events: Iterable[Plain]) -> dict[Identifier, tuple[consent.Entry, ...]]:
    users = {event.user_id for event in events}
    visitors = {event.anonymous_id for event in events}
    known = [Identifier(USER_ID, one) for one in users if one]
    return consents.histories(known + [Identifier(ANONYMOUS_ID, one) for one in visitors if one])


def _message(key: WriteKey, basis: str, events: Sequence[Any], now: int) -> str:
    envelope = Envelope(
        key=new_key(now),
        received_at=now,
        channel=key.channel.code_name,
        write_key=key.id,
        legal_basis=basis,
    )
    return message_of(envelope, events, authority=key.secret)
