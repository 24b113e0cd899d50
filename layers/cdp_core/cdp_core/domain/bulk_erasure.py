"""Bulk erasure: many profiles, taken in groups whose leaves fit one transaction; each group is an erasure of its own."""

from collections.abc import Sequence
from dataclasses import asdict, replace

from cdp_core.domain.erasure import NOTHING_SAID, STORES, Asked
from cdp_core.domain.jobs import DONE, WAIT, Job

BULK_ERASURE = "bulk_erasure"
ENTOMB = "entomb"
MAX_NAMES = 10_000
CHUNK = 500  # names that one item of the job's list holds
GROUP = 50  # names that one group takes at most
POLL_MS = 10_000


def new_job(job_id: str, *, created_at: int, names: int, asked: Asked = NOTHING_SAID) -> Job:
    """The job that erases so many named profiles. Its progress counts each name twice: unreadable, and cleaned up."""
    return Job(
        id=job_id,
        type=BULK_ERASURE,
        created_at=created_at,
        request={"names": names, **asdict(asked)},
        phase=ENTOMB,
        place={"next": 0, "groups": 0, "profiles": 0},
        total=2 * names,
        counts={"profiles": 0, "unknown": 0} | dict.fromkeys(STORES, 0),
    )


def group_ids(job: Job) -> list[str]:
    """The ids of the erasures begun so far."""
    return [_group_id(job, number) for number in range(int(job.place["groups"]))]


def next_group_id(job: Job) -> str:
    """The id of the erasure that comes next: the same whenever it is asked for."""
    return _group_id(job, int(job.place["groups"]))


def _group_id(job: Job, number: int) -> str:
    return f"{job.id}-{number:05d}"


def after_group(job: Job, *, names: int, profiles: int, has_group: bool = True) -> Job:
    """The job behind a group of so many names and profiles; a name may have no profile, or the same as another.

    `has_group` is false where nobody was found, so that there was nothing to erase and the group's id is free.
    """
    upto = int(job.place["next"]) + names
    place = {
        "next": upto,
        "groups": int(job.place["groups"]) + has_group,
        "profiles": int(job.place["profiles"]) + profiles,
    }
    return replace(job, place=place, phase=WAIT if upto >= int(job.request["names"]) else ENTOMB, done=upto)


def summed(job: Job, groups: Sequence[Job], *, now: int) -> Job:
    """The job with what its groups have done so far; done when all of them are."""
    names, profiles = int(job.request["names"]), int(job.place["profiles"])
    counts = {"profiles": profiles, "unknown": names - profiles}
    counts |= {store: sum(one.counts[store] for one in groups) for store in STORES}
    if len([one for one in groups if one.phase == DONE]) == int(job.place["groups"]):
        return replace(job, phase=DONE, done=2 * names, counts=counts)
    share = sum(one.done for one in groups) / max(1, sum(one.total for one in groups))
    done = max(job.done, names + int((names - 1) * share))
    return replace(job, deadline=now + POLL_MS, done=done, counts=counts)
