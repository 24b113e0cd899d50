"""Imports: what was asked for, the job that goes through the file, and the report in parts."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cdp_core.domain.csv_records import Header
from cdp_core.domain.import_rows import DELETE, Column, Judged, Outcome
from cdp_core.domain.jobs import DONE, Job

IMPORT = "import"
READ, EMPTY = "read", "empty"  # the file is read; then it is emptied, for it holds personal data
PART = 100  # rows that are judged and applied together
MAX_ROWS = 1_000_000
MAX_FILE = 1024 * 1024 * 1024
MAX_TRIES = 20
FIRST_ROW = 2  # as a spreadsheet counts: the header is row 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """What an admin wants imported, and how. `columns` maps columns of the file to fields, or to nothing; times in ms."""

    id: str
    created_at: int
    created_by: str
    name: str
    key: str
    mode: str
    columns: Mapping[str, str | None]
    dry_run: bool
    inline: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Some rows of the file that were judged: where the next row begins (byte), and its number.

    First it is a plan; `is_final` says that it was carried out. `error` is why nothing behind it can be read.
    """

    number: int
    end: int
    next_row: int
    rows: Sequence[Judged]
    is_final: bool = False
    error: str = ""


def new_job(wanted: Import, header: Header, columns: Sequence[Column], *, size: int, version: str) -> Job:
    """The job of an import, of the import's id and time. Its progress counts bytes of the file.

    `version` names what was uploaded: the job reads nothing else.
    """
    request = {
        "created_by": wanted.created_by,
        "key": wanted.key,
        "mode": wanted.mode,
        "dry_run": wanted.dry_run,
        "columns": [[one.index, one.name, one.field] for one in columns],
        "delimiter": header.delimiter,
        "width": len(header.names),
        "size": size,
        "version": version,
    }
    return Job(
        id=wanted.id,
        type=IMPORT,
        created_at=wanted.created_at,
        request=request,
        phase=READ,
        place={"offset": header.end, "row": FIRST_ROW, "part": 0, "tries": 0},
        total=size,
        counts={"rows": 0} | dict.fromkeys(map(str, Outcome), 0),
    )


def columns_of(job: Job) -> list[Column]:
    """The mapped columns."""
    return [Column(*one) for one in job.request["columns"]]


def only_key(job: Job) -> bool:
    """Whether nothing but the key is read."""
    return bool(job.request["mode"] == DELETE)


def is_read(job: Job) -> bool:
    """Whether the job stands at the end of the file."""
    return int(job.place["offset"]) >= int(job.request["size"])


def is_full(job: Job) -> bool:
    """Whether it has read as many rows as a file may have."""
    return int(job.place["row"]) >= MAX_ROWS + FIRST_ROW


def after_part(job: Job, part: Part) -> Job:
    """The job behind a part that was carried out."""
    figures = Counter(str(one.outcome) for one in part.rows)
    figures["rows"] = len(part.rows)
    counts = {name: count + figures[name] for name, count in job.counts.items()}
    place: dict[str, Any] = {"offset": part.end, "row": part.next_row, "part": part.number + 1, "tries": 0}
    moved = replace(job, counts=counts, place=place, done=part.end)
    return ended(moved, part.error, row=part.next_row - 1) if part.error else moved


def ended(job: Job, error: str = "", *, row: int | None = None) -> Job:
    """The job behind the last row that it reads; with an `error` it has failed there, at that row if it is known."""
    place = {**job.place, "error": {"row": row, "message": error}} if error else job.place
    return replace(job, phase=EMPTY, place=place)


def emptied(job: Job) -> Job:
    """The job at its end."""
    return replace(job, phase=DONE)


def after_failure(job: Job) -> Job:
    """The job after another try that did not finish its part."""
    return replace(job, place={**job.place, "tries": int(job.place["tries"]) + 1})
