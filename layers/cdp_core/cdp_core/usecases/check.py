"""The checker: looks at every leaf of a deployment in use, and at whatever has no leaf. Resumable, rate-limited.

What looks wrong is looked at again after the longest possible flush: a leaf in the middle of one is no fault.
"""

import time
import uuid
from typing import Any

from cdp_core import clock
from cdp_core.config import settings
from cdp_core.domain import check as rules
from cdp_core.domain.check import Facts
from cdp_core.domain.jobs import DONE, WAIT, view
from cdp_core.domain.leaf import Leaf
from cdp_core.observability import count, logger
from cdp_core.tables import activities, jobs, leaves, links, listing, walk
from cdp_core.usecases.hold import Hold
from cdp_core.usecases.repair import repair

_PAGE = 50
AT_REST = 2**48 - 1  # later than every receipt (ms)


def request_check(*, per_second: int, repair: bool) -> dict[str, Any]:
    """Makes the job; its view."""
    job = rules.new_job(uuid.uuid4().hex, created_at=clock.now_ms(), per_second=per_second, repair=repair)
    jobs.create(job)
    return view(job)


def step(hold: Hold) -> bool:
    """One page, or one second look. False if nothing can be done now. Raises TryAgain; the job goes on where it stands."""
    phase = hold.job.phase
    if phase in (rules.PROFILES, rules.ACTIVITIES):
        _walk(hold, phase)
    elif phase == WAIT:
        if clock.now_ms() < hold.job.deadline:
            return False
        hold.store(phase=rules.CONFIRM)
    elif hold.job.place["suspects"]:
        _confirm(hold)
    else:
        _finish(hold)
    return hold.job.phase != DONE


def _walk(hold: Hold, table: str) -> None:
    start = hold.job.place["start"]
    per_second = int(hold.job.request["per_second"])
    page = walk.page(table, start=(start[0], start[1]) if start else None, limit=min(_PAGE, per_second))
    is_first = table == rules.PROFILES
    suspects = [one for one in page.partitions if (examine(one, _settled()) if is_first else _is_ownerless(one))]
    job = rules.after_page(
        hold.job,
        counted="leaves" if is_first else "partitions",
        number=len(page.partitions),
        suspects=suspects,
        start=list(page.last) if page.last else [],
        wait_until=clock.now_ms() + settings().erasure_wait_seconds * 1000,
    )
    hold.keep(job)
    time.sleep(max(1, len(page.partitions)) / per_second)  # a second at most


def _settled() -> int:
    """Up to when envelopes are applied for certain (ms)."""
    return clock.now_ms() - settings().erasure_wait_seconds * 1000


def _is_ownerless(partition: str) -> bool:
    """Whether a partition of activities is not of its leaf's current life."""
    leaf = leaves.load(partition.partition("#")[0])
    return leaf.created_at is None or partition != activities.partition(leaf.id, leaf.epoch)


def _confirm(hold: Hold) -> None:
    leaf, lives = rules.next_suspect(hold.job)
    found = examine(leaf, _settled())
    found &= examine(leaf, _settled()) if found else set()  # its reads are of several moments: a change is no fault
    found |= {fault for epoch in lives for fault in _stray(leaf, epoch)}
    for fault in found:
        logger().warning("an invariant does not hold", extra={"leaf": leaf, "fault": fault})
    is_repaired = bool(found and hold.job.request["repair"] and repair(leaf, found))
    hold.keep(rules.after_suspect(hold.job, leaf, sorted(found), repaired=is_repaired))


def _stray(leaf_id: str, epoch: int) -> set[str]:
    """What does not hold of a partition of activities that is not of its leaf's current life."""
    leaf = leaves.load(leaf_id)
    if epoch == leaf.epoch or _is_being_erased(leaf) or not walk.rows_of(leaf_id, epoch):
        return set()
    return {"old_life" if epoch < leaf.epoch else "ownerless"}


def _finish(hold: Hold) -> None:
    count(check_findings=sum(hold.job.counts[rules.found(fault)] for fault in rules.FAULTS))
    hold.keep(rules.finished(hold.job))


def examine(leaf_id: str, settled_until: int = AT_REST) -> set[str]:
    """What does not hold of a leaf now. Envelopes received after `settled_until` (ms) may be under way, everything else is at rest."""
    leaf = leaves.load(leaf_id)
    children = links.children_of(leaf)
    parent = leaves.load(leaf.parent) if leaf.parent else None
    facts = Facts(
        leaf=leaf,
        size=walk.hot_size(leaf_id),
        rows=tuple(activities.all_rows(leaf_id, leaf.epoch)),
        children=leaves.load_many(children),
        parent=parent,
        parents_children=links.children_of(parent) if parent else frozenset(),
        is_listed=bool(listing.load(leaf_id, leaf.epoch).day),
        old_items=0 if _is_being_erased(leaf) else _old_items(leaf),
        settled_until=settled_until,
    )
    return rules.faults(facts)


def _is_being_erased(leaf: Leaf) -> bool:
    job = jobs.load(leaf.job) if leaf.job else None
    return job is not None and job.phase != DONE


def _old_items(leaf: Leaf) -> int:
    if leaf.epoch == 0:
        return 0
    return walk.old_details(leaf.id, leaf.epoch) + walk.rows_of(leaf.id, leaf.epoch - 1)
