"""Tracking API: a client's request becomes one envelope on the queue. Nothing else is read or written."""

import json
import uuid
from typing import Any

from cdp_core import clock
from cdp_core.domain.envelope import Event, Refusal
from cdp_core.errors import (
    CdpError,
    ChannelDisabled,
    InvalidInput,
    TooLarge,
    TryAgain,
    Unauthorized,
    UnsupportedEncoding,
)
from cdp_core.observability import logger
from cdp_core.usecases.accept import accept
from cdp_core.wire.http import Request, read_request
from cdp_core.wire.segment import read

RETRY_AFTER_SECONDS = 5
STATUS: dict[type[CdpError], int] = {
    InvalidInput: 400,
    TooLarge: 413,
    UnsupportedEncoding: 415,
    Unauthorized: 401,
    ChannelDisabled: 404,
    TryAgain: 503,
}


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """API Gateway's entry. Exactly 200 {"success": true}, or 207 with results in strict mode, or an error with code."""
    try:
        return _route(event)
    except CdpError as error:
        return _failure(error)
    except Exception:
        logger().exception("a tracking request failed")
        return _failure(TryAgain("something went wrong on our side; send the request again"))


def _route(event: dict[str, Any]) -> dict[str, Any]:
    path = event["rawPath"].rstrip("/")
    if path == "/health" or path == "/v1/m":  # W-08: an SDK's own metrics are answered and dropped
        return _answer(200, {"success": True})
    return _track(read_request(event))


def _track(request: Request) -> dict[str, Any]:
    submission = read(request, lambda: str(uuid.uuid4()))
    accept(submission.write_key, submission.outcomes, now=clock.now_ms())
    if not request.wants_results:
        return _answer(200, {"success": True})
    results = [_result(index, one) for index, one in enumerate(submission.outcomes)]
    return _answer(207, {"success": all(one["status"] == 200 for one in results), "results": results})


def _result(index: int, outcome: Event | Refusal) -> dict[str, Any]:
    if isinstance(outcome, Event):
        return {"index": index, "message_id": outcome.message_id, "status": 200, "code": "accepted", "message": ""}
    return {
        "index": index,
        "message_id": outcome.message_id,
        "status": 400,
        "code": outcome.reason,
        "message": outcome.message,
    }


def _failure(error: CdpError) -> dict[str, Any]:
    status = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 503)
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if status == 503 else {}
    return _answer(status, {"success": False, "code": error.code, "message": str(error)}, headers)


def _answer(status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> dict[str, Any]:
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json", **(headers or {})},
        "body": json.dumps(body, ensure_ascii=False),  # escapes could outgrow the 6 MB that Lambda answers
    }
