"""JSON as clients really send it: a fast strict reader, and a patient one for what the fast one will not take."""

import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any

import msgspec

from cdp_core.errors import InvalidInput

_CUT_DEPTH = 64  # deeper than any event may be: what is cut there is refused for its depth anyway
# Possessive, and an unclosed text reaches to the end: nobody can make this take more than one pass.
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[{]+|[\]}]+', re.DOTALL)
_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")
_WORTH_COPYING = 65_536  # values; no event may hold more
_MAX_INT_DIGITS = 4_000  # Python refuses to read longer ones as int


class NotANumber:
    """Stands for a bare NaN or Infinity until its event takes it out."""


_NAN = NotANumber()


@cache
def _fast() -> "msgspec.json.Decoder[Any]":
    return msgspec.json.Decoder(float_hook=Decimal)


def read(data: bytes) -> tuple[Any, bool]:
    """The value, and whether it needs `clean`. Fractions are Decimal, integers exact, the last of duplicate keys wins.

    Raises InvalidInput (`invalid_json`) if the text is no JSON even to the patient reader.
    """
    try:
        return _fast().decode(data), False
    except (msgspec.DecodeError, RecursionError, ValueError, ArithmeticError):
        return _patient(data), True


def _patient(data: bytes) -> Any:
    """Standard JSON plus bare NaN and Infinity, lone surrogates and any depth (cut at a depth nobody may use)."""
    try:
        text = data.decode("utf-8-sig")
        try:
            return _loads(text)
        except RecursionError:
            return _loads(_cut(text))
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise InvalidInput("the body is not valid JSON in UTF-8", code="invalid_json") from error


def _loads(text: str) -> Any:
    return json.loads(text, parse_float=_number, parse_int=_number, parse_constant=lambda _: _NAN, strict=False)


def _number(text: str) -> int | Decimal | NotANumber:
    is_whole = text.lstrip("-").isdigit()
    if is_whole and len(text) <= _MAX_INT_DIGITS:
        return int(text)
    try:
        return Decimal(f"{text}.0" if is_whole else text)  # as a fraction any reader takes it, however long
    except InvalidOperation:
        return _NAN


def _cut(text: str) -> str:
    """The text with everything nested deeper than _CUT_DEPTH replaced by null, found without recursion in one pass."""
    depth, kept_until, parts = 0, 0, []
    for token in _TOKEN.finditer(text):
        before, length = depth, token.end() - token.start()
        if token[0][0] in "[{":
            depth += length
            if before <= _CUT_DEPTH < depth:
                parts.append(text[kept_until : token.start() + _CUT_DEPTH - before] + "null")
        elif token[0][0] in "]}":
            depth -= length
            if before > _CUT_DEPTH >= depth:
                kept_until = token.start() + before - _CUT_DEPTH
    if depth > _CUT_DEPTH:
        kept_until = len(text)
    return "".join(parts) + text[kept_until:]


def clean(value: Any) -> tuple[Any, bool]:
    """The value with NaN and Infinity as null and lone surrogates as U+FFFD, and whether a number was lost."""
    lost: list[NotANumber] = []
    return _clean(value, lost.append), bool(lost)


def _clean(value: Any, lose: Callable[[NotANumber], None]) -> Any:
    if isinstance(value, dict):
        return {_text(name): _clean(part, lose) for name, part in value.items()}
    if isinstance(value, list):
        return [_clean(part, lose) for part in value]
    if isinstance(value, NotANumber):
        return lose(value)
    return _text(value) if isinstance(value, str) else value


def _text(text: str) -> str:
    if not _LONE_SURROGATE.search(text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def written(value: Any) -> bytes:
    """Any value that `read` gives as JSON with exact numbers; a lost number is null, half a surrogate pair U+FFFD.

    Empty if that would take a copy of very many values. Raises RecursionError if it nests too deep to be written.
    """
    try:
        return _encoder().encode(value)
    except UnicodeEncodeError:
        return b"" if holds_more_than(_WORTH_COPYING, value) else _encoder().encode(clean(value)[0])


@cache
def _encoder() -> msgspec.json.Encoder:
    return msgspec.json.Encoder(decimal_format="number", enc_hook=lambda _: None)


def depth(value: Any) -> int:
    """How deep objects and lists nest; a plain value has depth 0."""
    return sum(1 for _ in _levels(value))


def holds_more_than(limit: int, value: Any) -> bool:
    """Whether a value holds more than so many values at all depths; looks no further than it needs."""
    count = 0
    return any((count := count + sum(map(len, level))) > limit for level in _levels(value))


def _levels(value: Any) -> Iterator[list[Any]]:
    """The objects and lists of a value, level by level: no recursion."""
    here = [value]
    while here := [one for one in here if isinstance(one, dict | list)]:
        yield here
        here = [part for one in here for part in (one.values() if isinstance(one, dict) else one)]
