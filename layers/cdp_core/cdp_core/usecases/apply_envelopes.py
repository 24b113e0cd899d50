"""Applies a group of envelopes to profiles and activities: regrouped by leaf, one read wave, then every leaf on its own."""

from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from cdp_core.domain.envelope import Envelope
from cdp_core.domain.identity import Identifier, leaf_id
from cdp_core.domain.work import LeafWork, Rules, regroup
from cdp_core.observability import logger
from cdp_core.secrets import identity_key
from cdp_core.tables import leaves
from cdp_core.usecases import activity_types, bury, on_registered
from cdp_core.usecases.apply_leaf import Outcome, Tools, apply

STOP_MS = 4_000  # nothing new is begun when less of the invocation is left
_THREADS = 32  # by measurement: `make bench`, events a second by threads

RemainingMs = Callable[[], int]


def apply_envelopes(
    envelopes: Mapping[bytes, Envelope],
    attempts: Mapping[bytes, int],
    remaining_ms: RemainingMs,
    counts: Counter[str],
) -> set[bytes]:
    """Applies envelopes by their keys; the keys of those that are not complete, which must come back.

    `attempts` says how often each was tried; what was done is added to `counts`. An envelope applied twice counts once.
    Raises TryAgain if not even the reads worked.
    """
    works, failures = regroup(envelopes.values(), Rules(_leaf_of, on_registered.handler()))
    counts["events"] += sum(len(envelope.events) + len(envelope.refused) for envelope in envelopes.values())
    counts["leaves"] += len(works)
    for envelope in envelopes.values():
        counts["dead_letters"] += bury.refusals(envelope, attempts[envelope.key])
    for failure in failures:
        counts["dead_letters"] += bury.failure(failure, attempts[failure.envelope.key])
    activity_types.settle(works.values())
    outcomes = _apply_leaves(works, attempts, remaining_ms)
    for outcome in outcomes:
        counts.update(outcome.counts)
    return set().union(*(outcome.failed for outcome in outcomes))


def _apply_leaves(
    works: dict[str, LeafWork], attempts: Mapping[bytes, int], remaining_ms: RemainingMs
) -> list[Outcome]:
    """One read wave, then every leaf on its own."""
    children = {link.child for work in works.values() for share in work.shares.values() for link in share.links}
    known = leaves.load_many([*works, *sorted(children)])
    with ThreadPoolExecutor(_THREADS) as leaf_pool, ThreadPoolExecutor(_THREADS) as put_pool:
        tools = Tools(put_pool, known, attempts, lambda: remaining_ms() <= STOP_MS)
        return list(leaf_pool.map(lambda work: _guarded(work, tools), works.values()))


def _guarded(work: LeafWork, tools: Tools) -> Outcome:
    """A defect in one leaf's way costs that leaf's messages another try, not its neighbours theirs."""
    try:
        return apply(work, tools)
    except Exception:
        logger().exception("a leaf could not be applied")
        return Outcome(failed=work.keys(), counts=Counter(defects=1))


def _leaf_of(identifier: Identifier) -> str:
    return leaf_id(identity_key(), identifier)
