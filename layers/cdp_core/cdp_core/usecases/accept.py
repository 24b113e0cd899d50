"""Takes what a client submits: judges each event, decides about consent, and puts envelopes on the queue, truthfully."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from cdp_core import queue
from cdp_core.domain import consent
from cdp_core.domain.admission import Outcome, Withheld, admit
from cdp_core.domain.catalogue import Catalogue
from cdp_core.domain.channels import WriteKey
from cdp_core.domain.consent import CONSENT_WITHHELD, LEGITIMATE_INTEREST
from cdp_core.domain.envelope import Envelope, Event, Refusal, said
from cdp_core.domain.identity import Identifier
from cdp_core.errors import Refused, Unavailable
from cdp_core.observability import count
from cdp_core.tables import catalogue, consents
from cdp_core.tables.codec import to_json
from cdp_core.usecases.messages import message_of, new_key, split

Judged = tuple[Outcome, str]  # with the legal basis on which it is kept


def accept(key: WriteKey, submitted: Sequence[Event | Refusal], *, now: int) -> list[Outcome]:
    """Makes the submitted events durable; what became of each. `now` is in milliseconds.

    Raises Unavailable if a consent could not be read, and nothing is kept then, or if the queue did not take all of them for
    certain: some may be on it, and count once when they are sent again.
    """
    definitions = catalogue.remembered()
    judged = _consented([admitted(one, key, definitions) for one in submitted], key)
    kept = _by_basis(judged)
    messages = [one for basis, part in kept.items() for one in split(part, partial(_message, key, basis, now))]
    if not all(queue.send(messages)):
        raise Unavailable("the events could not be queued; send them again")
    outcomes = [outcome for outcome, _ in judged]
    _count(outcomes)
    return outcomes


def admitted(one: Event | Refusal, key: WriteKey, definitions: Catalogue) -> Outcome:
    """The event as its channel and the catalogue see it; a refusal of either becomes one."""
    if isinstance(one, Refusal):
        return one._replace(authority=key.secret)
    try:
        return admit(one, key, definitions)
    except Refused as refused:
        return Refusal(
            reason=refused.code,
            message=str(refused),
            original=to_json(said(one)),
            message_id=one.message_id,
            user_id=one.user_id,
            anonymous_id=one.anonymous_id,
            authority=key.secret,
        )


def _consented(outcomes: list[Outcome], key: WriteKey) -> list[Judged]:
    """Every outcome with its legal basis. What is not allowed becomes Withheld here and never leaves this function."""
    gate = key.channel.consent_gate
    asked = {identifier for one in outcomes for identifier in _asked_of(one)} if gate else set()
    histories = consents.histories(sorted(asked)) if asked else {}
    return [_judge(one, key, histories) for one in outcomes]


def _asked_of(outcome: Outcome) -> list[Identifier]:
    if isinstance(outcome, Event):
        return consent.asked_of(outcome)
    return outcome.identifiers() if isinstance(outcome, Refusal) else []


def _judge(one: Outcome, key: WriteKey, histories: Mapping[tuple[str, str], tuple[consent.Entry, ...]]) -> Judged:
    if isinstance(one, Withheld):
        return one, ""
    decided = consent.decided((histories.get(who, ()) for who in _asked_of(one)), key.channel.tracking_consent)
    claimed = consent.claimed_by(one, key.channel.consent_categories) if isinstance(one, Event) else None
    basis = consent.verdict(key.channel, decided=decided, claimed=claimed)
    if basis is not None:
        return one, basis
    if isinstance(one, Event) and consent.is_legitimate(one):
        return consent.stripped(one), LEGITIMATE_INTEREST
    message = "the person did not agree, or withdrew the agreement"
    return Withheld(rule=CONSENT_WITHHELD, message=message, message_id=one.message_id), ""


def _by_basis(judged: Iterable[Judged]) -> dict[str, list[Outcome]]:
    """What is kept, by its legal basis: nearly always one."""
    kept: dict[str, list[Outcome]] = {}
    for outcome, basis in judged:
        if basis:
            kept.setdefault(basis, []).append(outcome)
    return kept


def _message(key: WriteKey, basis: str, now: int, kept: Sequence[Outcome]) -> str:
    """One envelope as a message. Legitimate interest names no channel and no key."""
    is_bare = basis == LEGITIMATE_INTEREST
    envelope = Envelope(
        key=new_key(now),
        received_at=now,
        channel="" if is_bare else key.channel.code_name,
        write_key="" if is_bare else key.id,
        legal_basis=basis,
        events=tuple(one for one in kept if isinstance(one, Event)),
        refused=tuple(one for one in kept if isinstance(one, Refusal)),
    )
    return message_of(envelope)


def _count(outcomes: Iterable[Outcome]) -> None:
    """How many events were accepted and refused, and how many each rule withheld."""
    count(**Counter(_COUNTED.get(type(one)) or one.rule for one in outcomes))  # type: ignore[union-attr]


_COUNTED = {Event: "accepted", Refusal: "refused"}
