"""Applies a group of envelopes to profiles and activities: regrouped by leaf, one read wave, then every leaf on its own, then
what was refused.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from cdp_core.domain.envelope import Envelope
from cdp_core.domain.identity import Identifier, leaf_id
from cdp_core.domain.leaf import Leaf
from cdp_core.domain.work import LeafWork, Rules, regroup
from cdp_core.observability import logger
from cdp_core.secrets import identity_key
from cdp_core.tables import leaves
from cdp_core.usecases import activity_types, bury, on_registered
from cdp_core.usecases.apply_leaf import Outcome, Tools, apply
from cdp_core.usecases.bury import Burial

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
    activity_types.settle(works.values())
    wanted = bury.burials(envelopes.values(), failures, attempts)
    with ThreadPoolExecutor(_THREADS) as leaf_pool, ThreadPoolExecutor(_THREADS) as put_pool:
        tools = Tools(put_pool, _read_wave(works), attempts, lambda: remaining_ms() <= STOP_MS)
        outcomes = list(leaf_pool.map(lambda work: _guarded(work, tools), works.values()))
        outcomes.append(_bury(wanted, tools))  # what was refused never keeps what was not from its profile
    for outcome in outcomes:
        counts.update(outcome.counts)
    return set().union(*(outcome.failed for outcome in outcomes))


def _read_wave(works: Mapping[str, LeafWork]) -> dict[str, Leaf]:
    children = {link.child for work in works.values() for share in work.shares.values() for link in share.links}
    return leaves.load_many([*works, *sorted(children)])


def _guarded(work: LeafWork, tools: Tools) -> Outcome:
    """A defect in one leaf's way costs that leaf's messages another try, not its neighbours theirs."""
    try:
        return apply(work, tools)
    except Exception:
        logger().exception("a leaf could not be applied")
        return Outcome(failed=work.keys(), counts=Counter(defects=1))


def _bury(wanted: list[Burial], tools: Tools) -> Outcome:
    """A defect in burying costs the messages with dead letters another try, not their neighbours theirs."""
    try:
        buried = bury.bury_all(wanted, tools.puts, tools.out_of_time)
    except Exception:
        logger().exception("dead letters could not be stored")
        return Outcome(failed={one.letter.envelope for one in wanted}, counts=Counter(defects=1))
    if buried.failed:
        logger().warning("dead letters will be tried again", extra={"reasons": sorted(buried.reasons)})
    return Outcome(failed=buried.failed, counts=Counter(dead_letters=buried.letters))


def _leaf_of(identifier: Identifier) -> str:
    return leaf_id(identity_key(), identifier)
