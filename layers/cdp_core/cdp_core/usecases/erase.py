"""Erasure, first half: tombstones for a whole profile at once. From the answer on nothing old is readable."""

import time
import uuid
from dataclasses import replace
from typing import Any

from cdp_core.domain.counting import TRIES
from cdp_core.domain.jobs import CLOCK_MARGIN_MS, Job, view
from cdp_core.domain.leaf import Leaf
from cdp_core.domain.links import Tree
from cdp_core.errors import Contended, NotFound, Unavailable
from cdp_core.tables import erasures, jobs, leaves, links
from cdp_core.usecases.resolve import Named, name

_UNKNOWN = "there is no such profile"


def request_erasure(text: str) -> dict[str, Any]:
    """Erases the profile that `text` names (its id, a merged-away id, or `kind:value`); the view of the job that cleans up.

    A repeat gives the same job. Raises NotFound if there is nothing to erase, and what `resolve.name` raises.
    """
    named = name(text)
    leaf = leaves.load(named.leaf)
    if _is_current(named, leaf):
        return view(_erase(named.leaf, Job(id=uuid.uuid4().hex, created_at=_now(), leaves={})))
    return view(_earlier_job(named, leaf))


def _is_current(named: Named, leaf: Leaf) -> bool:
    return leaf.is_live and named.epoch in (None, leaf.epoch)


def _earlier_job(named: Named, leaf: Leaf) -> Job:
    """The job of the erasure that ended the life that is meant."""
    is_last_life = named.epoch == leaf.epoch - 1 or (named.epoch is None and not leaf.is_live)
    job = jobs.load(leaf.job) if leaf.job and is_last_life else None
    if job is None:
        raise NotFound(_UNKNOWN)
    return job


def _erase(leaf: str, wanted: Job) -> Job:
    """One transaction over all leaves; after a lost answer the job item tells whether it happened."""
    for _ in range(TRIES):
        tree = links.load_tree(leaf)
        if not any(one.is_live for one in tree.leaves.values()):
            return _after_another(tree.leaves[leaf])
        job = _job_for(wanted, tree)
        try:
            if erasures.entomb(tree, job, erased_until=job.created_at + CLOCK_MARGIN_MS):
                return job
        except Unavailable:
            pass
        if (done := jobs.load(wanted.id)) is not None:
            return done
    raise Contended("the profile changed too often; ask again")


def _job_for(wanted: Job, tree: Tree) -> Job:
    epochs = {leaf.id: leaf.epoch + 1 for leaf in tree.leaves.values()}
    return replace(wanted, created_at=_now(), leaves=epochs)  # the time of this very try: retries may take a while


def _after_another(leaf: Leaf) -> Job:
    """Somebody else erased the profile while we read it."""
    job = jobs.load(leaf.job) if leaf.job else None
    if job is None:
        raise NotFound(_UNKNOWN)
    return job


def _now() -> int:
    return time.time_ns() // 1_000_000
