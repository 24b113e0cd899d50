"""Instants as whole milliseconds since 1970 UTC, and how client clocks are read.

Protocol section 8: what goes into a key is a pure function of the event's body, never of a server clock.
"""

import re
from datetime import UTC, datetime, timedelta, timezone

DAY_MS = 86_400_000
USABLE_FROM = 946_684_800_000  # 2000-01-01, a constant: a key may not depend on "now"
USABLE_BEFORE = 4_102_444_800_000  # 2100-01-01
NO_TIME = 0  # no usable client time
CLOCK_MARGIN_MS = 10_000  # two clocks, each up to 5 s off
FUTURE_MS = DAY_MS  # a claim further ahead of the receipt than this is not believed

_ISO = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[Tt ](\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d+))?)?)?\s*([Zz]|[+-]\d{2}:?(?:\d{2})?)?"
)


def parse_time(value: object) -> int:
    """Milliseconds of a client's `timestamp`, or NO_TIME if it is absent, unreadable or outside 2000..2099.

    Reads ISO 8601 with one-digit months and days, any fraction, `Z`, an offset or none (UTC), and a second of 60.
    """
    found = _ISO.fullmatch(value.strip()) if isinstance(value, str) and len(value) <= 64 else None
    if not found:
        return NO_TIME
    try:
        instant = _instant(found)
    except (ValueError, OverflowError):
        return NO_TIME
    return instant if USABLE_FROM <= instant < USABLE_BEFORE else NO_TIME


def _instant(found: re.Match[str]) -> int:
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    moment = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=_zone(found[8]))
    millis = int(((found[7] or "") + "000")[:3])
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1) + millis + 1000 * (second == 60)


def _zone(text: str | None) -> timezone:
    if text is None or text in "Zz":
        return UTC
    digits = text[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if text[0] == "-" else offset)


def iso(millis: int) -> str:
    """ISO 8601 in UTC with milliseconds, as every answer shows times."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=millis)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def day_of(millis: int) -> str:
    """The UTC day, as `2026-11-23`."""
    return iso(millis)[:10]


def position(claimed: int, received_at: int) -> int:
    """Where an event stands in the timeline: its own time if believable, else when its envelope was received."""
    return claimed if is_believable(claimed, received_at) else received_at


def is_believable(claimed: int, received_at: int) -> bool:
    """Whether the client's time may place the event (protocol section 8, rules 3 and 4)."""
    return claimed != NO_TIME and claimed <= received_at + FUTURE_MS
