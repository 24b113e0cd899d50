"""Erasure, second half: the flush works off jobs in slices, each resumable at every call."""

import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from cdp_core.config import settings
from cdp_core.domain import jobs as rules
from cdp_core.domain.jobs import CLOCK_MARGIN_MS, LEASE_MS, SLICE_MS, TOMBSTONE_TTL_MS, Job
from cdp_core.errors import CdpError, NotFound, TryAgain
from cdp_core.observability import logger
from cdp_core.tables import erasures, jobs, leaves

RemainingMs = Callable[[], int]


class LeaseLost(CdpError):
    """Another process has the job now."""

    code = "lease_lost"


def job_view(job_id: str) -> dict[str, Any]:
    """The job as the profiles API shows it. Raises NotFound."""
    job = jobs.load(job_id)
    if job is None:
        raise NotFound("there is no such job")
    return rules.view(job)


def work_jobs(remaining_ms: RemainingMs) -> int:
    """Works one slice of each open job while time is left. How many slices were begun."""
    started, slices = time.monotonic(), 0

    def left() -> int:
        return min(remaining_ms(), SLICE_MS - int((time.monotonic() - started) * 1000))

    for job in jobs.open_jobs():
        if left() <= 0:
            break
        slices += _slice(job.id, left) if rules.is_due(job, _now()) else 0
    return slices


def _slice(job_id: str, left: RemainingMs) -> int:
    owner, now = uuid.uuid4().hex, _now()
    job = jobs.lease(job_id, owner=owner, now=now, until=now + LEASE_MS)
    if job is None:
        return 0
    worker = _Worker(job, owner, left)
    try:
        worker.run()
    except (TryAgain, LeaseLost) as error:
        logger().warning("a job will be resumed", extra={"job": job_id, "reason": error.code})
    return 1


@dataclass(slots=True)
class _Worker:
    """One process's hold on one job: every change is stored before the next step is taken."""

    job: Job
    owner: str
    left: RemainingMs

    def run(self) -> None:
        """Goes on where the job stands until it is done, must wait, or time is up; then gives the lease back."""
        self._store(started=True)
        while self.left() > 0 and self._step():
            pass
        if self.job.phase == rules.DONE:
            jobs.close(self.job)
        self._store(lease_until=0)

    def _step(self) -> bool:
        """One step. False if nothing can be done now."""
        phase = self.job.phase
        if phase == rules.LEDGER:
            erasures.write_ledger(self.job, erased_until=self.job.created_at + CLOCK_MARGIN_MS)
            self._advance()
        elif phase in (rules.FIRST_SWEEP, rules.SECOND_SWEEP):
            self._sweep()
        elif phase == rules.WAIT:
            if _now() < self.job.deadline:
                return False
            self._advance()
        elif phase == rules.EXPIRE:
            self._expire()
            self._advance()
        return self.job.phase != rules.DONE

    def _sweep(self) -> None:
        """Sweeps the part the job stands at, then goes on to the next part or phase."""
        targets = self.job.targets()
        if self.job.step == len(targets):
            self._advance(deadline=_now() + settings().erasure_wait_seconds * 1000)
            return
        leaf, part = targets[self.job.step]
        epoch = self.job.leaves[leaf] - 1
        if self.job.page_end:  # counted before, perhaps not all deleted
            for page in erasures.pages(leaf, epoch, part, up_to=self.job.page_end):
                erasures.delete(page, part)
        for page in erasures.pages(leaf, epoch, part):
            counts = Counter(self.job.counts) + page.counts
            self._store(counts=dict(counts), page_end=page.last)
            erasures.delete(page, part)
            if self.left() <= 0:
                return
        self._store(step=self.job.step + 1, page_end="")

    def _expire(self) -> None:
        for leaf in leaves.load_many(self.job.leaves).values():
            if leaf.epoch == self.job.leaves[leaf.id] and not leaf.is_live:
                erasures.expire(leaf, at=_now() + TOMBSTONE_TTL_MS)

    def _advance(self, **changes: Any) -> None:
        self._store(phase=rules.next_phase(self.job.phase), step=0, page_end="", **changes)

    def _store(self, *, lease_until: int | None = None, **changes: Any) -> None:
        self.job = replace(self.job, **changes)
        until = _now() + LEASE_MS if lease_until is None else lease_until
        if not jobs.save(self.job, owner=self.owner, lease_until=until):
            raise LeaseLost("another process works on this job")


def _now() -> int:
    return time.time_ns() // 1_000_000
