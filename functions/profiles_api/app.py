"""Profiles API for admins: parse, call one function, respond."""

import hashlib
import hmac
from typing import Annotated, Any, Literal

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.event_handler.openapi.models import HTTPBearer
from aws_lambda_powertools.event_handler.openapi.params import Body, Path, Query

from cdp_core.api import models, operations
from cdp_core.api.http import JSON, Defect, Resolver, answer, documented, failure, invalid, path_value, plain, routable
from cdp_core.api.parameters import Cursor, Limit, ProfileId, Time
from cdp_core.domain.identity import Identifier, profile_id
from cdp_core.domain.times import NO_TIME, USABLE_FROM, parse_time
from cdp_core.errors import CdpError, InvalidInput, NotFound, Unauthorized
from cdp_core.observability import logger
from cdp_core.secrets import admin_key
from cdp_core.tables.channels import Channel
from cdp_core.usecases import (
    bulk_erase,
    channels,
    check,
    cursors,
    dead_letters,
    erase,
    jobs,
    maintenance,
    profiles,
    redrive,
    replay_erasures,
    resolve,
    search,
    timeline,
    unmerge,
)
from cdp_core.usecases.paging import Page

PUBLIC = {"/openapi.json", "/docs"}
DOCUMENT: dict[str, Any] = {
    "title": "Profiles API",
    "version": "1",
    "description": "People, what they did, and their erasure. Times are ISO 8601 UTC, numbers are exactly as they were sent.",
    "security_schemes": {"admin_key": HTTPBearer(description="The admin key")},
    "security": [{"admin_key": []}],
}
app = Resolver(enable_validation=True)
app.enable_swagger(path="/docs", persist_authorization=True, **DOCUMENT)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """API Gateway's entry. Everything but the documentation needs the admin key."""
    try:
        if event["rawPath"].rstrip("/") not in PUBLIC:
            _authorize(event.get("headers") or {})
            maintenance.check_open(event["rawPath"])
        return app.resolve(routable(event), context)
    except CdpError as error:
        return plain(failure(error))
    except RecursionError:
        return plain(failure(InvalidInput("body: nested too deeply")))
    except Exception:
        logger().exception("a profiles API request failed")
        return plain(failure(Defect("something went wrong on our side")))


def _authorize(headers: dict[str, str]) -> None:
    """Raises Unauthorized unless the bearer token is the admin key; the comparison takes the same time for every token."""
    given = next((value for name, value in headers.items() if name.lower() == "authorization"), "")
    digests = [hashlib.sha256(text.encode(errors="replace")).digest() for text in (given, f"Bearer {admin_key()}")]
    if not hmac.compare_digest(*digests):
        raise Unauthorized("this needs the header Authorization: Bearer <admin key>")


@app.exception_handler(CdpError)
def _on_error(error: CdpError) -> Response[Any]:
    return failure(error)


@app.exception_handler(RequestValidationError)
def _on_invalid(error: RequestValidationError) -> Response[Any]:
    return failure(invalid(error))


@app.not_found
def _on_unknown_route(error: NotFoundError) -> Response[Any]:
    return failure(NotFound("there is no such route"))


@app.get("/profiles", summary="List profiles", tags=["profiles"], responses=documented(models.ProfileList, 400))
def list_profiles(
    verification: Annotated[Literal["verified", "anonymous", "all"], Query()] = "verified",
    q: Annotated[str, Query(max_length=220, description="Prefix of name or e-mail, or an exact identifier")] = "",
    limit: Limit = 25,
    cursor: Cursor = None,
) -> Response[Any]:
    """Profiles by day of last activity, latest first; with `q` exact matches, then by name and e-mail. A page may be short."""
    query = {"list": "profiles", "verification": verification, "q": q, "caller": _caller()}
    position = cursors.unseal(cursor, query)
    ask = search.Ask(verification=verification, text=q.strip(), limit=limit, position=position)
    return _page(search.search(ask), query)


@app.post(
    "/profiles/lookup",
    summary="Look a profile up",
    tags=["profiles"],
    responses=documented(models.Profile, 400, 404, 409),
)
def look_up(lookup: Annotated[models.Lookup, Body()]) -> Response[Any]:
    """The profile of an identifier, without personal data in the URL."""
    named = resolve.of_identifier(Identifier(lookup.kind, lookup.value))
    return answer(profiles.show(profiles.load(named)))


@app.get(
    "/profiles/<id>", summary="Get a profile", tags=["profiles"], responses=documented(models.Profile, 400, 404, 409)
)
def get_profile(id: ProfileId) -> Response[Any]:
    """Everything about one person, over all identifiers."""
    return answer(profiles.show(profiles.find(path_value(id))))


@app.delete(
    "/profiles/<id>",
    summary="Erase a profile",
    tags=["profiles"],
    responses=documented(operations.Job, 400, 404, 409, status=202),
)
def delete_profile(id: ProfileId) -> Response[Any]:
    """Unreadable at once; a job cleans up. A repeat answers with the same job."""
    return answer(erase.request_erasure(path_value(id)), 202)


@app.get(
    "/profiles/<id>/activities",
    summary="List activities",
    tags=["profiles"],
    responses=documented(models.ActivityList, 400, 404, 409),
)
def list_activities(
    id: ProfileId,
    type: Annotated[str | None, Query(max_length=100, description="Code name of an activity type")] = None,
    since: Time = None,
    until: Time = None,
    order: Annotated[Literal["asc", "desc"], Query()] = "desc",
    limit: Limit = 25,
    cursor: Cursor = None,
) -> Response[Any]:
    """The timeline over all identifiers, from `since` up to but without `until`. A page may be short."""
    tree = profiles.tree_of(resolve.name(path_value(id)))
    root = profile_id(tree.root, tree.leaves[tree.root].epoch)
    query = {"list": root, "type": type, "since": since, "until": until, "order": order, "caller": _caller()}
    ask = timeline.Ask(
        type=type,
        since=_instant("since", since) or USABLE_FROM,
        until=_instant("until", until),
        newest_first=order == "desc",
        limit=limit,
        position=cursors.unseal(cursor, query),
    )
    return _page(timeline.read(tree.leaves.values(), ask), query)


@app.post(
    "/profiles/bulk-delete",
    summary="Erase many profiles",
    tags=["profiles"],
    responses=documented(operations.Job, 400, status=202),
)
def delete_profiles(wanted: Annotated[operations.BulkErasure, Body()]) -> Response[Any]:
    """One job for all; each profile is unreadable as soon as its turn comes. Ids without a profile are counted as unknown."""
    return answer(bulk_erase.request_bulk_erasure(wanted.ids), 202)


@app.get(
    "/profiles/<id>/merges",
    summary="List merges",
    tags=["profiles"],
    responses=documented(operations.MergeList, 400, 404, 409),
)
def list_merges(id: ProfileId) -> Response[Any]:
    """What was merged into the profile, latest first."""
    return answer(unmerge.merges(path_value(id)))


@app.delete(
    "/profiles/<id>/merges/<leaf>",
    summary="Unmerge",
    tags=["profiles"],
    responses=documented(operations.Unmerged, 400, 404, 409),
)
def delete_merge(id: ProfileId, leaf: Annotated[str, Path(description="The merged-away id")]) -> Response[Any]:
    """Both profiles are then what they would have been without the merge, and events do not merge them again."""
    return answer(unmerge.unmerge(path_value(id), path_value(leaf)))


@app.get(
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
    query = {"list": "dead-letters", "reason": reason, "since": since, "until": until, "caller": _caller()}
    span = dead_letters.Span(_instant("since", since), _instant("until", until))
    page = dead_letters.read(span, reason=reason, limit=limit, position=cursors.unseal(cursor, query))
    return _page(page, query)


@app.post(
    "/dead-letters/redrive",
    summary="Redrive dead letters",
    tags=["operations"],
    responses=documented(operations.Job, 400, status=202),
)
def redrive_dead_letters(wanted: Annotated[operations.Redrive, Body()]) -> Response[Any]:
    """A job that reads them again and queues what makes sense now; with `dry_run` it only counts."""
    span = dead_letters.Span(_instant("since", wanted.since), _instant("until", wanted.until))
    return answer(redrive.request_redrive(span, wanted.source, wanted.reason, wanted.per_second, wanted.dry_run), 202)


@app.post(
    "/checks", summary="Check all data", tags=["operations"], responses=documented(operations.Job, 400, status=202)
)
def check_all(wanted: Annotated[operations.Check, Body()]) -> Response[Any]:
    """A job that looks whether every invariant holds of every leaf, and with `repair` sets counters and listing right."""
    return answer(check.request_check(per_second=wanted.per_second, repair=wanted.repair), 202)


@app.post(
    "/erasures/replay", summary="Replay erasures", tags=["operations"], responses=documented(operations.Job, status=202)
)
def replay() -> Response[Any]:
    """After a restore from backup: a job that erases again whoever was erased since the backup."""
    return answer(replay_erasures.request_replay(), 202)


@app.get("/jobs/<id>", summary="Get a job", tags=["jobs"], responses=documented(operations.Job, 404))
def get_job(id: Annotated[str, Path(description="The job's id")]) -> Response[Any]:
    """How far a job is, and its receipt at the end."""
    return answer(jobs.job_view(path_value(id)))


@app.post(
    "/channels", summary="Create a channel", tags=["channels"], responses=documented(models.Channel, 400, status=201)
)
def create_channel(channel: Annotated[models.NewChannel, Body()]) -> Response[Any]:
    """A website, app or server that sends events."""
    return answer(channels.create_channel(Channel(**channel.model_dump())), 201)


@app.post(
    "/channels/<name>/keys",
    summary="Create a write key",
    tags=["channels"],
    responses=documented(models.CreatedKey, 400, 404, status=201),
)
def create_key(
    name: Annotated[str, Path(description="The channel's code name")], key: Annotated[models.NewKey, Body()]
) -> Response[Any]:
    """The key is shown in this answer only."""
    return answer(channels.create_key(path_value(name), secret=key.secret), 201)


@app.get("/openapi.json", include_in_schema=False)
def openapi() -> Response[Any]:
    """This API's OpenAPI document."""
    return Response(status_code=200, content_type=JSON, body=app.get_openapi_json_schema(**DOCUMENT))


def _page(page: Page, query: dict[str, Any]) -> Response[Any]:
    return answer({"items": page.items, "cursor": cursors.seal(page.position, query) if page.position else None})


def _caller() -> str:
    """A short name for the key that the caller has, so that a cursor works for nobody else."""
    return hashlib.sha256(admin_key().encode()).hexdigest()[:12]


def _instant(name: str, text: str | None) -> int | None:
    if text is None:
        return None
    millis = parse_time(text.replace(" ", "+") if "T" in text else text)
    if millis == NO_TIME:
        raise InvalidInput(f"{name} must be an ISO 8601 time from 2000 to 2099, such as 2026-01-31T12:00:00Z")
    return millis
