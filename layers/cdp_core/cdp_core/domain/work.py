"""What a batch of envelopes asks of each leaf: a pure regrouping by leaf, before anything is read or written."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cdp_core.domain import contact, edits
from cdp_core.domain.activity import Row, row_of
from cdp_core.domain.contact import Register, Registers
from cdp_core.domain.envelope import MAX_RECORD_ID, Envelope, Event
from cdp_core.domain.identity import ANONYMOUS_ID, Identifier, is_blocked
from cdp_core.domain.registration import Handler, Registration
from cdp_core.domain.times import iso, position

LeafOf = Callable[[Identifier], str]
ACCOUNT, MEMBER, CUSTOMER = "account", "member", "customer"
Record = tuple[str, str]  # one of these three, and its id


@dataclass(frozen=True, slots=True)
class LinkRequest:
    """An event's wish that the leaf of an anonymous identifier be under the leaf that stores the event."""

    child: str
    identifier: str
    message_id: str


@dataclass(slots=True)
class Share:
    """One envelope's share of one leaf. `rows` are keyed by (claimed time, message id): the first of a kind wins.

    `events` are what the rows were made of; `records` are the accounts, members and customers that the leaf belongs to, with what
    was said of them.
    """

    key: bytes
    received_at: int
    channel: str = ""
    write_key: str = ""
    legal_basis: str = ""
    events: dict[tuple[int, str], Event] = field(default_factory=dict)
    rows: dict[tuple[int, str], Row] = field(default_factory=dict)
    registers: Mapping[str, Register] = field(default_factory=dict)
    records: dict[Record, Registers] = field(default_factory=dict)
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


@dataclass(frozen=True, slots=True)
class Rules:
    """What regrouping needs besides the envelopes: the leaf of an identifier, and what becomes of a registered member."""

    leaf_of: LeafOf
    on_registered: Handler


def regroup(envelopes: Iterable[Envelope], rules: Rules) -> tuple[dict[str, LeafWork], list[Failure]]:
    """The work of each leaf; an event that cannot be applied is set aside and costs its neighbours nothing."""
    works: dict[str, LeafWork] = {}
    failures: list[Failure] = []
    for envelope in envelopes:
        for index, event in enumerate(envelope.events):
            try:
                _add(works, envelope, event, rules)
            except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as error:
                failures.append(Failure(envelope, index, error))
    return works, failures


def _add(works: dict[str, LeafWork], envelope: Envelope, event: Event, rules: Rules) -> None:
    identifiers = event.identifiers()
    if not identifiers:
        raise ValueError("the event names nobody")
    owner = identifiers[0]
    leaf = rules.leaf_of(owner)
    # First everything that may fail, then the changes.
    row, said = row_of(envelope, event), _said(envelope, event, rules.on_registered)
    if any(len(name.encode()) > MAX_RECORD_ID for _, name in said.records):
        raise ValueError(f"an id has more than {MAX_RECORD_ID} bytes")
    others = [(rules.leaf_of(other), str(other)) for other in _linked(event, identifiers, owner=owner)]
    work = works.setdefault(leaf, LeafWork(leaf, str(owner)))
    share = work.shares.setdefault(envelope.key, _share(envelope))
    share.links += [LinkRequest(child, identifier, event.message_id) for child, identifier in others]
    if row is not None:
        share.rows.setdefault((row.time, row.message_id), row)
        share.events.setdefault((row.time, row.message_id), event)
    share.registered |= said.verified
    share.registers = contact.fold(share.registers, said.person)
    for record, registers in said.records.items():
        share.records[record] = contact.fold(share.records.get(record, {}), registers)


def _share(envelope: Envelope) -> Share:
    return Share(
        key=envelope.key,
        received_at=envelope.received_at,
        channel=envelope.channel,
        write_key=envelope.write_key,
        legal_basis=envelope.legal_basis,
    )


@dataclass(slots=True)
class _Said:
    """What one event says: of the person, of records, and whether the person is verified by it."""

    person: Registers = field(default_factory=dict)
    records: dict[Record, Registers] = field(default_factory=dict)
    verified: bool = False


def _said(envelope: Envelope, event: Event, on_registered: Handler) -> _Said:
    claim = _Claim(position(event.time, envelope.received_at), envelope.channel, event.message_id)
    if event.type == "group":
        return _Said(records={(ACCOUNT, str(event.body["group_id"])): claim.traits(event.body.get("traits") or {})})
    if event.type == "identify":
        return _Said(person=contact.fold(claim.traits(event.body.get("traits") or {}), claim.edits(event)))
    said = _Said(person=claim.typed(event.body.get("contact") or {}))
    if MEMBER in event.body:
        _register(said, claim, event.body[MEMBER], on_registered, received_at=envelope.received_at)
    if CUSTOMER in event.body:
        said.person = contact.fold(said.person, claim.registration(contact.CUSTOMER, event.body[CUSTOMER]))
        said.records[CUSTOMER, str(event.body[CUSTOMER]["customer_id"])] = {}
    return said


def _register(
    said: _Said, claim: "_Claim", member: Mapping[str, Any], on_registered: Handler, *, received_at: int
) -> None:
    fields = {name: value for name, value in member.items() if name not in ("member_id", "name", "email")}
    registration = Registration(
        member_id=str(member["member_id"]),
        name=member.get("name"),
        email=member.get("email"),
        received_at=received_at,
        fields=fields,
    )
    made = on_registered(registration)
    shown = {"display_name": made.display_name} if made.display_name is not None else {}
    values = {**member, **shown, "registered_at": iso(received_at)}
    person = {name: member[name] for name in ("name", "email") if member.get(name)}
    said.person = contact.fold(said.person, claim.traits(person), claim.registration(contact.MEMBER, values))
    said.records[MEMBER, registration.member_id] = {}  # it outlives the person: nothing about them is kept in it
    said.verified = made.verified


@dataclass(frozen=True, slots=True)
class _Claim:
    """When something was said (ms), by which channel and in which message."""

    time: int
    source: str
    message_id: str

    def traits(self, traits: Mapping[str, Any]) -> Registers:
        return contact.updates(traits, time=self.time, source=self.source, message_id=self.message_id)

    def edits(self, event: Event) -> Registers:
        """What an admin or an import said, by register; no wire makes an event with it."""
        return edits.edited(
            event.body.get("edits") or {}, time=self.time, source=self.source, message_id=self.message_id
        )

    def typed(self, fields: Mapping[str, Any]) -> Registers:
        return contact.typed(fields, time=self.time, source=self.source, message_id=self.message_id)

    def registration(self, prefix: str, values: Mapping[str, Any]) -> Registers:
        return {
            prefix + name: Register(value=value, time=self.time, source=self.source, message_id=self.message_id)
            for name, value in values.items()
        }


def _linked(event: Event, identifiers: list[Identifier], *, owner: Identifier) -> list[Identifier]:
    """The anonymous identifiers that an event of a known user claims (design section 5)."""
    if owner.kind == ANONYMOUS_ID:
        return []
    previous = event.body.get("previous_id") if event.type == "alias" else None
    claimed = identifiers[1:]
    if isinstance(previous, str) and previous and not is_blocked(previous):
        claimed = [*claimed, Identifier(ANONYMOUS_ID, previous)]
    return list(dict.fromkeys(claimed))
