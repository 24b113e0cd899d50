"""Imports of contacts, as admins ask for them: made, given a file, started, watched."""

import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cdp_core import clock, files
from cdp_core.domain import imports as rules
from cdp_core.domain.csv_records import MAX_RECORD, Header, read_header
from cdp_core.domain.import_rows import (
    DELETE,
    IS_THERE,
    NOBODY,
    REASONS,
    Column,
    Judged,
    Outcome,
    check_mapping,
    find_columns,
)
from cdp_core.domain.imports import MAX_FILE, Import
from cdp_core.domain.jobs import Job, view
from cdp_core.domain.times import iso
from cdp_core.errors import InvalidInput, NotFound
from cdp_core.tables import imports, jobs
from cdp_core.usecases.paging import Candidate, Page, Position, take

CONTENT_TYPE = "text/csv"
_ID = re.compile(r"\d{13}-[0-9a-f]{16}")
_PARTS = 25  # parts of the report that one read takes
_MAX_PARTS = 200  # that one page looks at: 20 000 rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What an admin wants imported (see domain.imports.Import), and the file itself if it is small."""

    name: str
    key: str
    mode: str
    columns: Mapping[str, str | None]
    dry_run: bool
    csv: str | None


def create(wanted: Wanted, *, created_by: str) -> dict[str, Any]:
    """A new import, with a link to upload its file to if it has none yet. Raises InvalidInput, naming the column."""
    check_mapping(wanted.key, wanted.columns)
    now = clock.now_ms()
    made = Import(
        id=f"{now:013d}-{secrets.token_hex(8)}",
        created_at=now,
        created_by=created_by,
        name=wanted.name,
        key=wanted.key,
        mode=wanted.mode,
        columns=wanted.columns,
        dry_run=wanted.dry_run,
        inline=wanted.csv is not None,
    )
    if wanted.csv is not None:
        data = wanted.csv.encode()
        _check_file(made, data, is_last=True)
        files.write(file_of(made.id), data, kind=CONTENT_TYPE)
    imports.save(made)
    return _view(made, None) | {"upload": None if made.inline else _upload(made)}


def file_of(import_id: str) -> str:
    """Where the file of an import lies."""
    return f"imports/{import_id}.csv"


def _upload(made: Import) -> dict[str, Any]:
    return {
        "url": files.link_to_put(file_of(made.id)),
        "method": "PUT",
        "headers": {"Content-Type": CONTENT_TYPE},
        "expires_at": iso(made.created_at + files.LINK_SECONDS * 1000),
        "max_bytes": MAX_FILE,
    }


def find(import_id: str) -> Import:
    """The import. Raises NotFound."""
    found = imports.find(import_id) if _ID.fullmatch(import_id) else None
    if found is None:
        raise NotFound("there is no such import")
    return found


def start(wanted: Import) -> dict[str, Any]:
    """Begins to import; the job. A repeat gives the same job.

    Raises InvalidInput if the file is not there, has no header that can be read, or lacks a column.
    """
    known = jobs.load(wanted.id)
    if known is not None:
        return view(known)
    begin = files.read(file_of(wanted.id), start=0, length=MAX_RECORD)
    if begin is None:
        raise InvalidInput("the file is not there: upload it first", code="no_file")
    if begin.size > MAX_FILE:
        raise InvalidInput(f"the file has {begin.size} bytes; at most {MAX_FILE} are allowed", code="too_large")
    header, columns = _check_file(wanted, begin.data, is_last=begin.size <= len(begin.data))
    jobs.create(rules.new_job(wanted, header, columns, size=begin.size, version=begin.version))
    return view(jobs.load(wanted.id) or _lost())


def _lost() -> Job:
    raise NotFound("there is no such job")


def _check_file(wanted: Import, begin: bytes, *, is_last: bool) -> tuple[Header, list[Column]]:
    header = read_header(begin, is_last=is_last)
    return header, find_columns(wanted.columns, header.names)


def show(wanted: Import) -> dict[str, Any]:
    """The import as the API answers it."""
    return _view(wanted, jobs.load(wanted.id))


def read(*, limit: int, position: Position | None) -> Page:
    """A page of all imports, latest first. Those older than 30 days are gone."""
    found = imports.page(before=position[0] if position else "", limit=limit + 1)
    known = {job.id: job for job in jobs.load_many([one.id for one in found[:limit]])}
    items = [_view(one, known.get(one.id)) for one in found[:limit]]
    return Page(items, (found[limit - 1].id, "") if len(found) > limit else None)


def _view(wanted: Import, job: Job | None) -> dict[str, Any]:
    shown = view(job) if job else None
    return {
        "import_id": wanted.id,
        "name": wanted.name,
        "key": wanted.key,
        "mode": wanted.mode,
        "columns": dict(wanted.columns),
        "dry_run": wanted.dry_run,
        "created_at": iso(wanted.created_at),
        "created_by": wanted.created_by,
        "status": shown["status"] if shown else "ready" if wanted.inline else "waiting_for_file",
        "counts": dict(job.counts) if job else {"rows": 0} | dict.fromkeys(map(str, Outcome), 0),
        "error": job.place.get("error") if job else None,
        "job": shown,
    }


def report(wanted: Import, *, only_errors: bool, limit: int, position: Position | None) -> Page:
    """A page of the report, in the order of the file; with `only_errors` the rows that failed."""
    part, row = (int(position[0]), int(position[1])) if position else (0, 0)
    columns = [name for name, target in wanted.columns.items() if target is not None]
    seen = _Seen(part)
    found = take(_reported(wanted, columns, seen, after=row, only_errors=only_errors), limit=limit, start=position)
    if found.position is None and seen.has_more:
        return Page(found.items, (str(seen.part), "0"))
    return found


@dataclass(slots=True)
class _Seen:
    """How far a page has looked: the part that comes next, and whether it stopped there although there are more."""

    part: int
    has_more: bool = False


def _reported(wanted: Import, columns: list[str], seen: _Seen, *, after: int, only_errors: bool) -> Iterator[Candidate]:
    upto = seen.part + _MAX_PARTS
    while seen.part < upto:
        found = [one for one in imports.parts(wanted.id, since=seen.part, limit=_PARTS) if one.is_final]
        for part in found:
            for judged in part.rows:
                is_wanted = judged.outcome is Outcome.FAILED or not only_errors
                if is_wanted and judged.row > after:
                    yield (str(part.number), str(judged.row)), _line(judged, columns, wanted)
            seen.part = part.number + 1
        if len(found) < _PARTS:
            return
    seen.has_more = True


def _line(judged: Judged, columns: list[str], wanted: Import) -> dict[str, Any]:
    """A row of the report. Names its column, and the rule; never a value."""
    return {
        "row": judged.row,
        "outcome": str(judged.outcome),
        "reason": _reason(judged, wanted.mode),
        "errors": [
            {"column": None if one.column is None else columns[one.column], "message": one.message}
            for one in judged.problems
        ],
    }


def _reason(judged: Judged, mode: str) -> str | None:
    if judged.outcome is Outcome.SKIPPED:
        return NOBODY if mode == DELETE else IS_THERE
    return REASONS.get(judged.outcome)
