"""Scheduled: drains the queue into profiles and activities, and works off jobs. Invoked by itself, it is a worker."""

from typing import Any

from cdp_core import deadline
from cdp_core.usecases.flush import Invocation, flush
from cdp_core.wire.segment import reread

ENDING_SECONDS = 1  # of the invocation, in which no call to AWS is waited for


def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """One minute's flush. Answers with what was done."""
    invocation = Invocation(
        remaining_ms=context.get_remaining_time_in_millis,
        function_name=context.function_name,
        is_worker=bool(event.get("worker")),
        reread=reread,
    )
    deadline.begin(context.get_remaining_time_in_millis() / 1000 - ENDING_SECONDS)
    try:
        return dict(flush(invocation))
    finally:
        deadline.end()
