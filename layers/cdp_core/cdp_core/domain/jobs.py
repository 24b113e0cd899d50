"""Long work in slices: what a job is, and how people see it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

LEASE_MS = 70_000  # longer than a flush lives
SLICE_MS = 40_000  # a slice ends at the first step behind this, so within 45 s
WAIT, DONE = "wait", "done"  # phases that every type of job may have; the others are the type's own


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Long work: what was asked for, which never changes, and how far it has come.

    `place` is where the job goes on, in its type's own words; `deadline` is when a waiting job goes on (ms); `done` of `total` is
    what people see of its progress, `counts` becomes the receipt.
    """

    id: str
    type: str
    created_at: int
    request: Mapping[str, Any] = field(default_factory=dict)
    phase: str = ""
    place: Mapping[str, Any] = field(default_factory=dict)
    deadline: int = 0
    started: bool = False
    done: int = 0
    total: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)


def is_due(job: Job, now: int) -> bool:
    """Whether there is something to do: a job that waits is left alone until its deadline."""
    return job.phase != WAIT or now >= job.deadline


def view(job: Job) -> dict[str, Any]:
    """The job as the profiles API shows it (design section 8); the receipt comes with the end."""
    return {
        "job_id": job.id,
        "type": job.type,
        "status": _status(job),
        "progress": {"done": job.done, "total": job.total},
        "request": _request(job),
        "receipt": _receipt(job) if job.phase == DONE else None,
    }


def _request(job: Job) -> dict[str, Any] | None:
    """Why an erasure was asked for, by whom, and whether later events are refused as well; other jobs say nothing of it."""
    said = job.request
    if "suppress" not in said:
        return None
    return {"reason": said["reason"] or None, "requested_by": said["by"] or None, "suppress": said["suppress"]}


def _receipt(job: Job) -> dict[str, Any]:
    examples = {"examples": job.place["examples"]} if "examples" in job.place else {}
    return {"counts": dict(job.counts), **examples}


def _status(job: Job) -> str:
    if job.phase in (WAIT, DONE):
        return {WAIT: "waiting", DONE: "failed" if "error" in job.place else "done"}[job.phase]
    return "running" if job.started else "queued"
