"""JSON inside items: numbers exactly as they came, whatever their size."""

from decimal import Decimal
from functools import cache
from typing import Any

import msgspec


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
        return msgspec.json.Decoder(float_hook=_number).decode(text), True


def _number(text: str) -> Decimal:
    try:
        return Decimal(text)
    except ArithmeticError:
        return Decimal("Infinity")


def from_json(text: str) -> Any:
    """The value; fractions as Decimal."""
    return _decoder().decode(text)
