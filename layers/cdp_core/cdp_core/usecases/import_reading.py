"""The file of an import, read piece by piece: never more of it than a part's rows take."""

from dataclasses import dataclass
from itertools import islice

from cdp_core import files
from cdp_core.domain import imports as rules
from cdp_core.domain.csv_records import MAX_RECORD, cells, records
from cdp_core.domain.import_rows import Problem, Row, Rules, read_row
from cdp_core.domain.jobs import Job
from cdp_core.errors import CdpError, Refused
from cdp_core.tables import catalogue, labels
from cdp_core.usecases.imports import file_of

_WINDOW = 64 * 1024  # bytes that are read for a part; a row may be longer


class Unreadable(CdpError):
    """The file is not there any more, or not the one that was started."""

    code = "unreadable_file"


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the file: its number, where the next one begins (byte), and what was read; None if it is empty."""

    number: int
    end: int
    row: Row | None


def read_lines(job: Job, *, upto: int | None = None) -> list[Line]:
    """The next rows of the file, one part's at most, or those up to a byte; none if a row never ends.

    Raises Unreadable, Unavailable.
    """
    place, reading = job.place, _rules(job)
    offset, size, delimiter = int(place["offset"]), int(job.request["size"]), str(job.request["delimiter"])
    for length in (upto - offset,) if upto else (_WINDOW, MAX_RECORD + 1):
        data = _read(job, offset, length)
        found = list(islice(records(data, delimiter, is_last=offset + len(data) >= (upto or size)), rules.PART))
        if found:
            break
    start = int(place["row"])
    numbered = enumerate(found[: rules.MAX_ROWS + rules.FIRST_ROW - start], start)
    return [Line(number, offset + one.end, _row(number, one.data, delimiter, reading)) for number, one in numbered]


def _read(job: Job, offset: int, length: int) -> bytes:
    found = files.read(file_of(job.id), start=offset, length=length)
    if found is None:
        raise Unreadable("the file is gone: uploads are kept for 7 days")
    if (found.version, found.size) != (job.request["version"], job.request["size"]):
        raise Unreadable("the file was replaced after the import was started")
    return found.data


def _row(number: int, data: bytes, delimiter: str, reading: Rules) -> Row | None:
    try:
        return read_row(number, cells(data, delimiter), reading)
    except Refused as error:
        return Row(number, problems=(Problem(None, f"the row {error}"),))


def _rules(job: Job) -> Rules:
    columns = rules.columns_of(job)
    return Rules(
        key=str(job.request["key"]),
        width=int(job.request["width"]),
        columns=columns,
        catalogue=catalogue.remembered(),
        statuses=labels.all_of(labels.STATUSES) if any(one.field == "status" for one in columns) else (),
        only_key=rules.only_key(job),
    )
