"""Exports: what a file holds, and the job that writes it part by part."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cdp_core.domain.jobs import DONE, Job
from cdp_core.domain.times import DAY_MS

EXPORT = "export"
JSON, CSV = "json", "csv"
PERSON, LIST = "person", "list"
KEPT_MS = 7 * DAY_MS  # the bucket's own rule removes the files
COLUMNS = ("section", "leaf", "name", "value", "time", "source", "message_id")
LIST_COLUMNS = (
    "profile_id display_name verified created_at first_seen_at last_seen_at status owner channels activities".split()
)
_KIND = {JSON: "application/x-ndjson", CSV: "text/csv; charset=utf-8"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One thing that is held on a person: a line of the export. `time` as ISO 8601."""

    section: str
    leaf: str
    name: str
    value: Any
    time: str | None = None
    source: str | None = None
    message_id: str | None = None

    def plain(self) -> dict[str, Any]:
        """The fact by its columns."""
        return {name: getattr(self, name) for name in COLUMNS}


def new_job(job_id: str, *, created_at: int, request: Mapping[str, Any], total: int) -> Job:
    """The job that writes an export. `total` is how many lines are expected, as far as anybody knows."""
    return Job(
        id=job_id,
        type=EXPORT,
        created_at=created_at,
        request=request,
        phase="write",
        place={"part": 0, "position": None},
        total=total,
        counts={"rows": 0, "files": 0},
    )


def after_part(job: Job, *, rows: int, position: Sequence[Any] | None) -> Job:
    """The job after its next part was written with so many lines; no position means that it was the last one."""
    part = int(job.place["part"]) + 1
    counts = {"rows": job.counts["rows"] + rows, "files": part}
    done = job.done + rows
    place = {"part": part, "position": None if position is None else list(position)}
    after = replace(job, place=place, counts=counts, done=done, total=max(job.total, done))
    return finished(after) if position is None else after


def finished(job: Job) -> Job:
    """The job where there was nothing left to write."""
    return replace(job, phase=DONE, total=job.done)


def part_key(job_id: str, part: int, form: str) -> str:
    """Where a part lies in the bucket; it says nothing about anybody."""
    return f"exports/{job_id}/{part:05d}.{'csv' if form == CSV else 'jsonl'}"


def kind_of(form: str) -> str:
    """The content type of a part."""
    return _KIND[form]
