"""Routes of Segment's Profile API (P-01 to P-06), for tools that know it."""

from typing import Annotated, Any, Literal

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from cdp_core.api import segment_profiles as shapes
from cdp_core.api.http import answer, documented, path_value
from cdp_core.domain.access import Scope
from cdp_core.routes.callers import caller
from cdp_core.routes.lists import instant
from cdp_core.usecases import cursors, segment_links, segment_profiles
from cdp_core.usecases.segment_profiles import USERS, EventsAsk, Part, TraitsAsk

router = APIGatewayHttpRouter()
_PATH = "/v1/spaces/<space>/collections/<collection>/profiles/<profile>"
Space = Annotated[str, Path(description="Any name: a deployment is one space")]
Collection = Annotated[Literal["users", "accounts"], Path()]
ProfileName = Annotated[
    str, Path(description="`user_id:`, `anonymous_id:` or `email:` and a value; `group_id:` of accounts")
]
Limit = Annotated[int, Query(ge=1, le=100)]
Next = Annotated[str | None, Query(max_length=2_000, description="`cursor.next` of the part before")]
Names = Annotated[str, Query(max_length=2_000, description="Names, separated by commas")]


@router.get(
    f"{_PATH}/traits",
    summary="Traits (Segment)",
    tags=["segment"],
    responses=documented(shapes.Traits, 400, 404),
)
def get_traits(
    space: Space,
    collection: Collection,
    profile: ProfileName,
    limit: Annotated[int, Query(ge=1, le=200)] = 10,
    include: Names = "",
    verbose: bool = False,
    kind: Annotated[
        Literal["audience", "computed_trait"] | None, Query(alias="class", description="Of these there are none yet")
    ] = None,
    next: Next = None,
) -> Response[Any]:
    """P-01: what is known of a person or an account, under Segment's names."""
    query = _query("traits", space, collection, profile, include=include, verbose=verbose, kind=kind)
    ask = TraitsAsk(include=_names(include), verbose=verbose, limit=limit, position=cursors.unseal(next, query))
    registers = _registers(collection, path_value(profile))
    return _part("traits", segment_profiles.traits({} if kind else registers, ask), limit, query)


@router.get(
    f"{_PATH}/external_ids",
    summary="External ids (Segment)",
    tags=["segment"],
    responses=documented(shapes.ExternalIds, 400, 404),
)
def get_external_ids(
    space: Space,
    collection: Collection,
    profile: ProfileName,
    limit: Limit = 25,
    include: Names = "",
    next: Next = None,
) -> Response[Any]:
    """P-02: every identifier that leads to the person."""
    query = _query("external_ids", space, collection, profile, include=include)
    named = path_value(profile)
    if collection == USERS:
        found = segment_profiles.external_ids(segment_profiles.profile_of(named))
    else:
        found = segment_profiles.account_external_ids(segment_profiles.account_of(named)[0])
    wanted = [one for one in found if not include or one["type"] in _names(include)]
    position = cursors.unseal(next, query)
    start = int(position[0]) if position else 0
    rest = (str(start + limit), "") if len(wanted) > start + limit else None
    return _part("data", Part(wanted[start : start + limit], rest), limit, query)


@router.get(
    f"{_PATH}/events", summary="Events (Segment)", tags=["segment"], responses=documented(shapes.Events, 400, 404)
)
def get_events(
    space: Space,
    collection: Collection,
    profile: ProfileName,
    limit: Limit = 10,
    include: Names = "",
    exclude: Names = "",
    start: Annotated[str | None, Query(max_length=64, description="ISO 8601")] = None,
    end: Annotated[str | None, Query(max_length=64, description="ISO 8601")] = None,
    sort: Literal["asc", "desc"] = "desc",
    next: Next = None,
) -> Response[Any]:
    """P-03: what the person did in the last 14 days; accounts do nothing."""
    asked = {"include": include, "exclude": exclude, "start": start, "end": end, "sort": sort}
    query = _query("events", space, collection, profile, **asked)
    ask = EventsAsk(
        include=_names(include),
        exclude=_names(exclude),
        start=instant("start", start),
        end=instant("end", end),
        newest_first=sort == "desc",
        limit=limit,
        position=cursors.unseal(next, query),
    )
    if collection != USERS:
        segment_profiles.account_of(path_value(profile))
        return _part("data", Part([], None), limit, query)
    found = segment_profiles.profile_of(path_value(profile))
    return _part("data", segment_profiles.events(found, ask), limit, query)


@router.get(
    f"{_PATH}/metadata",
    summary="Metadata (Segment)",
    tags=["segment"],
    responses=documented(shapes.Metadata, 400, 404),
)
def get_metadata(space: Space, collection: Collection, profile: ProfileName, verbose: bool = False) -> Response[Any]:
    """P-04: since when and by which message a person or account is known."""
    named = path_value(profile)
    if collection == USERS:
        shown = segment_profiles.metadata(segment_profiles.profile_of(named))
    else:
        shown = segment_profiles.account_metadata(segment_profiles.account_of(named)[1])
    return _part("metadata", Part(shown, None), 1, {})


@router.get(f"{_PATH}/links", summary="Links (Segment)", tags=["segment"], responses=documented(shapes.Links, 400, 404))
def get_links(
    space: Space,
    collection: Collection,
    profile: ProfileName,
    limit: Annotated[int, Query(ge=1, le=20)] = 20,
    next: Next = None,
) -> Response[Any]:
    """P-05: the accounts of a person, hidden without personal:read; the people of an account, then by profile id alone."""
    query = _query("links", space, collection, profile)
    position, may_see = cursors.unseal(next, query), caller().may(Scope.PERSONAL_READ)
    if collection != USERS:
        account_id, _ = segment_profiles.account_of(path_value(profile))
        people = segment_links.account_links(account_id, named=may_see, limit=limit, position=position)
        return _part("data", people, limit, query, hidden=not may_see)
    found = segment_profiles.profile_of(path_value(profile))
    shown = segment_links.links(found, limit=limit, position=position) if may_see else Part([], None)
    return _part("data", shown, limit, query, hidden=not may_see)


@router.post(
    f"{_PATH}/external_ids/delete",
    summary="Delete external ids (Segment)",
    tags=["segment"],
    responses=documented(shapes.Deleted, 400, 404),
)
def delete_external_ids(
    space: Space, collection: Collection, profile: ProfileName, given: Annotated[shapes.DeleteExternalIds, Body()]
) -> Response[Any]:
    """P-06: merged-away identifiers lead to profiles of their own again, with what was stored under them."""
    found = segment_profiles.profile_of(path_value(profile))
    wanted = [(one.type, one.id) for one in given.delete_external_ids]
    segment_profiles.delete_external_ids(found, wanted)
    return answer({"deleted_external_ids": [one.model_dump() for one in given.delete_external_ids]})


def _registers(collection: str, named: str) -> Any:
    if collection == USERS:
        return segment_profiles.profile_of(named).registers
    return segment_profiles.account_of(named)[1].registers


def _names(text: str) -> frozenset[str]:
    return frozenset(name.strip() for name in text.split(",") if name.strip())


def _query(name: str, space: str, collection: str, profile: str, **more: Any) -> dict[str, Any]:
    return {"list": f"segment {name}", "of": [space, collection, profile], "caller": caller().id, **more}


def _part(name: str, part: Part, limit: int, query: dict[str, Any], *, hidden: bool = False) -> Response[Any]:
    more = cursors.seal(part.position, query) if part.position else ""
    shown = {name: part.data, "cursor": {"url": "", "has_more": bool(more), "next": more, "limit": limit}}
    return answer(shown | ({"hidden": True} if hidden else {}))
