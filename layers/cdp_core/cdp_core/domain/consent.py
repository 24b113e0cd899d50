"""Consent: agreements of a person, and what they decide about an event when it is received (design section 6)."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from cdp_core.domain.activity import type_of
from cdp_core.domain.channels import VISITOR, Channel
from cdp_core.domain.envelope import Event
from cdp_core.domain.identity import ANONYMOUS_ID, Identifier, is_blocked
from cdp_core.domain.times import CLOCK_MARGIN_MS

CONSENT_WITHHELD = "consent_withheld"  # the rule that keeps an event out
AGREED, CHANNEL_DEFAULT, LEGITIMATE_INTEREST = "consent", "channel_default", "legitimate_interest"
LEGITIMATE_TYPES = frozenset({"bizformsubmit", "memberregistration"})
MAX_ENTRIES = 100  # of one person; the last agreement and the last withdrawal of each consent are among them
_MAX_SEEN = 10
_KEPT = ("event", "contact", "member")
_TYPED = {"bizformsubmit": ("form", "fields"), "memberregistration": ("member_id", "name", "email")}


class Entry(NamedTuple):
    """One decision: to which consent, agreed or revoked, when first (ms), to which text, where, and through which leaf.

    `rank` is its place among the person's decisions (ms): the time when it was said last, or just behind what was known then.
    `seen` are the withdrawals known to an agreement that clocks alone would not put before it.
    """

    code: str
    agreed: bool
    at: int
    rank: int
    text: str
    language: str
    channel: str
    leaf: str
    seen: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """What an agreement that knows it calls it."""
        return f"{self.leaf}.{self.rank}"

    @property
    def order(self) -> tuple[int | bool | str, ...]:
        """By rank; of two with the same the withdrawal comes last. The rest makes every order of arrival the same one."""
        return (self.rank, not self.agreed, self.leaf, self.code, self.text, self.language, self.channel, self.at)


def added(history: Iterable[Entry], new: Entry) -> tuple[Entry, ...]:
    """The history with a decision made in its knowledge. Saying the same again renews what was said, and is no entry of its own."""
    before = union(history)
    rank = max([new.rank, *(entry.rank + 1 for entry in before)])
    near = [one for one in before if one.code == new.code and not one.agreed and one.rank + CLOCK_MARGIN_MS >= rank]
    seen = tuple(one.id for one in near[-_MAX_SEEN:]) if new.agreed else ()
    entry = new._replace(rank=rank, seen=seen)
    last = deciding(before).get(new.code)
    if last is not None and _same(last, entry):
        return union([one for one in before if one != last], [entry._replace(at=last.at)])
    return union(before, [entry])


def _same(one: Entry, other: Entry) -> bool:
    return one._replace(at=0, rank=0, seen=()) == other._replace(at=0, rank=0, seen=())


def consent_key(identifier: Identifier) -> str:
    """The name under which an identifier's consents lie; needs no secret, so that track can read them."""
    return consent_keys([identifier])[0]


def consent_keys(identifiers: Iterable[tuple[str, str]]) -> list[str]:
    """The names for many, each as kind and value: track asks for hundreds in a request."""
    sha256 = hashlib.sha256
    return [sha256(f"{kind}\0{value}".encode("utf-8", "replace")).hexdigest() for kind, value in identifiers]


def union(*histories: Iterable[Entry]) -> tuple[Entry, ...]:
    """All entries in their order; of more than MAX_ENTRIES the last of each consent, then of each leaf, then the youngest."""
    every = sorted({entry for history in histories for entry in history}, key=lambda entry: entry.order)
    if len(every) <= MAX_ENTRIES:
        return tuple(every)
    by_consent = {(entry.code, entry.agreed): entry for entry in every}
    by_leaf = {(entry.code, entry.agreed, entry.leaf): entry for entry in every}
    wanted = dict.fromkeys([*by_consent.values(), *by_leaf.values(), *reversed(every)])
    kept = set(list(wanted)[:MAX_ENTRIES])
    return tuple(entry for entry in every if entry in kept)


def deciding(history: Iterable[Entry]) -> dict[str, Entry]:
    """The entry that decides, by consent: the last agreement, unless a withdrawal stands against all of them.

    An agreement outweighs the withdrawals that were known to it, and those surely before it. Two people who turn out to be one
    may have decided on servers whose clocks differ: in doubt the withdrawal wins.
    """
    by_code: dict[str, list[Entry]] = {}
    for entry in sorted(history, key=lambda entry: entry.order):
        by_code.setdefault(entry.code, []).append(entry)
    return {code: _decider(entries) for code, entries in by_code.items()}


def _decider(entries: list[Entry]) -> Entry:
    agreements = [entry for entry in entries if entry.agreed]
    last = {entry.leaf: entry for entry in entries if not entry.agreed}  # of each leaf the last withdrawal
    standing = [one for one in last.values() if not any(_outweighs(agreement, one) for agreement in agreements)]
    return max(standing or agreements, key=lambda entry: entry.order)


def _outweighs(agreement: Entry, withdrawal: Entry) -> bool:
    return withdrawal.id in agreement.seen or agreement.rank > withdrawal.rank + CLOCK_MARGIN_MS


def decided(histories: Iterable[Iterable[Entry]], code: str) -> bool | None:
    """What holds for an event with several identifiers, None if nobody said anything. They may be several people's, on a
    shared device: the withdrawal of one is not outweighed by what another one agreed to, however late.
    """
    said = [last[code].agreed for last in map(deciding, histories) if code in last]
    return all(said) if said else None


def of_leaves(history: Iterable[Entry], leaves: Iterable[str]) -> tuple[Entry, ...]:
    """What was decided through these leaves."""
    wanted = set(leaves)
    return tuple(entry for entry in history if entry.leaf in wanted)


def asked_of(event: Event) -> list[Identifier]:
    """Every identifier of an event whose owner may have decided something; an alias brings another one."""
    previous = event.body.get("previous_id")
    if isinstance(previous, str) and previous and not is_blocked(previous):
        return [*event.identifiers(), Identifier(ANONYMOUS_ID, previous)]
    return event.identifiers()


def verdict(channel: Channel, *, decided: bool | None, claimed: bool | None) -> str | None:
    """The legal basis on which an event is kept, or None if it is not.

    `decided` is what the person decided last, `claimed` what the event says of it: a withdrawal wins wherever it stands.
    """
    if not channel.consent_gate:
        return CHANNEL_DEFAULT
    if decided is False or claimed is False:
        return None
    if decided or claimed:
        return AGREED
    return CHANNEL_DEFAULT if channel.cookie_level >= VISITOR else None


def claimed_by(event: Event, categories: Iterable[str]) -> bool | None:
    """What `context.consent.categoryPreferences` says of these categories; None if it names none of them."""
    consent = _mapping(_mapping(event.body.get("context")).get("consent"))
    preferences = _mapping(consent.get("categoryPreferences"))
    said = [preferences[name] for name in categories if isinstance(preferences.get(name), bool)]
    return all(said) if said else None


def is_legitimate(event: Event) -> bool:
    """Whether such an event is kept without a consent, as far as the person typed it."""
    return type_of(event) in LEGITIMATE_TYPES


def stripped(event: Event) -> Event:
    """A legitimate-interest event with nothing but what the person typed, under an identity that nobody has."""
    typed = _TYPED[type_of(event) or ""]
    properties = {name: part for name, part in _mapping(event.body.get("properties")).items() if name in typed}
    kept: dict[str, Any] = {name: event.body[name] for name in _KEPT if name in event.body}
    body = kept | ({"properties": properties} if properties else {})
    return event._replace(user_id=None, anonymous_id=f"form:{event.message_id}", body=body)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
