"""Erasures: the phases of the job that cleans up behind the tombstones, and how far it is."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from cdp_core.domain.jobs import DONE, WAIT, Job
from cdp_core.domain.times import CLOCK_MARGIN_MS, DAY_MS

ERASURE = "erasure"
TOMBSTONE_TTL_MS = 35 * DAY_MS  # longer than any message lives: 14 d queue + 14 d dead-letter queue + job + stragglers
LEDGER, FIRST_SWEEP, SECOND_SWEEP, EXPIRE, RECEIPT = "ledger", "sweep_1", "sweep_2", "expire", "receipt"
_PHASES = (LEDGER, FIRST_SWEEP, WAIT, SECOND_SWEEP, EXPIRE, RECEIPT, DONE)
STORES = ("activities", "dead_letters", "contact", "memberships", "listing", "links", "consents", "notes")
PARTS = ("activities", "details")  # what a sweep goes through, per leaf


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Why an erasure or a suppression was asked for (a code, never a free text; or nothing), and the id of who asked; whether an
    erasure refuses the person's later events as well.
    """

    reason: str = ""
    by: str = ""
    suppress: bool = False


NOTHING_SAID = Asked()


def new_job(
    job_id: str,
    *,
    created_at: int,
    lives: Mapping[str, int],
    activities: int,
    about: Mapping[str, int],
    asked: Asked = NOTHING_SAID,
) -> Job:
    """The job that cleans up. `lives` maps each erased leaf to the epoch it has since, `activities` is how many they had counted.

    `about` and `asked` are kept with the request for whoever asked.
    """
    job = Job(
        id=job_id,
        type=ERASURE,
        created_at=created_at,
        request={**about, **asdict(asked), "leaves": dict(lives), "activities": activities},
        phase=LEDGER,
        place={"step": 0, "page_end": "", "ended": {}},
        counts=dict.fromkeys(STORES, 0),
    )
    return with_progress(job)


def asked_of(request: Mapping[str, Any]) -> Asked:
    """What the request of a job, or an entry of the ledger, says of who asked and why."""
    return Asked(**{name: request[name] for name in Asked.__slots__ if name in request})


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


def after_phase(job: Job, *, now: int) -> Job:
    """The job at the start of its next phase; when each one ended (ms) is kept for the receipt."""
    ended = {**job.place.get("ended", {}), job.phase: now}
    following = _PHASES[_PHASES.index(job.phase) + 1]
    return with_progress(replace(job, phase=following, place={"step": 0, "page_end": "", "ended": ended}))


def at_step(job: Job, step: int, *, page_end: str = "") -> Job:
    """The job at a step of its sweep, behind the page that ends with this key if it is within the step."""
    return with_progress(replace(job, place={**job.place, "step": step, "page_end": page_end}))


def with_progress(job: Job) -> Job:
    """The job with its progress: a step for each part of both sweeps and for each other phase, and one for each activity."""
    sweep, expected = len(targets(job)), int(job.request["activities"])
    swept = 2 + 2 * sweep
    steps_before = (0, 1, 1 + sweep, 2 + sweep, swept, swept + 1, swept + 2)[_PHASES.index(job.phase)]
    is_swept = _PHASES.index(job.phase) > _PHASES.index(FIRST_SWEEP)
    removed = expected if is_swept else min(expected, job.counts.get("activities", 0))
    return replace(job, done=steps_before + int(job.place["step"]) + removed, total=swept + 2 + expected)
