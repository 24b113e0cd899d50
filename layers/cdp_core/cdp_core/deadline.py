"""When the invocation must have its answer: no call to AWS waits beyond that, so that a function still speaks for itself.

There is one for the process, as Lambda gives it one invocation at a time, and all its threads work for that one. Outside of
handlers there is none. Times are seconds of the monotonic clock: nothing is frozen in the middle of an invocation.
"""

import time

_NEVER = float("inf")
_ends = _NEVER
now = time.monotonic


def begin(seconds: float) -> None:
    """The invocation has so many seconds from now on for its calls to AWS."""
    global _ends
    _ends = now() + seconds


def end() -> None:
    """The invocation is over: what is called now has no deadline of this kind."""
    global _ends
    _ends = _NEVER


def within(seconds: float) -> float:
    """The moment so many seconds from now, or the invocation's deadline if that comes first."""
    until = now() + seconds
    return until if until < _ends else _ends


def left(until: float) -> float:
    """How many seconds there are until a moment; none or less if it is over."""
    return until - now()
