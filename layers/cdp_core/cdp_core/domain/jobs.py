"""Long work in slices: what a job is, and how far an erasure has come."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cdp_core.domain.times import DAY_MS

CLOCK_MARGIN_MS = 10_000  # two clocks, each up to 5 s off
TOMBSTONE_TTL_MS = 35 * DAY_MS  # longer than any message lives: 14 d queue + 14 d dead-letter queue + job + stragglers
LEASE_MS = 70_000  # longer than a flush lives
SLICE_MS = 45_000

LEDGER, FIRST_SWEEP, WAIT, SECOND_SWEEP, EXPIRE, DONE = "ledger", "sweep_1", "wait", "sweep_2", "expire", "done"
_PHASES = (LEDGER, FIRST_SWEEP, WAIT, SECOND_SWEEP, EXPIRE, DONE)
STORES = ("activities", "dead_letters", "contact", "memberships", "listing", "links")
PARTS = ("activities", "details")  # what a sweep goes through, per leaf


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """An erasure in progress. `leaves` maps each erased leaf to the epoch it has since.

    `step` numbers the parts of the current sweep; `page_end` is the last key of the page that is counted but perhaps not yet
    deleted, so that a resumed job neither counts twice nor forgets; `deadline` is when the second sweep may begin (ms).
    """

    id: str
    type: str = "erasure"
    created_at: int
    leaves: Mapping[str, int]
    phase: str = LEDGER
    step: int = 0
    page_end: str = ""
    deadline: int = 0
    started: bool = False
    counts: Mapping[str, int] = field(default_factory=dict)

    def targets(self) -> list[tuple[str, str]]:
        """What a sweep goes through: each leaf's parts, in a fixed order."""
        return [(leaf, part) for leaf in sorted(self.leaves) for part in PARTS]


def is_due(job: Job, now: int) -> bool:
    """Whether there is something to do: a job that waits for stragglers is left alone until its deadline."""
    return job.phase != WAIT or now >= job.deadline


def next_phase(phase: str) -> str:
    """The phase after this one."""
    return _PHASES[_PHASES.index(phase) + 1]


def view(job: Job) -> dict[str, Any]:
    """The job as the profiles API shows it (design section 8); the receipt comes with the end."""
    return {
        "job_id": job.id,
        "type": job.type,
        "status": _status(job),
        "progress": _progress(job),
        "receipt": {"counts": receipt_counts(job)} if job.phase == DONE else None,
    }


def receipt_counts(job: Job) -> dict[str, int]:
    """How many items were removed from every store, those with none included."""
    return {store: job.counts.get(store, 0) for store in STORES}


def _status(job: Job) -> str:
    if job.phase in (WAIT, DONE):
        return {WAIT: "waiting", DONE: "done"}[job.phase]
    return "running" if job.started else "queued"


def _progress(job: Job) -> dict[str, int]:
    sweep = len(job.targets())
    before = {
        LEDGER: 0,
        FIRST_SWEEP: 1,
        WAIT: 1 + sweep,
        SECOND_SWEEP: 2 + sweep,
        EXPIRE: 2 + 2 * sweep,
        DONE: 3 + 2 * sweep,
    }
    return {"done": before[job.phase] + job.step, "total": 3 + 2 * sweep}
