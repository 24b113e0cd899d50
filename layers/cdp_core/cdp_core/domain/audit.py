"""The audit log: who changed or exported what, when, and how it ended. Never what was in it: no entry holds personal data."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cdp_core.domain.identity import Identifier, is_leaf_id, parse_identifier, parse_profile_id

KEPT_MS = 761 * 86_400_000  # 25 months: requests of people must be provable for 24
_OUR_OWN = re.compile(r"[0-9a-f-]{8,64}|\d{13}-[0-9a-f]+")  # ids that we made: hex, GUIDs, notes
_CODE = re.compile(r"[a-z][a-z0-9_.-]{0,99}")
_CODES = frozenset({"code", "name", "entity"})
_RESULTS = ("profile_id", "job_id", "import_id", "hash", "id", "code_name")

HashOf = Callable[[str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One change or export: when it began (ms), who asked, for which route, about what, and the HTTP status of its end.

    `status` 0 says that the end is not known: the process died, or the change could not be marked as done.
    """

    id: str
    at: int
    caller: str
    role: str
    route: str
    subjects: Mapping[str, str]
    status: int = 0
    result: str = ""


def month_of(millis: int) -> str:
    """The month that an entry belongs to, such as 2026-01."""
    return datetime.fromtimestamp(millis / 1000, UTC).strftime("%Y-%m")


def months(since: int, until: int) -> list[str]:
    """The months between two times (ms), latest first."""
    first, last = (datetime.fromtimestamp(at / 1000, UTC) for at in (since, until))
    numbers = range(last.year * 12 + last.month - 1, first.year * 12 + first.month - 2, -1)
    return [f"{number // 12}-{number % 12 + 1:02d}" for number in numbers]


def subjects_of(parameters: Mapping[str, str], leaf_of: Callable[[Identifier], str], hash_of: HashOf) -> dict[str, str]:
    """What a request is about, without personal data: our own ids as they are, identifiers as their leaves, the rest hashed."""
    return {name: _subject(name, value, leaf_of, hash_of) for name, value in parameters.items()}


def _subject(name: str, value: str, leaf_of: Callable[[Identifier], str], hash_of: HashOf) -> str:
    if parse_profile_id(value) is not None or is_leaf_id(value) or _OUR_OWN.fullmatch(value):
        return value
    if name in _CODES and _CODE.fullmatch(value):
        return value
    identifier = parse_identifier(value)
    if identifier is not None and identifier.kind in ("user_id", "anonymous_id"):
        return leaf_of(identifier)
    return f"#{hash_of(value)}"


def result_of(answer: Mapping[str, Any]) -> str:
    """What a change made, where its answer names one of our own ids."""
    found = (answer[name] for name in _RESULTS if isinstance(answer.get(name), str))
    text = next(found, "")
    is_ours = parse_profile_id(text) is not None or _OUR_OWN.fullmatch(text) or _CODE.fullmatch(text)
    return text if is_ours else ""
