"""What a batch of envelopes asks of each leaf: a pure regrouping by leaf, before anything is read or written."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from cdp_core.domain import contact
from cdp_core.domain.activity import Row, row_of
from cdp_core.domain.contact import Register, Registers
from cdp_core.domain.envelope import Envelope, Event
from cdp_core.domain.identity import ANONYMOUS_ID, Identifier, is_blocked
from cdp_core.domain.times import position

LeafOf = Callable[[Identifier], str]
REGISTRATION = "memberregistration"


@dataclass(frozen=True, slots=True)
class LinkRequest:
    """An event's wish that the leaf of an anonymous identifier be under the leaf that stores the event."""

    child: str
    identifier: str
    message_id: str


@dataclass(slots=True)
class Share:
    """One envelope's share of one leaf. `rows` are keyed by (claimed time, message id): the first of a kind wins.

    `events` are what the rows were made of.
    """

    key: bytes
    received_at: int
    channel: str = ""
    write_key: str = ""
    legal_basis: str = ""
    events: dict[tuple[int, str], Event] = field(default_factory=dict)
    rows: dict[tuple[int, str], Row] = field(default_factory=dict)
    registers: Mapping[str, Register] = field(default_factory=dict)
    accounts: dict[str, Registers] = field(default_factory=dict)
    links: list[LinkRequest] = field(default_factory=list)
    registered: bool = False


@dataclass(slots=True)
class LeafWork:
    """Everything a batch asks of one leaf, one share an envelope; the same envelope twice is one share."""

    leaf: str
    identifier: str
    shares: dict[bytes, Share] = field(default_factory=dict)

    def keys(self) -> set[bytes]:
        """The envelopes that have a share."""
        return set(self.shares)


@dataclass(frozen=True, slots=True)
class Failure:
    """An event that cannot be applied, and its place in the envelope."""

    envelope: Envelope
    index: int
    error: Exception

    @property
    def event(self) -> Event:
        """The event itself."""
        return self.envelope.events[self.index]


def regroup(envelopes: Iterable[Envelope], leaf_of: LeafOf) -> tuple[dict[str, LeafWork], list[Failure]]:
    """The work of each leaf; an event that cannot be applied is set aside and costs its neighbours nothing."""
    works: dict[str, LeafWork] = {}
    failures: list[Failure] = []
    for envelope in envelopes:
        for index, event in enumerate(envelope.events):
            try:
                _add(works, envelope, event, leaf_of=leaf_of)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                failures.append(Failure(envelope, index, error))
    return works, failures


def _add(works: dict[str, LeafWork], envelope: Envelope, event: Event, *, leaf_of: LeafOf) -> None:
    identifiers = event.identifiers()
    if not identifiers:
        raise ValueError("the event names nobody")
    owner = identifiers[0]
    leaf = leaf_of(owner)
    # First everything that may fail, then the changes.
    row, details = row_of(envelope, event), _details(envelope, event)
    account = str(event.body["group_id"]) if event.type == "group" else None
    others = [(leaf_of(other), str(other)) for other in _linked(event, identifiers, owner=owner)]
    work = works.setdefault(leaf, LeafWork(leaf, str(owner)))
    share = work.shares.setdefault(envelope.key, _share(envelope))
    share.links += [LinkRequest(child, identifier, event.message_id) for child, identifier in others]
    if row is not None:
        share.rows.setdefault((row.time, row.message_id), row)
        share.events.setdefault((row.time, row.message_id), event)
        share.registered |= row.type == REGISTRATION and event.authority
    if account is not None:
        share.accounts[account] = contact.fold(share.accounts.get(account, {}), details)
    else:
        share.registers = contact.fold(share.registers, details)


def _share(envelope: Envelope) -> Share:
    return Share(
        key=envelope.key,
        received_at=envelope.received_at,
        channel=envelope.channel,
        write_key=envelope.write_key,
        legal_basis=envelope.legal_basis,
    )


def _details(envelope: Envelope, event: Event) -> Registers:
    if event.type not in ("identify", "group"):
        return {}
    return contact.updates(
        event.body.get("traits") or {},
        time=position(event.time, envelope.received_at),
        source=envelope.channel,
        message_id=event.message_id,
    )


def _linked(event: Event, identifiers: list[Identifier], *, owner: Identifier) -> list[Identifier]:
    """The anonymous identifiers that an event of a known user claims (design section 5)."""
    if owner.kind == ANONYMOUS_ID:
        return []
    previous = event.body.get("previous_id") if event.type == "alias" else None
    claimed = identifiers[1:]
    if isinstance(previous, str) and previous and not is_blocked(previous):
        claimed = [*claimed, Identifier(ANONYMOUS_ID, previous)]
    return list(dict.fromkeys(claimed))
