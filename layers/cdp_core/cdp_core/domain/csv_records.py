"""Records of a CSV file, cut out of bytes: quoted cells may span lines, and what was read of the file may end anywhere."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from cdp_core.errors import Refused

DELIMITERS = (",", ";", "\t")
MAX_RECORD = 256 * 1024  # bytes of one row
MAX_COLUMNS = 500
MAX_COLUMN_NAME = 200
_BOM = b"\xef\xbb\xbf"
_OTHER_BOMS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Header:
    """The first row: how cells are delimited, the names of the columns, and where the next row begins (byte)."""

    delimiter: str
    names: tuple[str, ...]
    end: int


@dataclass(frozen=True, slots=True)
class Record:
    """One row as bytes, without its line end, and where the next one begins (byte, counted from the start of what was read)."""

    data: bytes
    end: int


def read_header(data: bytes, *, is_last: bool) -> Header:
    """The header at the start of a file, with the delimiter that gives it the most columns; `is_last` if this is the whole file.

    Raises Refused if there is none that can be read.
    """
    if data.startswith(_OTHER_BOMS):
        raise Refused("the file is UTF-16; save it as CSV in UTF-8")
    start = len(_BOM) if data.startswith(_BOM) else 0
    found: list[Header] = []
    problem = "the file has no header row"
    for delimiter in DELIMITERS:
        record = next(records(data[start:], delimiter, is_last=is_last), None)
        try:
            names = tuple(name.strip() for name in cells(record.data, delimiter)) if record else ()
        except Refused as error:
            problem = f"the header row {error}"
            continue
        if record:
            found.append(Header(delimiter, names, start + record.end))
    best = max(found, key=lambda one: len(one.names), default=None)
    if best is None or not any(best.names):
        raise Refused(problem)
    if len(best.names) > MAX_COLUMNS or max(map(len, best.names)) > MAX_COLUMN_NAME:
        raise Refused(
            f"the header row may have {MAX_COLUMNS} columns with names of {MAX_COLUMN_NAME} characters at most"
        )
    return best


def records(data: bytes, delimiter: str, *, is_last: bool) -> Iterator[Record]:
    """The whole rows at the start of what was read; the last one needs no line end if `is_last`.

    Ends early where a quoted cell is not closed within what was read.
    """
    shape, at = _shape(delimiter), 0
    while at < len(data) and (found := shape.match(data, at)):
        if not found[2] and not is_last:
            return
        at = found.end()
        yield Record(found[1].removesuffix(b"\r"), at)


@cache
def _shape(delimiter: str) -> re.Pattern[bytes]:
    """A row and its line end. A quote opens a cell at its very start only, as spreadsheets write it."""
    mark = re.escape(delimiter.encode())
    cell = rb'(?:"(?:[^"]++|"")*+"[^%(mark)s\n]*+|(?!")[^%(mark)s\n]*+)' % {b"mark": mark}
    return re.compile(rb"(%(cell)s(?:%(mark)s%(cell)s)*+)(\n|\Z)" % {b"cell": cell, b"mark": mark})


def cells(data: bytes, delimiter: str) -> list[str]:
    """The cells of one row. Raises Refused, in words that go on after "row 7"."""
    try:
        return next(csv.reader([data.decode()], delimiter=delimiter, strict=True), [])
    except UnicodeDecodeError as error:
        raise Refused("is not UTF-8") from error
    except csv.Error as error:
        raise Refused("is not well-formed CSV: a quote or a line break stands where none may") from error
