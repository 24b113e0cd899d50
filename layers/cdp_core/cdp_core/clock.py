"""The wall clock, in one place: rules get times as arguments, and tests set this clock."""

import time


def now_ms() -> int:
    """Milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000
