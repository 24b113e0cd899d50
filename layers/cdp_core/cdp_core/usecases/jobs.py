"""The flush works off jobs in slices, each resumable at every call: which job, for how long, under whose lease."""

import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from cdp_core import clock
from cdp_core.domain import jobs as rules
from cdp_core.domain.bulk_erasure import BULK_ERASURE
from cdp_core.domain.check import CHECK
from cdp_core.domain.erasure import ERASURE
from cdp_core.domain.export import EXPORT
from cdp_core.domain.imports import IMPORT
from cdp_core.domain.jobs import DONE, LEASE_MS, SLICE_MS
from cdp_core.domain.redrive import REDRIVE
from cdp_core.domain.replay import REPLAY
from cdp_core.errors import NotFound, TryAgain
from cdp_core.observability import logger
from cdp_core.tables import jobs
from cdp_core.usecases import bulk_erase, check, exports, import_rows, redrive, replay_erasures, sweep
from cdp_core.usecases.hold import Hold, LeaseLost, RemainingMs, Reread

# A step does a bounded piece of work and says whether there is more to do now.
STEPS: Mapping[str, Callable[[Hold], bool]] = {
    ERASURE: sweep.step,
    BULK_ERASURE: bulk_erase.step,
    REDRIVE: redrive.step,
    CHECK: check.step,
    REPLAY: replay_erasures.step,
    IMPORT: import_rows.step,
    EXPORT: exports.step,
}


def job_view(job_id: str) -> dict[str, Any]:
    """The job as the profiles API shows it. Raises NotFound."""
    job = jobs.load(job_id)
    if job is None:
        raise NotFound("there is no such job")
    return rules.view(job)


def work_jobs(remaining_ms: RemainingMs, reread: Reread) -> int:
    """Works one slice of each open job while time is left. How many slices were begun."""
    started, slices = time.monotonic(), 0

    def left() -> int:
        return min(remaining_ms(), SLICE_MS - int((time.monotonic() - started) * 1000))

    for job in jobs.open_jobs():
        if left() <= 0:
            break
        slices += _slice(job.id, left, reread) if rules.is_due(job, clock.now_ms()) else 0
    return slices


def _slice(job_id: str, left: RemainingMs, reread: Reread) -> int:
    owner, now = uuid.uuid4().hex, clock.now_ms()
    job = jobs.lease(job_id, owner=owner, now=now, until=now + LEASE_MS)
    if job is None:
        return 0
    hold = Hold(job, owner, left, reread)
    try:
        hold.store(started=True)
        while left() > 0 and hold.job.phase != DONE and STEPS[job.type](hold):
            pass
        hold.give_back()
    except (TryAgain, LeaseLost) as error:
        logger().warning("a job will be resumed", extra={"job": job_id, "reason": error.code})
    except Exception:  # a defect in one job must not keep the others and the drains from their work
        logger().exception("a job failed and will be resumed", extra={"job": job_id})
    return 1
