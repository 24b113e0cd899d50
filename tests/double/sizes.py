"""DynamoDB's arithmetic: how many bytes an item has, and how many units a call costs."""

import math
from typing import Any

Item = dict[str, dict[str, Any]]


def item_size(item: Item | None) -> int:
    """Bytes of an item: names and values as DynamoDB documents them; 0 for none."""
    return sum(len(name.encode()) + value_size(value) for name, value in (item or {}).items())


def value_size(value: dict[str, Any]) -> int:
    """Bytes of one attribute value in DynamoDB's notation."""
    ((kind, content),) = value.items()
    if kind == "S":
        return len(content.encode())
    if kind == "B":
        return len(content)
    if kind == "N":
        return number_size(content)
    if kind in ("BOOL", "NULL"):
        return 1
    if kind in ("SS", "NS", "BS"):
        return sum(value_size({kind[0]: one}) for one in content)
    parts = content.values() if kind == "M" else content
    names = sum(len(name.encode()) for name in content) if kind == "M" else 0
    return 3 + names + sum(1 + value_size(part) for part in parts)


def number_size(text: str) -> int:
    """About one byte for two significant digits, plus one, at most 21."""
    digits = text.lstrip("-").split("e")[0].split("E")[0].replace(".", "").strip("0")
    return min(21, math.ceil(len(digits) / 2) + 1 + text.startswith("-"))


def depth(value: dict[str, Any]) -> int:
    """Levels of nesting of one attribute value."""
    ((kind, content),) = value.items()
    if kind not in ("M", "L"):
        return 0
    parts = content.values() if kind == "M" else content
    return 1 + max((depth(part) for part in parts), default=0)


def numbers(value: dict[str, Any]) -> list[str]:
    """All numbers in one attribute value."""
    ((kind, content),) = value.items()
    if kind == "N":
        return [content]
    if kind == "NS":
        return list(content)
    if kind in ("M", "L"):
        return [number for part in (content.values() if kind == "M" else content) for number in numbers(part)]
    return []


def write_units(*sizes: int) -> int:
    """Units of one write: 1 KB steps of the larger of the item before and after, one at least."""
    return max(1, math.ceil(max(sizes) / 1024))


def read_units(size: int, *, strong: bool) -> float:
    """Units of one read: 4 KB steps, half of them if eventually consistent."""
    return max(1, math.ceil(size / 4096)) * (1.0 if strong else 0.5)
