"""Routes of profiles: find, read, merge history, erase."""

from typing import Annotated, Any, Literal

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from cdp_core.api import models, operations
from cdp_core.api.http import answer, documented, path_value
from cdp_core.api.parameters import Cursor, Limit, ProfileId, Time
from cdp_core.domain.identity import Identifier, profile_id
from cdp_core.domain.times import USABLE_FROM
from cdp_core.routes.lists import caller, instant, page
from cdp_core.usecases import bulk_erase, cursors, erase, profiles, resolve, search, timeline, unmerge

router = APIGatewayHttpRouter()


@router.get("/profiles", summary="List profiles", tags=["profiles"], responses=documented(models.ProfileList, 400))
def list_profiles(
    verification: Annotated[Literal["verified", "anonymous", "all"], Query()] = "verified",
    q: Annotated[str, Query(max_length=220, description="Prefix of name or e-mail, or an exact identifier")] = "",
    limit: Limit = 25,
    cursor: Cursor = None,
) -> Response[Any]:
    """Profiles by day of last activity, latest first; with `q` exact matches, then by name and e-mail. A page may be short."""
    query = {"list": "profiles", "verification": verification, "q": q, "caller": caller()}
    position = cursors.unseal(cursor, query)
    ask = search.Ask(verification=verification, text=q.strip(), limit=limit, position=position)
    return page(search.search(ask), query)


@router.post(
    "/profiles/lookup",
    summary="Look a profile up",
    tags=["profiles"],
    responses=documented(models.Profile, 400, 404, 409),
)
def look_up(lookup: Annotated[models.Lookup, Body()]) -> Response[Any]:
    """The profile of an identifier, without personal data in the URL."""
    named = resolve.of_identifier(Identifier(lookup.kind, lookup.value))
    return answer(profiles.show(profiles.load(named)))


@router.get(
    "/profiles/<id>", summary="Get a profile", tags=["profiles"], responses=documented(models.Profile, 400, 404, 409)
)
def get_profile(id: ProfileId) -> Response[Any]:
    """Everything about one person, over all identifiers."""
    return answer(profiles.show(profiles.find(path_value(id))))


@router.delete(
    "/profiles/<id>",
    summary="Erase a profile",
    tags=["profiles"],
    responses=documented(operations.Job, 400, 404, 409, status=202),
)
def delete_profile(id: ProfileId) -> Response[Any]:
    """Unreadable at once; a job cleans up. A repeat answers with the same job."""
    return answer(erase.request_erasure(path_value(id)), 202)


@router.get(
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
    query = {"list": root, "type": type, "since": since, "until": until, "order": order, "caller": caller()}
    ask = timeline.Ask(
        type=type,
        since=instant("since", since) or USABLE_FROM,
        until=instant("until", until),
        newest_first=order == "desc",
        limit=limit,
        position=cursors.unseal(cursor, query),
    )
    return page(timeline.read(tree.leaves.values(), ask), query)


@router.post(
    "/profiles/bulk-delete",
    summary="Erase many profiles",
    tags=["profiles"],
    responses=documented(operations.Job, 400, status=202),
)
def delete_profiles(wanted: Annotated[operations.BulkErasure, Body()]) -> Response[Any]:
    """One job for all; each profile is unreadable as soon as its turn comes. Ids without a profile are counted as unknown."""
    return answer(bulk_erase.request_bulk_erasure(wanted.ids), 202)


@router.get(
    "/profiles/<id>/merges",
    summary="List merges",
    tags=["profiles"],
    responses=documented(operations.MergeList, 400, 404, 409),
)
def list_merges(id: ProfileId) -> Response[Any]:
    """What was merged into the profile, latest first."""
    return answer(unmerge.merges(path_value(id)))


@router.delete(
    "/profiles/<id>/merges/<leaf>",
    summary="Unmerge",
    tags=["profiles"],
    responses=documented(operations.Unmerged, 400, 404, 409),
)
def delete_merge(id: ProfileId, leaf: Annotated[str, Path(description="The merged-away id")]) -> Response[Any]:
    """Both profiles are then what they would have been without the merge, and events do not merge them again."""
    return answer(unmerge.unmerge(path_value(id), path_value(leaf)))
