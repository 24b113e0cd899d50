"""The flush protocol for one leaf (protocol section 2): rows, then details and links, then one compare-and-swap."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field

from cdp_core.config import settings
from cdp_core.domain import counting, leaf_types, listing, suppression
from cdp_core.domain.contact import Registers, fold
from cdp_core.domain.counting import TRIES, Claim
from cdp_core.domain.leaf import Leaf, earliest, with_channels
from cdp_core.domain.links import Verdict
from cdp_core.domain.work import LeafWork, Share
from cdp_core.errors import Contended, TryAgain
from cdp_core.observability import logger
from cdp_core.tables import activities, contacts, leaves
from cdp_core.usecases import bury, link_leaves, list_profile
from cdp_core.usecases.fold_details import fold_into, fold_record
from cdp_core.usecases.store_rows import store_rows

_OF_THIS_REQUEST = (Verdict.ERASED, Verdict.UNLINKED, Verdict.SUPPRESSED)  # they speak of when this one was received


@dataclass(slots=True)
class Outcome:
    """The envelopes that must come back because this leaf could not finish them, and what was done."""

    failed: set[bytes] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Tools:
    """What applying needs besides the leaf: threads for the puts, leaves read in the read wave, attempts per envelope."""

    puts: Executor
    known: Mapping[str, Leaf]
    attempts: Mapping[bytes, int]
    out_of_time: Callable[[], bool]


def apply(work: LeafWork, tools: Tools) -> Outcome:
    """Applies everything a batch asks of one leaf. Never raises TryAgain: what could not be finished is named in the outcome."""
    outcome = Outcome()
    leaf = tools.known[work.leaf]
    try:
        for _ in range(TRIES):
            if tools.out_of_time():
                break
            if leaf.ttl is not None:
                leaves.wake(leaf)
            elif _apply_life(work, leaf, tools, outcome):
                return outcome
            leaf = leaves.load(work.leaf)
    except TryAgain as error:
        logger().warning("a leaf will be tried again", extra={"leaf": work.leaf, "reason": str(error)})
        outcome.counts["tried_again"] += 1
    outcome.failed |= work.keys()
    return outcome


def _apply_life(work: LeafWork, leaf: Leaf, tools: Tools, outcome: Outcome) -> bool:
    """One turn for one epoch of the leaf. False if the leaf must be read anew, as after an erasure."""
    shares = _wanted(work, leaf, outcome)
    if not shares:
        return True
    reserved = _reserve_types(leaf, shares)
    if reserved is None:
        return False
    leaf = reserved
    stored = store_rows(leaf, shares, tools.puts)
    outcome.failed |= stored.incomplete
    bury.refused_rows(leaf, stored.refused, tools.attempts)
    outcome.counts += stored.counts
    outcome.counts["dead_letters"] += len(stored.refused)
    complete = [share for share in shares if share.key not in stored.incomplete]
    registers = _save_contact(leaf, complete)
    _join_records(leaf, complete)
    _link(leaf._replace(identifier=work.identifier), complete, tools, outcome)
    claims = [claim for claim in stored.claims if claim.key not in outcome.failed]
    return _commit(leaf, claims, _Facts(work.identifier, complete, registers))


def _wanted(work: LeafWork, leaf: Leaf, outcome: Outcome) -> list[Share]:
    """The shares that are neither erased, nor counted before, nor suppressed."""
    erased = {key: share for key, share in work.shares.items() if share.received_at <= leaf.erased_until}
    outcome.counts["erased"] += sum(len(share.rows) for share in erased.values())
    asked = {key: share for key, share in work.shares.items() if key not in erased and key not in leaf.ring}
    refused = {key: share for key, share in asked.items() if _is_refused(leaf, share)}
    outcome.counts["suppressed"] += sum(max(1, len(share.rows)) for share in refused.values())  # details alone are one
    return [share for key, share in asked.items() if key not in refused]


def _is_refused(leaf: Leaf, share: Share) -> bool:
    """Whether the person is suppressed. What somebody began to store before he could know of it is finished: rows are counted."""
    if not suppression.is_suppressed(leaf.suppressions, share.received_at):
        return False
    if not suppression.is_in_doubt(leaf.suppressions, share.received_at):
        return True
    stored = activities.load_many([(leaf.id, leaf.epoch)], share.rows)
    return all(row.envelope != share.key for _, row in stored)


def _reserve_types(leaf: Leaf, shares: Iterable[Share]) -> Leaf | None:
    """The leaf with a place for each new type, where it has many; None if it changed since it was read."""
    asked = [row.type for share in shares for row in share.rows.values()]
    limit, flushes = settings().max_leaf_types, settings().flush_max_workers
    types = leaf_types.admitted(leaf.counts, asked, limit=limit)
    if not leaf_types.must_be_reserved(leaf.counts, types, limit=limit, flushes=flushes):
        return leaf
    after = leaf._replace(counts={name: leaf.counts.get(name, 0) for name in types})
    return after._replace(version=leaf.version + 1) if leaves.commit(leaf, after) else None


def _save_contact(leaf: Leaf, shares: Iterable[Share]) -> Registers | None:
    """Folds the shares' details into the contact, before the commit. The contact's registers, or None if none was touched."""
    updates = fold(*(share.registers for share in shares))
    return fold_into(contacts.contact_key(leaf.id, leaf.epoch), updates) if updates else None


def _join_records(leaf: Leaf, shares: Iterable[Share]) -> None:
    for share in shares:
        for (kind, name), registers in share.records.items():
            fold_record((kind, name), registers)
            contacts.join_record(leaf.id, leaf.epoch, (kind, name), received_at=share.received_at)


def _link(leaf: Leaf, shares: Iterable[Share], tools: Tools, outcome: Outcome) -> None:
    """Asks for the links, earliest claims first. Once a claim on a child stands, the later ones of this leaf are void."""
    wishes = [link_leaves.wish_of(leaf, share, request) for share in shares for request in share.links]
    settled: set[str] = set()
    for wish in sorted(wishes, key=lambda wish: wish.key):
        if wish.child not in settled:
            verdict = link_leaves.link(wish, tools.known)
            outcome.counts["linked"] += verdict is Verdict.LINK
            if verdict not in _OF_THIS_REQUEST:
                settled.add(wish.child)


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the commit stores besides counts: all of it idempotent."""

    identifier: str
    shares: list[Share]
    registers: Registers | None

    def add_to(self, leaf: Leaf) -> Leaf:
        received = [share.received_at for share in self.shares]
        registered = [share.received_at for share in self.shares if share.registered]
        return leaf._replace(
            identifier=self.identifier,
            created_at=earliest(leaf.created_at, *received),
            verified_since=earliest(leaf.verified_since, *registered),
            channels=with_channels(leaf.channels, (share.channel for share in self.shares)),
        )


def _commit(leaf: Leaf, claims: list[Claim], facts: _Facts) -> bool:
    """Steps 2 and 3. False if the epoch changed. Raises Contended after TRIES lost races."""
    epoch, first_try = leaf.epoch, True
    for _ in range(TRIES):
        after = _decide(leaf, claims, facts, first_try=first_try)
        if not facts.shares or after == leaf:
            return True
        if after.listed != leaf.listed:
            list_profile.refresh(after)
        if _swap(leaf, after):
            return True
        leaf, first_try = leaves.load(leaf.id), False
        if leaf.epoch != epoch:
            return False
    raise Contended("a leaf changed too often")


def _swap(before: Leaf, after: Leaf) -> bool:
    """The compare-and-swap; a lost answer counts as a lost race, and the reload tells."""
    try:
        return leaves.commit(before, after)
    except TryAgain:
        return False


def _decide(leaf: Leaf, claims: list[Claim], facts: _Facts, *, first_try: bool) -> Leaf:
    """The leaf as it should be stored: counted on top, or counted anew where a claim is in doubt."""
    after = leaf
    todo = counting.uncounted(leaf, claims)
    if todo:
        after = counting.remember(leaf, todo)
        if counting.in_doubt(leaf, todo, first_try=first_try):
            after = counting.recount(after, activities.all_rows(leaf.id, leaf.epoch))
        else:
            after = counting.add_counts(after, (row for claim in todo for row in claim.rows))
    after = facts.add_to(after)
    return after._replace(listed=_marker(leaf, after, facts.registers))


def _marker(before: Leaf, after: Leaf, registers: Registers | None) -> str:
    if registers is None and before.listed and before.verified_since == after.verified_since:
        return listing.with_day(before.listed, after)
    if registers is None:
        registers = contacts.load(contacts.contact_key(after.id, after.epoch)).registers
    return listing.marker(listing.listed([after], registers))
