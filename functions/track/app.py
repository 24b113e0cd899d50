"""Tracking API: a client's request becomes one envelope on the queue. Nothing about profiles is read or written.

A cold start imports the way of plain events only; what else may be asked for is imported by the first request for it.
"""

import gc

gc.disable()  # imports leave no garbage, and looking for it makes a cold start longer

import base64
import json
import os
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from cdp_core import clock, deadline
from cdp_core.domain.channels import WriteKey
from cdp_core.errors import (
    CdpError,
    ChannelDisabled,
    Forbidden,
    InvalidInput,
    NotFound,
    TooLarge,
    TryAgain,
    Unauthorized,
    UnsupportedEncoding,
)
from cdp_core.observability import logger
from cdp_core.usecases.accept_plain import accept_plain
from cdp_core.usecases.authenticate import authenticate
from cdp_core.wire import plain
from cdp_core.wire.http import Request, read_request
from cdp_core.wire.keys import key_of

if TYPE_CHECKING:
    from cdp_core.domain.admission import Outcome

gc.freeze()
gc.enable()

DEADLINE_SECONDS = 12  # for all calls to AWS; the rest of the function's Timeout is for saying that it did not work
RETRY_AFTER_SECONDS = 5
SCRIPT_SECONDS, SETTINGS_SECONDS = 3600, 300  # how long browsers may keep them
SCRIPT = os.path.join(os.path.dirname(__file__), "kxt.js")
STATUS: dict[type[CdpError], int] = {
    InvalidInput: 400,
    TooLarge: 413,
    UnsupportedEncoding: 415,
    Unauthorized: 401,
    Forbidden: 403,
    NotFound: 404,
    ChannelDisabled: 404,
    TryAgain: 503,
}
Answer = dict[str, Any]


def handler(event: dict[str, Any], context: Any) -> Answer:
    """API Gateway's entry. Exactly 200 {"success": true}, or results event by event, or an error with code."""
    deadline.begin(DEADLINE_SECONDS)
    try:
        return _route(event)
    except CdpError as error:
        return _failure(error)
    except Exception:
        logger().exception("a tracking request failed")
        return _failure(TryAgain("something went wrong on our side; send the request again"))
    finally:
        deadline.end()


def _route(event: dict[str, Any]) -> Answer:
    path = event["rawPath"].rstrip("/")
    if path in ("/health", "/v1/m"):  # W-08: an SDK's own metrics are answered and dropped
        return _answer(200, {"success": True})
    request = read_request(event)
    if path.startswith(STARTS):
        return next(answer for start, answer in ROUTES.items() if path.startswith(start))(request)
    return _track(request)


def _track(request: Request) -> Answer:
    return dict(TAKEN) if not request.wants_results and _is_plain(request) else _judged(request)


def _is_plain(request: Request) -> bool:
    """The short way: whether all events were plain, and are on the queue now."""
    submission = plain.read(request, _new_id)
    if submission is None:
        return False
    key = authenticate(submission.write_key, request.origin)
    if key.channel.consent_gate and key.channel.consent_categories and submission.may_tell_consent:
        return False
    return accept_plain(key, submission.events, now=clock.now_ms())


def _judged(request: Request) -> Answer:
    """The long way: each event judged by itself."""
    from cdp_core.usecases.accept import accept
    from cdp_core.wire import segment

    submission = segment.read(request, _new_id)
    key = authenticate(submission.write_key, request.origin)
    outcomes = accept(key, submission.outcomes, now=clock.now_ms())
    if not request.wants_results:
        return _answer(200, {"success": True})
    results = [_result(index, one, key) for index, one in enumerate(outcomes)]
    return _answer(207, {"success": all(one["status"] == 200 for one in results), "results": results})


def _result(index: int, outcome: "Outcome", key: WriteKey) -> dict[str, Any]:
    status, code, message = _status(outcome, key)
    return {"index": index, "message_id": outcome.message_id, "status": status, "code": code, "message": message}


def _status(outcome: "Outcome", key: WriteKey) -> tuple[int, str, str]:
    """What is said about one event. That it was withheld is for servers to know: a page's visitors get the usual answer."""
    from cdp_core.domain.admission import Withheld
    from cdp_core.domain.envelope import Refusal

    if isinstance(outcome, Refusal):
        return 400, outcome.reason, outcome.message
    if isinstance(outcome, Withheld) and key.secret:
        return 403, outcome.rule, outcome.message
    return 200, "accepted", ""


def _pixel(request: Request) -> Answer:
    from cdp_core.usecases.accept import accept
    from cdp_core.wire import pixel

    submission = pixel.read(request, _new_id)
    accept(authenticate(submission.write_key, request.origin), submission.outcomes, now=clock.now_ms())
    return _bytes(pixel.GIF, "image/gif", {"Cache-Control": "no-store"})


def _activities(request: Request) -> Answer:
    """K-05: 207 with a status for each activity, whatever becomes of them."""
    from cdp_core.domain.channels import is_named, taking_known_types
    from cdp_core.usecases.accept import accept
    from cdp_core.wire import kentico

    said = kentico.read(request, _new_id)
    key = authenticate(said.write_key, request.origin)
    if not is_named(key.channel, said.channel):  # K-10
        wrong = {"status": 403, "code": "wrong_channel", "message": "the channel is not the one of this key"}
        return _answer(207, {"results": [wrong for _ in said.outcomes]})
    outcomes = accept(taking_known_types(key), said.outcomes, now=clock.now_ms())
    return _answer(207, {"results": [_activity(outcome, key) for outcome in outcomes]})


def _activity(outcome: "Outcome", key: WriteKey) -> dict[str, Any]:
    status, code, message = _status(outcome, key)
    if status == 200:
        return {"status": 202}
    return {"status": 404 if code == "unknown_activity_type" else status, "code": code, "message": message}


def _form(request: Request) -> Answer:
    from cdp_core.domain.admission import Withheld
    from cdp_core.domain.consent import CONSENT_WITHHELD
    from cdp_core.domain.envelope import Refusal
    from cdp_core.usecases.accept import accept
    from cdp_core.usecases.definitions import find_form
    from cdp_core.wire import forms

    typed = forms.read(request)
    key = authenticate(typed.write_key, request.origin)
    form = find_form(typed.form)
    (outcome,) = accept(key, [forms.event_of(typed, form, _new_id)], now=clock.now_ms())
    if isinstance(outcome, Refusal):
        raise InvalidInput(outcome.message, code=outcome.reason)
    if isinstance(outcome, Withheld) and outcome.rule == CONSENT_WITHHELD:  # a good one is a legitimate interest
        raise InvalidInput("the form holds a value that cannot be taken", code="invalid_form")
    if typed.is_page and form.success_url:
        return {"statusCode": 303, "headers": {"Location": form.success_url}}
    return _bytes(THANKS, "text/html; charset=utf-8", {}) if typed.is_page else _answer(200, {"success": True})


THANKS = b"<!doctype html><html lang=en><meta charset=utf-8><title>Thank you</title><p>Thank you.</p></html>"


def _settings(request: Request) -> Answer:
    from cdp_core.wire.settings import segment_settings

    write_key = request.path.split("/")[3]
    channel = authenticate(write_key, request.origin).channel
    return _kept(segment_settings(request, write_key, channel))


def _source(request: Request) -> Answer:
    from cdp_core.wire.settings import rudder_source

    write_key = key_of(request, {})
    return _kept(rudder_source(write_key, authenticate(write_key, request.origin).channel))


def _kept(document: dict[str, Any]) -> Answer:
    return _answer(200, document, {"Cache-Control": f"private, max-age={SETTINGS_SECONDS}"})


def _script(request: Request) -> Answer:
    script, packed = _scripts()
    kept = {"Cache-Control": f"public, max-age={SCRIPT_SECONDS}", "Vary": "Accept-Encoding"}
    accepted = request.headers.get("accept-encoding", "").split(",")
    if "gzip" in map(str.strip, accepted):  # `gzip;q=0` is a refusal, and nobody is harmed by plain text
        return _bytes(packed, "text/javascript; charset=utf-8", kept | {"Content-Encoding": "gzip"})
    return _bytes(script, "text/javascript; charset=utf-8", kept)


@cache
def _scripts() -> tuple[bytes, bytes]:
    import gzip

    with open(SCRIPT, "rb") as file:
        script = file.read()
    return script, gzip.compress(script, 9)


# The first that a path begins with; all other paths are Segment's calls, under whatever prefix an SDK puts them.
ROUTES: Mapping[str, Callable[[Request], Answer]] = {
    "/pixel/": _pixel,
    "/Kentico.Tracking/activities": _activities,
    "/v1/forms/": _form,
    "/v1/projects/": _settings,
    "/sourceConfig": _source,
    "/kxt.js": _script,
}
STARTS = tuple(ROUTES)


def _new_id() -> str:
    import uuid

    return str(uuid.uuid4())


def _failure(error: CdpError) -> Answer:
    status = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 503)
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if status == 503 else {}
    return _answer(status, {"success": False, "code": error.code, "message": str(error)}, headers)


def _answer(status: int, body: dict[str, Any], headers: Mapping[str, str] | None = None) -> Answer:
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json", **(headers or {})},
        "body": json.dumps(body, ensure_ascii=False),  # escapes could outgrow the 6 MB that Lambda answers
    }


TAKEN = _answer(200, {"success": True})


def _bytes(content: bytes, kind: str, headers: Mapping[str, str]) -> Answer:
    return {
        "statusCode": 200,
        "headers": {"Content-Type": kind, **headers},
        "body": base64.b64encode(content).decode(),
        "isBase64Encoded": True,
    }
