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


def from_json(text: str) -> Any:
    """The value; fractions as Decimal."""
    return _decoder().decode(text)
