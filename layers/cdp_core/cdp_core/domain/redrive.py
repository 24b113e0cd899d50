"""Redrives: dead letters get another chance. Which ones, how fast, and how far the job is."""

from dataclasses import dataclass, replace
from datetime import date, timedelta

from cdp_core.domain.jobs import DONE, WAIT, Job

REDRIVE = "redrive"
EVENTS, MESSAGES = "events", "messages"  # dead letters of ours, or messages of SQS's dead-letter queue
PAGE = 25
WALK = "walk"
HIDE_SECONDS = 30  # a received message is hidden so long: it is back before a dead process's job is resumed
MAX_SEEN = 1_000  # messages of the dead-letter queue that a dry run looks at, at most: none of them goes away meanwhile


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be redriven: from which source, of which reason (all if None), of which days, how many a second; or only counted."""

    source: str
    reason: str | None
    first_day: str
    last_day: str
    per_second: int
    dry_run: bool


def new_job(job_id: str, wanted: Wanted, *, created_at: int) -> Job:
    """The job of a redrive. Its progress counts days; a queue has no days and counts as one."""
    request = {name: getattr(wanted, name) for name in Wanted.__slots__}
    total = 1 if wanted.source == MESSAGES else _days_between(wanted.first_day, wanted.last_day) + 1
    return Job(
        id=job_id,
        type=REDRIVE,
        created_at=created_at,
        request=request,
        phase=WALK,
        place={"day": wanted.first_day, "after": "", "page_end": "", "counted": []},
        total=total,
        counts={"examined": 0, "redriven": 0, "still_refused": 0},
    )


def wanted_of(job: Job) -> Wanted:
    """What the job was asked for."""
    return Wanted(**job.request)


def next_day(job: Job) -> Job:
    """The job behind the day it stands at; done after the last one."""
    day = (date.fromisoformat(str(job.place["day"])) + timedelta(days=1)).isoformat()
    is_over = day > wanted_of(job).last_day
    place = {"day": day, "after": "", "page_end": "", "counted": []}
    return replace(job, place=place, done=job.done + 1, phase=DONE if is_over else WALK)


def after_empty_receive(job: Job, *, now: int) -> Job:
    """The job after a receive that brought nothing new: done, or once more when what others may have received is back.

    Only two empty receives, further apart than messages are hidden, say that the queue is empty.
    """
    if wanted_of(job).dry_run or job.phase == WAIT:
        return replace(job, phase=DONE, done=1)
    return replace(job, phase=WAIT, deadline=now + (HIDE_SECONDS + 5) * 1000)


def _days_between(first: str, last: str) -> int:
    return (date.fromisoformat(last) - date.fromisoformat(first)).days
