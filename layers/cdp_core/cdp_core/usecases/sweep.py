"""Erasure, second half: removes what the tombstones made unreadable, waits for stragglers, removes again, and says so in a receipt."""

from dataclasses import replace
from typing import Any

from cdp_core import bucket, clock
from cdp_core.config import settings
from cdp_core.domain import erasure as rules
from cdp_core.domain.jobs import DONE, WAIT
from cdp_core.tables import erasures, jobs, leaves
from cdp_core.usecases import erasure_receipts
from cdp_core.usecases.hold import Hold


def step(hold: Hold) -> bool:
    """One step of an erasure. False if nothing can be done now. Raises TryAgain; the job goes on where it stands."""
    phase = hold.job.phase
    if phase == rules.LEDGER:
        bucket.write_erasure(hold.job)
        removed = erasures.remove_consents(hold.job)  # again: the request may have died before it did
        _advance(hold, counts={**hold.job.counts, "consents": removed})
    elif phase in (rules.FIRST_SWEEP, rules.SECOND_SWEEP):
        _sweep(hold)
    elif phase == WAIT:
        if clock.now_ms() < hold.job.deadline:
            return False
        _advance(hold)
    elif phase == rules.EXPIRE:
        _expire(hold)
        _advance(hold)
    elif phase == rules.RECEIPT:
        erasure_receipts.issue(hold.job)
        _advance(hold)
    return hold.job.phase != DONE


def _sweep(hold: Hold) -> None:
    """Sweeps the part the job stands at, then goes on to the next part or phase.

    The end of a page is stored with its counts before the page is deleted, so a resumed job neither counts twice nor forgets.
    """
    targets = rules.targets(hold.job)
    at = int(hold.job.place["step"])
    if at == len(targets):
        _advance(hold, deadline=clock.now_ms() + settings().erasure_wait_seconds * 1000)
        return
    leaf, part = targets[at]
    epoch = rules.lives(hold.job)[leaf] - 1
    if leaves.load(leaf).epoch <= epoch:  # its tombstone has expired: what is there now is of a new life
        hold.keep(rules.at_step(hold.job, at + 1))
        return
    _finish_page(hold, leaf, epoch, part)
    for page in erasures.pages(leaf, epoch, part):
        counts = {store: n + page.counts[store] for store, n in hold.job.counts.items()}
        hold.keep(rules.at_step(replace(hold.job, counts=counts), at, page_end=page.last))
        erasures.delete(page, part)
        if hold.left() <= 0:
            return
    hold.keep(rules.at_step(hold.job, at + 1))


def _finish_page(hold: Hold, leaf: str, epoch: int, part: str) -> None:
    """Deletes what an interrupted slice had counted and perhaps not deleted."""
    if hold.job.place["page_end"]:
        for page in erasures.pages(leaf, epoch, part, up_to=str(hold.job.place["page_end"])):
            erasures.delete(page, part)


def _expire(hold: Hold) -> None:
    jobs.remove_chunk(hold.job.id, 0)
    lives = rules.lives(hold.job)
    for leaf in leaves.load_many(lives).values():
        if leaf.epoch == lives[leaf.id] and not leaf.is_live and leaf.suppressed_since is None:
            erasures.expire(leaf, at=clock.now_ms() + rules.TOMBSTONE_TTL_MS)


def _advance(hold: Hold, **changes: Any) -> None:
    hold.keep(rules.after_phase(replace(hold.job, **changes), now=clock.now_ms()))
