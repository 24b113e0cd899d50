"""What an import will do with its next rows: judged against what is stored, before anything is written."""

from cdp_core.domain import imports as rules
from cdp_core.domain.contact import Registers
from cdp_core.domain.csv_records import MAX_RECORD
from cdp_core.domain.import_rows import (
    DELETE,
    INSERT,
    IS_THERE,
    OVERWRITE,
    WRITES,
    Judged,
    Outcome,
    Problem,
    Row,
    effect,
    said_of,
)
from cdp_core.domain.imports import Part
from cdp_core.domain.jobs import Job
from cdp_core.domain.leaf import Leaf
from cdp_core.domain.suppression import is_suppressed
from cdp_core.errors import Refused
from cdp_core.usecases import import_people
from cdp_core.usecases.import_people import Person
from cdp_core.usecases.import_reading import Line

_UNCLOSED = f"a quoted cell is never closed, or the row has more than {MAX_RECORD} bytes; nothing behind it was read"


def judge(job: Job, lines: list[Line]) -> Part:
    """The plan of the next part. It ends before a second row of somebody whom an earlier one changes: that is for the next part."""
    number, start, end = int(job.place["part"]), int(job.place["row"]), int(job.place["offset"])
    if not lines:
        failed = Judged(row=start, outcome=Outcome.FAILED, problems=(Problem(None, _UNCLOSED),))
        return Part(number=number, end=int(job.request["size"]), next_row=start + 1, rows=[failed], error=_UNCLOSED)
    keys = [line.row.key for line in lines if line.row and not line.row.problems]
    people = import_people.find(str(job.request["key"]), keys)
    judged: list[Judged] = []
    changed: set[str] = set()
    for line in lines:
        person = people.get(line.row.key) if line.row and not line.row.problems else None
        root = person.root if isinstance(person, Person) else ""
        if root in changed:
            break
        if line.row:
            judged.append(_judge_row(job, line.row, person))
            changed |= {root} if judged[-1].outcome in WRITES and not job.request["dry_run"] else set()
        end, start = line.end, line.number + 1
    return Part(number=number, end=end, next_row=start, rows=judged)


def _judge_row(job: Job, row: Row, person: Person | Refused | None) -> Judged:
    if person is None:
        return Judged(row=row.number, outcome=Outcome.FAILED, problems=row.problems)
    if isinstance(person, Refused):
        return _failed(job, row.number, str(person))
    mode, leaf = job.request["mode"], person.leaf
    if mode == DELETE:
        outcome = Outcome.SKIPPED if person.registers is None else Outcome.DELETED
        return Judged(row=row.number, outcome=outcome, leaf=leaf.id, epoch=leaf.epoch)
    if (barred := barred_by(job, leaf)) is not None:
        return Judged(row=row.number, outcome=barred)
    if person.registers is not None and mode != OVERWRITE:
        return _failed(job, row.number, IS_THERE) if mode == INSERT else Judged(row=row.number, outcome=Outcome.SKIPPED)
    return _written(job, row, leaf, person.registers)


def _written(job: Job, row: Row, leaf: Leaf, registers: Registers | None) -> Judged:
    said = said_of(row, str(job.request["key"]), is_new=registers is None)
    try:
        outcome, later = effect(said, registers or {}, import_id=job.id, row=row.number, created_at=job.created_at)
    except Refused as error:
        return Judged(row=row.number, outcome=Outcome.FAILED, problems=(Problem(None, str(error)),))
    if registers is None:
        return Judged(row=row.number, outcome=Outcome.INSERTED, leaf=leaf.id)
    return Judged(row=row.number, outcome=outcome, leaf=leaf.id, epoch=leaf.epoch, later=later)


def barred_by(job: Job, leaf: Leaf) -> Outcome | None:
    """Why nothing that this import says of somebody is stored, if that is so."""
    if job.created_at <= leaf.erased_until:
        return Outcome.ERASED
    return Outcome.SUPPRESSED if is_suppressed(leaf.suppressions, job.created_at) else None


def _failed(job: Job, row: int, message: str) -> Judged:
    """A row that failed for its key."""
    column = next(at for at, one in enumerate(rules.columns_of(job)) if one.field == job.request["key"])
    return Judged(row=row, outcome=Outcome.FAILED, problems=(Problem(column, message),))
