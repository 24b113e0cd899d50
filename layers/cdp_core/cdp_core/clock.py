"""The wall clock, in one place: rules get times as arguments, and tests set this clock."""

import time


def now_ms() -> int:
    """Milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


def is_recent(at: int, *, seconds: float) -> bool:
    """Whether `at` (ms) is less than so many seconds ago: what is remembered is believed for that long.

    By the wall clock, because the monotonic one stands still while Lambda freezes a function, for minutes or hours. What
    seems to come from the future, as the clock was set back, is not recent either.
    """
    return 0 <= now_ms() - at < seconds * 1000
