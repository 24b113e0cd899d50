"""Cells of CSV files that people open in a spreadsheet: a text that a spreadsheet would run as a formula is made harmless, and read back as it was."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Any

# What begins a formula for some spreadsheet, full-width forms included; a quote before it was put there by us or by a person.
_DANGEROUS = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")


def cell(value: Any, as_json: Any) -> str:
    """A value as a cell: texts as they are, nothing for null, everything else as JSON (by `as_json`); made harmless."""
    text = value if isinstance(value, str) else "" if value is None else str(as_json(value))
    return f"'{text}" if _DANGEROUS.match(text) else text


def read_cell(text: str) -> str:
    """The text that `cell` made this of."""
    return text[1:] if text.startswith("'") and _DANGEROUS.match(text) else text


def to_csv(rows: Iterable[Sequence[str]]) -> str:
    """Lines of cells, every one in quotes."""
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerows(rows)
    return out.getvalue()
