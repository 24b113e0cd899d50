"""Deliberate breakages of the protocol, each a patch of one rule. The schedules must catch every one of them."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from cdp_core import queue
from cdp_core.domain import counting, erasure, links
from cdp_core.domain.activity import Row
from cdp_core.domain.counting import Claim
from cdp_core.domain.leaf import Leaf
from cdp_core.domain.links import Tree, Verdict
from cdp_core.errors import TryAgain
from cdp_core.tables import leaves
from cdp_core.usecases import drain, store_rows
from cdp_core.usecases.shared_consents import identified

Patch = dict[str, Any]
_commit, _evict, _recount, _parse = leaves.commit, counting.evict, counting.recount, leaves.parse
_apply, _store, _settled, _after_phase = drain._apply, store_rows.store_rows, links.settled, erasure.after_phase


def _unconditional(before: Leaf, after: Leaf) -> bool:
    return _commit(leaves.load(before.id), after)


def _added(before: Leaf, after: Leaf) -> bool:
    """ADD instead of compare-and-swap: the difference goes on top of whatever is there."""
    now = leaves.load(before.id)
    more = Counter(after.counts)
    more.subtract(before.counts)
    counts = {name: n for name, n in (Counter(now.counts) + more).items() if n}
    return _commit(now, after._replace(counts=counts, ring=now.ring | after.ring))


def _uncounted(leaf: Leaf, claims: list[Claim]) -> list[Claim]:
    return [claim for claim in claims if claim.rows]


def _recount_all(leaf: Leaf, rows: Any) -> Leaf:
    rows = list(rows)
    everything = leaf._replace(ring=leaf.ring | {row.envelope for row in rows})
    return _recount(everything, rows)._replace(ring=leaf.ring)


def _always_first(leaf: Leaf, todo: Any, *, first_try: bool) -> bool:
    return any(claim.key <= leaf.horizon and not claim.fresh for claim in todo)


def _never_fresh(leaf: Leaf, todo: Any, *, first_try: bool) -> bool:
    return not first_try and any(claim.key <= leaf.horizon for claim in todo)


def _quiet_eviction(ring: frozenset[bytes], horizon: bytes) -> tuple[frozenset[bytes], bytes]:
    return _evict(ring, horizon)[0], horizon


def _newest_goes(ring: frozenset[bytes], horizon: bytes) -> tuple[frozenset[bytes], bytes]:
    keys = sorted(ring)
    gone = keys[counting.RING_SIZE :]
    return frozenset(keys[: counting.RING_SIZE]), gone[-1] if gone else horizon


def _deleted_first(group: list[Any], remaining_ms: Any) -> Counter[str]:
    queue.delete([one.message.handle for one in group])
    return _apply(group, remaining_ms)


def _all_wanted(work: Any, leaf: Leaf, outcome: Any) -> list[Any]:
    return [share for key, share in work.shares.items() if key not in leaf.ring]


def _incomplete_counts(leaf: Leaf, shares: Any, pool: Any) -> Any:
    """An envelope enters the ring although one of its puts had no certain answer."""
    shares = list(shares)
    stored = _store(leaf, shares, pool)
    for share in shares:
        if share.key in stored.incomplete:
            rows = tuple(row for row in share.rows.values() if row.position is None)[:1]
            stored.claims.append(Claim(key=share.key, received_at=share.received_at, rows=rows, fresh=True))
    stored.incomplete.clear()
    return stored


def _every_row_mine(stored: Any, share: Any, answers: list[tuple[Row, Any]]) -> None:
    rows = tuple(answer.stored for _, answer in answers if not isinstance(answer, Exception))
    if len(rows) == len(answers):
        stored.claims.append(Claim(key=share.key, received_at=share.received_at, rows=rows, fresh=False))
    else:
        stored.incomplete.add(share.key)


def _only_new(stored: Any, share: Any, answers: list[tuple[Row, Any]]) -> None:
    if any(isinstance(answer, Exception) for _, answer in answers):
        stored.incomplete.add(share.key)
        return
    rows = tuple(answer.stored for _, answer in answers if answer.is_new)
    stored.claims.append(Claim(key=share.key, received_at=share.received_at, rows=rows, fresh=True))


def _optimistic_swap(before: Leaf, after: Leaf) -> bool:
    try:
        return leaves.commit(before, after)
    except TryAgain:
        return True


def _one_sweep(job: Any, *, now: int) -> Any:
    after = _after_phase(job, now=now)
    while job.phase == erasure.FIRST_SWEEP and after.phase != erasure.EXPIRE:
        after = _after_phase(after, now=now)
    return after


def _first_processed(wish: Any, child: Leaf) -> Verdict | None:
    return Verdict.EARLIER_CLAIM if child.parent is not None and child.parent != wish.parent else _settled(wish, child)


def _unconditioned(leaf: Leaf) -> tuple[str, dict[str, Any]]:
    return "attribute_not_exists(nothing)", {}


def _asleep(leaf: str, item: Any) -> Leaf:
    """Nobody sees that a tombstone has a TTL, so nobody takes it off in time."""
    return _parse(leaf, item)._replace(ttl=None)


def _asked_only(leaves: Any, names: dict[str, str]) -> dict[Any, Leaf]:
    (asked,) = names
    return {identifier: leaf for identifier, leaf in identified(leaves, names).items() if leaf.id == asked}


def _unlink_without(*, floor: bool, pair: bool) -> Callable[..., bool]:
    from cdp_core.tables import links as gateway

    real = gateway.unlink

    def unlink(child: Leaf, tree: Tree, *, floor: int, consents: list[Any]) -> bool:
        done = real(child, tree, floor=floor if keep_floor else 0, consents=consents)
        if done and not keep_pair:
            from cdp_core.tables import dynamo

            dynamo.call(
                "UpdateItem",
                TableName="ProfilesTable",
                Key=dynamo.key_of(leaves.hot_key(child.id)),
                UpdateExpression="DELETE un :un",
                ExpressionAttributeValues={":un": {"SS": [child.parent]}},
            )
        return done

    keep_floor, keep_pair = not floor, not pair
    return unlink


MUTANTS: dict[str, tuple[str, Patch]] = {
    "no version condition": ("the commit wins whatever was written since it was read", {"cdp_core.tables.leaves.commit": _unconditional}),
    "add instead of compare-and-swap": ("counters are added to, whatever they are", {"cdp_core.tables.leaves.commit": _added}),
    "ring ignored": ("an envelope in the ring is counted again", {"cdp_core.domain.counting.uncounted": _uncounted}),
    "horizon ignored": ("an envelope at or below the horizon is countable", {"cdp_core.domain.counting.in_doubt": lambda leaf, todo, first_try: False}),
    "recount counts all": ("a recount takes rows that nobody has counted", {"cdp_core.domain.counting.recount": _recount_all}),
    "fresh after a reload": ("the exception for new rows holds for later tries too", {"cdp_core.domain.counting.in_doubt": _always_first}),
    "first try without fresh rows": ("the first try counts below the horizon though rows were there", {"cdp_core.domain.counting.in_doubt": _never_fresh}),
    "horizon not raised": ("an evicted envelope is forgotten without a trace", {"cdp_core.domain.counting.evict": _quiet_eviction}),
    "newest evicted": ("the ring forgets the newest", {"cdp_core.domain.counting.evict": _newest_goes}),
    "message deleted first": ("messages are deleted before they are applied", {"cdp_core.usecases.drain._apply": _deleted_first}),
    "tombstone not checked": ("what was received before an erasure is stored", {"cdp_core.usecases.apply_leaf._wanted": _all_wanted}),
    "single sweep": ("stragglers of an erased life stay", {"cdp_core.domain.erasure.after_phase": _one_sweep}),
    "no clock margin": ("an erasure trusts that all clocks agree", {"cdp_core.domain.erasure.CLOCK_MARGIN_MS": 0}),
    "incomplete into the ring": ("an envelope is remembered though a put had no certain answer", {"cdp_core.usecases.apply_leaf.store_rows": _incomplete_counts}),
    "every row is mine": ("rows of other envelopes are counted as one's own", {"cdp_core.usecases.store_rows._claim": _every_row_mine}),
    "only new rows": ("rows of an earlier attempt are not counted", {"cdp_core.usecases.store_rows._claim": _only_new}),
    "lost answer is success": ("a commit without an answer is taken as done", {"cdp_core.usecases.apply_leaf._swap": _optimistic_swap}),
    "links unconditioned": ("links and erasures do not notice that a leaf changed", {"cdp_core.tables.leaves.unchanged": _unconditioned}),
    "first link wins": ("the first claim processed wins, not the first received", {"cdp_core.domain.links.settled": _first_processed}),
    "unmerge forgets the pair": ("the pair may be merged by events again", {"cdp_core.tables.links.unlink": _unlink_without(floor=False, pair=True)}),
    "unmerge without floor": ("a late request from before the unmerge counts", {"cdp_core.tables.links.unlink": _unlink_without(floor=True, pair=False)}),
    "a link forgets consents": ("what was decided does not go with a link", {"cdp_core.usecases.shared_consents.joining": lambda wish, below, above: []}),
    "an unmerge keeps consents": ("what was decided through the other person stays", {"cdp_core.usecases.shared_consents.parting": lambda child, tree: []}),
    "consents outlive an erasure": ("an erasure leaves what was decided before", {"cdp_core.tables.consents.remove": lambda lives: None}),
    "one leaf decides": ("a decision is stored for one identifier only", {"cdp_core.usecases.consents.identified": _asked_only}),
    "consent not asked": ("track does not look what was decided", {"cdp_core.tables.consents.histories": lambda identifiers: {}}),
    "tombstone stays asleep": ("rows are stored under a tombstone that is about to vanish", {"cdp_core.tables.leaves.parse": _asleep}),
}  # fmt: skip


@contextmanager
def broken(name: str) -> Iterator[None]:
    """The product with one rule broken."""
    (target, value), *more = MUTANTS[name][1].items()
    assert not more
    with mock.patch(target, value):
        yield


# Where a breakage shows soonest; all kinds of schedules in turn for the others.
PREFERRED: dict[str, list[str]] = {
    "recount counts all": ["hot leaf", "links"],
    "single sweep": ["delete+skew", "everything"],
    "no clock margin": ["delete+skew", "links+deletes"],
    "links unconditioned": ["links", "links+deletes"],
    "first link wins": ["links", "links+deletes"],
    "unmerge forgets the pair": ["links"],
    "unmerge without floor": ["links"],
    "a link forgets consents": ["consents"],
    "an unmerge keeps consents": ["consents"],
    "consents outlive an erasure": ["consents"],
    "one leaf decides": ["consents"],
    "consent not asked": ["consents"],
    "tombstone stays asleep": ["expiring tombstones"],
}
