"""Erasures: the phases of the job that cleans up behind the tombstones, and how far it is."""

from collections.abc import Mapping
from dataclasses import replace

from cdp_core.domain.jobs import DONE, WAIT, Job
from cdp_core.domain.times import DAY_MS

ERASURE = "erasure"
CLOCK_MARGIN_MS = 10_000  # two clocks, each up to 5 s off
TOMBSTONE_TTL_MS = 35 * DAY_MS  # longer than any message lives: 14 d queue + 14 d dead-letter queue + job + stragglers
LEDGER, FIRST_SWEEP, SECOND_SWEEP, EXPIRE = "ledger", "sweep_1", "sweep_2", "expire"
_PHASES = (LEDGER, FIRST_SWEEP, WAIT, SECOND_SWEEP, EXPIRE, DONE)
STORES = ("activities", "dead_letters", "contact", "memberships", "listing", "links", "consents", "notes")
PARTS = ("activities", "details")  # what a sweep goes through, per leaf


def new_job(
    job_id: str, *, created_at: int, lives: Mapping[str, int], activities: int, about: Mapping[str, int]
) -> Job:
    """The job that cleans up. `lives` maps each erased leaf to the epoch it has since, `activities` is how many they had counted.

    `about` is kept with the request for whoever asked.
    """
    job = Job(
        id=job_id,
        type=ERASURE,
        created_at=created_at,
        request={**about, "leaves": dict(lives), "activities": activities},
        phase=LEDGER,
        place={"step": 0, "page_end": ""},
        counts=dict.fromkeys(STORES, 0),
    )
    return with_progress(job)


def erased_until(job: Job) -> int:
    """What was received up to then never comes back (ms): the time of the request, and a margin for other clocks."""
    return job.created_at + CLOCK_MARGIN_MS


def lives(job: Job) -> Mapping[str, int]:
    """The epoch that each erased leaf has since."""
    found: Mapping[str, int] = job.request["leaves"]
    return found


def targets(job: Job) -> list[tuple[str, str]]:
    """What a sweep goes through: each leaf's parts, in a fixed order."""
    return [(leaf, part) for leaf in sorted(lives(job)) for part in PARTS]


def next_phase(phase: str) -> str:
    """The phase after this one."""
    return _PHASES[_PHASES.index(phase) + 1]


def with_progress(job: Job) -> Job:
    """The job with its progress: a step for each part of both sweeps and for each other phase, and one for each activity."""
    sweep, expected = len(targets(job)), int(job.request["activities"])
    steps_before = (0, 1, 1 + sweep, 2 + sweep, 2 + 2 * sweep, 3 + 2 * sweep)[_PHASES.index(job.phase)]
    is_swept = _PHASES.index(job.phase) > _PHASES.index(FIRST_SWEEP)
    removed = expected if is_swept else min(expected, job.counts.get("activities", 0))
    return replace(job, done=steps_before + int(job.place["step"]) + removed, total=3 + 2 * sweep + expected)
