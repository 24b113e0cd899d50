"""The short way of plain events onto the queue: nothing but the key, the catalogue and the consents decides about them."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import repeat
from typing import Any, Protocol

from cdp_core import queue
from cdp_core.domain import consent
from cdp_core.domain.catalogue import Catalogue
from cdp_core.domain.channels import REQUIRED, WriteKey
from cdp_core.domain.consent import CONSENT_WITHHELD
from cdp_core.domain.envelope import Envelope, usable
from cdp_core.domain.identity import ANONYMOUS_ID, USER_ID, any_blocked
from cdp_core.domain.plain import is_plain
from cdp_core.errors import Unavailable
from cdp_core.observability import count
from cdp_core.tables import catalogue, consents
from cdp_core.usecases.messages import message_of, new_key, split


class Plain(Protocol):
    """An event that can go into an envelope as it is, as far as it is looked at here."""

    @property
    def type(self) -> str:
        """Which call it is."""

    event: str | None
    user_id: str | None
    anonymous_id: str | None


def accept_plain(key: WriteKey, events: Sequence[Plain], *, now: int) -> bool:
    """Makes the events durable. False, and nothing done, if one of them has to go the long way. `now` is in milliseconds.

    Raises Unavailable as `accept` does.
    """
    users, visitors = [event.user_id for event in events], [event.anonymous_id for event in events]
    if not _are_plain(key, events, catalogue.remembered()) or not _name_somebody(users, visitors):
        return False
    histories = consents.histories(_people(users, visitors)) if key.channel.consent_gate else {}
    by_basis = _by_basis(key, events, histories)
    withheld = by_basis.get(None, ())
    kept = [(basis, part) for basis, part in by_basis.items() if basis]
    messages = [one for basis, part in kept for one in split(part, partial(_message, key, basis, now))]
    if not all(queue.send(messages)):
        raise Unavailable("the events could not be queued; send them again")
    count(accepted=len(events) - len(withheld), **{CONSENT_WITHHELD: len(withheld)})
    return True


def _are_plain(key: WriteKey, events: Iterable[Plain], definitions: Catalogue) -> bool:
    if key.channel.identity_verification == REQUIRED and not key.secret:
        return False
    kinds = {(event.type, event.event) for event in events}
    return all(is_plain(kind, name, key, definitions) for kind, name in kinds)


def _name_somebody(users: Sequence[str | None], visitors: Sequence[str | None]) -> bool:
    """Whether every event has an identifier, and none of them is blocked."""
    if not (all(users) or all(visitors) or all(user or visitor for user, visitor in zip(users, visitors, strict=True))):
        return False
    return not any_blocked({*users, *visitors})


def _people(users: Iterable[str | None], visitors: Iterable[str | None]) -> set[tuple[str, str]]:
    """The identifiers of the events, as kind and value."""
    return {*zip(repeat(USER_ID), filter(None, users)), *zip(repeat(ANONYMOUS_ID), filter(None, visitors))}


def _by_basis(
    key: WriteKey, events: Sequence[Plain], histories: Mapping[tuple[str, str], Iterable[consent.Entry]]
) -> dict[str | None, Sequence[Plain]]:
    """The events by the legal basis on which they are kept; under None those that are not: none of them is of a legitimate
    interest, as what a form or a registration says has to be understood.
    """
    if not histories:
        return {consent.verdict(key.channel, decided=None, claimed=None): events}
    found: dict[str | None, Any] = {}
    for event in events:
        known = (histories.get(who, ()) for who in usable(event.user_id, event.anonymous_id))
        decided = consent.decided(known, key.channel.tracking_consent)
        found.setdefault(consent.verdict(key.channel, decided=decided, claimed=None), []).append(event)
    return found


def _message(key: WriteKey, basis: str, now: int, events: Sequence[Any]) -> str:
    envelope = Envelope(
        key=new_key(now),
        received_at=now,
        channel=key.channel.code_name,
        write_key=key.id,
        legal_basis=basis,
    )
    return message_of(envelope, events, authority=key.secret)
