"""Profiles API for admins: parse, call one function, respond."""

import hashlib
import hmac
import json

from typing import Annotated, Any, Literal
from urllib.parse import unquote

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.event_handler.openapi.params import Body, Query
from cdp_core.api import models
from cdp_core.domain.activity import describe
from cdp_core.domain.identity import Identifier
from cdp_core.domain.times import NO_TIME, USABLE_FROM, parse_time
from cdp_core.errors import Ambiguous, CdpError, InvalidInput, NotFound, TryAgain, Unauthorized
from cdp_core.observability import logger
from cdp_core.secrets import admin_key
from cdp_core.tables.channels import Channel
from cdp_core.tables.codec import to_json
from cdp_core.usecases import channels, cursors, erase, jobs, profiles, resolve, search, timeline

JSON = "application/json"
PUBLIC = {"/openapi.json", "/docs"}
TITLE, VERSION = "Profiles API", "1"
STATUS: dict[type[CdpError], int] = {InvalidInput: 400, Ambiguous: 409, Unauthorized: 401, NotFound: 404, TryAgain: 503}

app = APIGatewayHttpResolver(enable_validation=True)
app.enable_swagger(path="/docs", title=TITLE, version=VERSION)

Limit = Annotated[int, Query(ge=1, le=100, description="How many items, 1 to 100")]
Cursor = Annotated[str | None, Query(max_length=2_000, description="Where to go on, from the page before")]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """API Gateway's entry. Everything but the documentation needs the admin key."""
    try:
        if event["rawPath"].rstrip("/") not in PUBLIC:
            _authorize(event.get("headers") or {})
        return app.resolve(event, context)
    except CdpError as error:
        return _failure(error).serialize()
    except Exception:
        logger().exception("a profiles API request failed")
        return _failure(TryAgain("something went wrong on our side")).serialize()


def _authorize(headers: dict[str, str]) -> None:
    """Raises Unauthorized unless the bearer token is the admin key; the comparison takes the same time for every token."""
    given = next((value for name, value in headers.items() if name.lower() == "authorization"), "")
    digests = [hashlib.sha256(text.encode()).digest() for text in (given, f"Bearer {admin_key()}")]
    if not hmac.compare_digest(*digests):
        raise Unauthorized("this needs the header Authorization: Bearer <admin key>")


def _documented(model: type[Any], *, status: int = 200, errors: tuple[int, ...] = (400, 401)) -> Any:
    """The answers of a route for the OpenAPI document."""
    meanings = {400: "Bad request", 401: "No or wrong key", 404: "Not found", 409: "Ambiguous"}
    answers: dict[int, Any] = {status: {"description": "OK", "content": {JSON: {"model": model}}}}
    for code in errors:
        answers[code] = {"description": meanings[code], "content": {JSON: {"model": models.Error}}}
    return answers


def _answer(body: Any, status: int = 200) -> Response[Any]:
    """JSON with numbers exactly as stored."""
    return Response(status_code=status, content_type=JSON, body=to_json(body))


class _Failure(Response[Any]):
    """An error's answer, also outside the resolver."""

    def serialize(self) -> dict[str, Any]:
        """As Lambda answers API Gateway."""
        return {"statusCode": self.status_code, "headers": {"Content-Type": JSON}, "body": self.body}


def _failure(error: CdpError) -> _Failure:
    status = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)
    detail: dict[str, Any] = {"code": error.code, "message": str(error)}
    if isinstance(error, Ambiguous):
        detail["profile_ids"] = error.profile_ids
    return _Failure(status_code=status, content_type=JSON, body=json.dumps({"error": detail}))


@app.exception_handler(CdpError)
def _on_error(error: CdpError) -> Response[Any]:
    return _failure(error)


@app.exception_handler(RequestValidationError)
def _on_invalid(error: RequestValidationError) -> Response[Any]:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"][1:]) or "body"
    return _failure(InvalidInput(f"{place}: {first['msg']}"))


@app.not_found
def _on_unknown_route(error: NotFoundError) -> Response[Any]:
    return _failure(NotFound("there is no such route"))


@app.get("/profiles", summary="List profiles", responses=_documented(models.ProfileList))
def list_profiles(
    verification: Annotated[Literal["verified", "anonymous", "all"], Query()] = "verified",
    q: Annotated[str, Query(max_length=200, description="Prefix of name or e-mail, or an exact identifier")] = "",
    limit: Limit = 25,
    cursor: Cursor = None,
) -> Response[Any]:
    """Profiles by last activity, latest first; with `q` in alphabetical order. A page may be short."""
    query = {"list": "profiles", "verification": verification, "q": q}
    position = cursors.unseal(cursor, query)
    ask = search.Ask(verification=verification, text=q.strip(), limit=limit, position=position[0] if position else None)
    page = search.search(ask)
    shown = [profiles.show(profile) for profile in page.profiles]
    return _answer({"items": shown, "cursor": cursors.seal((page.position,), query) if page.position else None})


@app.post("/profiles/lookup", summary="Look a profile up", responses=_documented(models.Profile, errors=(400, 401, 404, 409)))
def look_up(lookup: Annotated[models.Lookup, Body()]) -> Response[Any]:
    """The profile of an identifier, without personal data in the URL."""
    named = resolve.of_identifier(Identifier(lookup.kind, lookup.value))
    return _answer(profiles.show(profiles.load(named)))


@app.get("/profiles/<id>", summary="Get a profile", responses=_documented(models.Profile, errors=(400, 401, 404, 409)))
def get_profile(id: str) -> Response[Any]:
    """By profile id, merged-away id, or percent-encoded `kind:value`."""
    return _answer(profiles.show(profiles.find(_path_value("id", id))))


@app.delete("/profiles/<id>", summary="Erase a profile", responses=_documented(models.Job, status=202, errors=(400, 401, 404, 409)))
def delete_profile(id: str) -> Response[Any]:
    """Unreadable at once; a job cleans up. A repeat answers with the same job."""
    return _answer(erase.request_erasure(_path_value("id", id)), 202)


@app.get(
    "/profiles/<id>/activities", summary="List activities", responses=_documented(models.ActivityList, errors=(400, 401, 404, 409))
)
def list_activities(
    id: str,
    type: Annotated[str | None, Query(max_length=100, description="Code name of an activity type")] = None,
    since: Annotated[str | None, Query(description="From this time on, ISO 8601")] = None,
    until: Annotated[str | None, Query(description="Before this time, ISO 8601")] = None,
    order: Annotated[Literal["asc", "desc"], Query()] = "desc",
    limit: Limit = 25,
    cursor: Cursor = None,
) -> Response[Any]:
    """The timeline over all identifiers of the person. A page may be short."""
    profile = profiles.find(_path_value("id", id))
    query = {"list": profile.id, "type": type, "since": since, "until": until, "order": order}
    position = cursors.unseal(cursor, query)
    ask = timeline.Ask(
        type=type,
        since=_instant("since", since) or USABLE_FROM,
        until=_instant("until", until),
        newest_first=order == "desc",
        limit=limit,
        position=(position[0], position[1]) if position else None,
    )
    page = timeline.read(profile, ask)
    shown = [describe(row) for row in page.rows]
    return _answer({"items": shown, "cursor": cursors.seal(page.position, query) if page.position else None})


@app.get("/jobs/<id>", summary="Get a job", responses=_documented(models.Job, errors=(401, 404)))
def get_job(id: str) -> Response[Any]:
    """How far a job is, and its receipt at the end."""
    return _answer(jobs.job_view(_path_value("id", id)))


@app.post("/channels", summary="Create a channel", responses=_documented(models.Channel, status=201))
def create_channel(channel: Annotated[models.NewChannel, Body()]) -> Response[Any]:
    """A website, app or server that sends events."""
    return _answer(channels.create_channel(Channel(**channel.model_dump())), 201)


@app.post("/channels/<name>/keys", summary="Create a write key", responses=_documented(models.CreatedKey, status=201, errors=(400, 401, 404)))
def create_key(name: str, key: Annotated[models.NewKey, Body()]) -> Response[Any]:
    """The key is shown in this answer only."""
    return _answer(channels.create_key(_path_value("name", name), secret=key.secret), 201)


@app.get("/openapi.json", include_in_schema=False)
def openapi() -> Response[Any]:
    """This API's OpenAPI document."""
    return Response(status_code=200, content_type=JSON, body=app.get_openapi_json_schema(title=TITLE, version=VERSION))


def _path_value(name: str, matched: str) -> str:
    """A path variable, decoded once: by API Gateway, which then says so, or else here."""
    decoded = (app.current_event.path_parameters or {}).get(name)
    return decoded if decoded is not None else unquote(matched)


def _instant(name: str, text: str | None) -> int | None:
    if text is None:
        return None
    millis = parse_time(text.replace(" ", "+") if "T" in text else text)
    if millis == NO_TIME:
        raise InvalidInput(f"{name} must be an ISO 8601 time from 2000 to 2099, such as 2026-01-31T12:00:00Z")
    return millis


