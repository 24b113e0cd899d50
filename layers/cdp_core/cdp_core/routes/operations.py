"""Routes of operations: dead letters, checks, the replay of erasures, jobs."""

from typing import Annotated, Any, Literal

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from cdp_core.api import operations
from cdp_core.api.http import answer, documented, path_value
from cdp_core.api.parameters import Cursor, Limit, Time
from cdp_core.routes.callers import caller
from cdp_core.routes.lists import instant, page
from cdp_core.usecases import check, cursors, dead_letters, jobs, redrive, replay_erasures

router = APIGatewayHttpRouter()


@router.get(
    "/dead-letters",
    summary="List dead letters",
    tags=["operations"],
    responses=documented(operations.DeadLetterList, 400),
)
def list_dead_letters(
    source: Annotated[Literal["events", "messages"], Query()] = "events",
    reason: Annotated[str | None, Query(max_length=100, description="Code of a reason")] = None,
    since: Time = None,
    until: Time = None,
    limit: Limit = 25,
    cursor: Cursor = None,
) -> Response[Any]:
    """Events that have no effect, and why, by day, latest day first; `messages` looks into SQS's dead-letter queue (ten at most)."""
    if source == "messages":
        return answer({"items": dead_letters.peek(), "cursor": None})
    query = {"list": "dead-letters", "reason": reason, "since": since, "until": until, "caller": caller().id}
    span = dead_letters.Span(instant("since", since), instant("until", until))
    found = dead_letters.read(span, reason=reason, limit=limit, position=cursors.unseal(cursor, query))
    return page(found, query)


@router.post(
    "/dead-letters/redrive",
    summary="Redrive dead letters",
    tags=["operations"],
    responses=documented(operations.Job, 400, status=202),
)
def redrive_dead_letters(wanted: Annotated[operations.Redrive, Body()]) -> Response[Any]:
    """A job that reads them again and queues what makes sense now; with `dry_run` it only counts."""
    span = dead_letters.Span(instant("since", wanted.since), instant("until", wanted.until))
    return answer(redrive.request_redrive(span, wanted.source, wanted.reason, wanted.per_second, wanted.dry_run), 202)


@router.post(
    "/checks", summary="Check all data", tags=["operations"], responses=documented(operations.Job, 400, status=202)
)
def check_all(wanted: Annotated[operations.Check, Body()]) -> Response[Any]:
    """A job that looks whether every invariant holds of every leaf, and with `repair` sets counters and listing right."""
    return answer(check.request_check(per_second=wanted.per_second, repair=wanted.repair), 202)


@router.post(
    "/erasures/replay", summary="Replay erasures", tags=["operations"], responses=documented(operations.Job, status=202)
)
def replay() -> Response[Any]:
    """After a restore from backup: a job that erases again whoever was erased since the backup."""
    return answer(replay_erasures.request_replay(), 202)


@router.get("/jobs/<id>", summary="Get a job", tags=["jobs"], responses=documented(operations.Job, 404))
def get_job(id: Annotated[str, Path(description="The job's id")]) -> Response[Any]:
    """How far a job is, and its receipt at the end."""
    return answer(jobs.job_view(path_value(id)))
