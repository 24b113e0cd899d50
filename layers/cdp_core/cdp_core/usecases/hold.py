"""One process's hold on one job: every change is stored before the next step is taken."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from cdp_core import clock
from cdp_core.domain.envelope import Event, Refusal
from cdp_core.domain.jobs import DONE, LEASE_MS, Job
from cdp_core.errors import CdpError
from cdp_core.tables import jobs

RemainingMs = Callable[[], int]
Reread = Callable[[str, str], Event | Refusal]  # a refused event's original text, and the id it gets if it has none


class LeaseLost(CdpError):
    """Another process has the job now."""

    code = "lease_lost"


@dataclass(slots=True)
class Hold:
    """The job as this process has stored it last, the time left for this slice (ms), and how a client's text is read again."""

    job: Job
    owner: str
    left: RemainingMs
    reread: Reread

    def store(self, **changes: Any) -> None:
        """Stores changes of the job, and keeps the lease. Raises LeaseLost if another process took over, Unavailable."""
        self.keep(replace(self.job, **changes))

    def keep(self, job: Job) -> None:
        """Stores the job as it is now, and keeps the lease. Raises like `store`."""
        self._save(job, lease_until=clock.now_ms() + LEASE_MS)

    def give_back(self) -> None:
        """Ends the hold; a finished job leaves the list of open ones. Raises like `store`."""
        if self.job.phase == DONE:
            jobs.close(self.job)
        self._save(self.job, lease_until=0)

    def _save(self, job: Job, *, lease_until: int) -> None:
        self.job = job
        if not jobs.save(job, owner=self.owner, lease_until=lease_until):
            raise LeaseLost("another process works on this job")
