"""JSON inside items: numbers exactly as they came, whatever their size."""

import json
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from typing import Any

import msgspec

from cdp_core.domain.envelope import MAX_DIGITS


@cache
def _encoder() -> msgspec.json.Encoder:
    return msgspec.json.Encoder(decimal_format="number")


@cache
def _decoder() -> "msgspec.json.Decoder[Any]":
    return msgspec.json.Decoder(float_hook=Decimal)


def to_json(value: Any) -> str:
    """Compact JSON; Decimals as numbers."""
    return _encoder().encode(value).decode()


def from_any_json(text: str) -> tuple[Any, bool]:
    """The value of JSON that somebody else wrote, and whether a number in it was too large for any computer: it is infinite."""
    try:
        return from_json(text), False
    except ArithmeticError:
        return _slowly(text, _number), True


def _number(text: str) -> Decimal:
    try:
        return Decimal(text)
    except ArithmeticError:
        return Decimal("Infinity")


def from_json(text: str) -> Any:
    """The value; fractions as Decimal, and whole numbers longer than Python reads as int.

    Raises ValueError for what is no JSON, ArithmeticError for a number that is too large for any computer.
    """
    try:
        return _decoder().decode(text)
    except msgspec.ValidationError:  # `1…1e0` is no long whole number to its reader, and is one once it is written
        return _slowly(text, Decimal)


def _slowly(text: str, number: Callable[[str], Decimal]) -> Any:
    return json.loads(text, parse_float=number, parse_int=lambda digits: _whole(digits, number))


def _whole(digits: str, number: Callable[[str], Decimal]) -> int | Decimal:
    return int(digits) if len(digits.lstrip("-")) <= MAX_DIGITS else number(digits)
