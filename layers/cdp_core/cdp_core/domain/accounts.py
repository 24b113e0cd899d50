"""Accounts: how their list knows them by name, and what was said of them by whom."""

from typing import Any

from cdp_core.domain.contact import Registers
from cdp_core.domain.listing import key_text
from cdp_core.domain.times import iso

MAX_NAME_KEY = 50  # characters: with an id of 200 it fits a sort key of 1 024 bytes, whatever the letters
_NAME = "name"


def name_key(text: str) -> str:
    """A name, or the beginning of one, as the list compares it: case folded, single spaces, its first MAX_NAME_KEY characters."""
    return key_text(text)[:MAX_NAME_KEY]


def listed_name(registers: Registers) -> str:
    """The name by which an account is found; empty if it has none, or one that is no text."""
    register = registers.get(_NAME)
    return name_key(register.value) if register and isinstance(register.value, str) else ""


def sources(registers: Registers) -> list[dict[str, Any]]:
    """Where each field's value comes from, by name: a channel or an admin, when, by which message; removed fields are absent."""
    return [
        {"field": name, "source": one.source, "time": iso(one.time), "message_id": one.message_id}
        for name, one in sorted(registers.items())
        if one.value is not None
    ]
