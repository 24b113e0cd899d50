"""Records of a CSV file cut out of bytes, wherever a piece of the file ends."""

import csv
import io
import random

import pytest

from cdp_core.domain.csv_records import MAX_COLUMNS, Header, cells, read_header, records
from cdp_core.errors import Refused

PIECES = [
    "",
    "a",
    "Ann",
    "x,y",
    "x;y",
    'say "hi"',
    "two\nlines",
    "two\r\nlines",
    "tab\there",
    '"',
    '""',
    "5' pipe",
    "ä€😀",
]


def table(dice: random.Random) -> list[list[str]]:
    """Some rows of random cells."""
    width = dice.randint(1, 4)
    return [[dice.choice(PIECES) for _ in range(width)] for _ in range(dice.randint(1, 12))]


def read_in_pieces(data: bytes, delimiter: str, size: int) -> list[list[str]]:
    """All rows, with never more than so many bytes at hand unless a row is longer."""
    found, at, length = [], 0, size
    while at < len(data):
        piece = data[at : at + length]
        some = list(records(piece, delimiter, is_last=at + len(piece) >= len(data)))
        if not some:
            length *= 2
            continue
        found += [cells(one.data, delimiter) for one in some]
        at, length = at + some[-1].end, size
    return found


@pytest.mark.parametrize("seed", range(150))
def test_rows_are_the_same_wherever_the_pieces_of_the_file_end(seed: int) -> None:
    """Quoted line breaks, quotes and delimiters across the borders included."""
    dice = random.Random(seed)
    rows, delimiter = table(dice), dice.choice(",;\t")
    out = io.StringIO()
    quoting = dice.choice([csv.QUOTE_ALL, csv.QUOTE_MINIMAL])
    csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator=dice.choice(["\n", "\r\n"])).writerows(rows)
    data = out.getvalue().encode()
    if dice.random() < 0.5:
        data = data.rstrip(b"\r\n")
    if not data:
        return
    assert [one or [""] for one in read_in_pieces(data, delimiter, dice.randint(1, 40))] == rows


def test_a_quote_inside_a_cell_is_a_letter() -> None:
    """Only at a cell's start does it open one."""
    (record,) = records(b'a,5" pipe,b\n', ",", is_last=True)
    assert cells(record.data, ",") == ["a", '5" pipe', "b"]


def test_a_quoted_cell_that_is_never_closed_ends_the_rows() -> None:
    """What stands behind it cannot be told from what stands inside."""
    data = b'a,b\n1,"2\n3,4\n'
    assert [one.data for one in records(data, ",", is_last=True)] == [b"a,b"]
    assert list(records(b'"a""', ",", is_last=True)) == []
    assert list(records(b'"a"', ",", is_last=False)) == []  # the next byte may be a quote


@pytest.mark.parametrize("data", [b'"' * 262_145, b'"",' * 87_381 + b'"', b'"a",' * 65_536, b'""' * 131_072 + b"x"])
def test_hostile_rows_are_read_in_one_pass(data: bytes) -> None:
    """A scan that goes back would not end."""
    assert len(list(records(data, ",", is_last=True))) <= 1


@pytest.mark.parametrize(
    ("data", "problem"), [(b"\xff,a", "is not UTF-8"), (b'"a"b,c', "well-formed"), (b"a\rb,c", "well-formed")]
)
def test_a_row_that_is_no_csv_is_refused_in_words(data: bytes, problem: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(Refused, match=problem):
        cells(data, ",")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_the_delimiter_is_found_in_the_header(delimiter: str, mark: bytes) -> None:
    """With a byte order mark or without; names lose their spaces."""
    text = delimiter.join(['"E-mail, work; main"', " First name ", "Plan"])
    data = mark + text.encode() + b"\r\n1"
    assert read_header(data, is_last=True) == Header(
        delimiter, ("E-mail, work; main", "First name", "Plan"), len(data) - 1
    )


@pytest.mark.parametrize("data", [b"", b"\n", b",,\nx,y,z", b"\xff\xfee\x00", b'"a', b"\xff\n", b"x" * 300])
def test_a_file_without_a_header_that_can_be_read_is_refused(data: bytes) -> None:
    """Empty, UTF-16, never closed, not UTF-8, a name too long."""
    with pytest.raises(Refused):
        read_header(data, is_last=True)


def test_a_header_has_500_columns_at_most() -> None:
    """Invariant 10."""
    names = [f"c{n}" for n in range(MAX_COLUMNS + 1)]
    assert len(read_header(",".join(names[:-1]).encode(), is_last=True).names) == MAX_COLUMNS
    with pytest.raises(Refused, match="500"):
        read_header(",".join(names).encode(), is_last=True)
