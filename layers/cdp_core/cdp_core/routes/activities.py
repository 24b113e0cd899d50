"""Routes of a profile's activities."""

from typing import Annotated, Any, Literal

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from cdp_core.api import models
from cdp_core.api.http import documented, path_value
from cdp_core.api.parameters import Cursor, Limit, ProfileId, Time
from cdp_core.domain.identity import profile_id
from cdp_core.domain.times import USABLE_FROM
from cdp_core.routes.callers import caller
from cdp_core.routes.lists import instant, page
from cdp_core.usecases import cursors, profiles, resolve, timeline

router = APIGatewayHttpRouter()


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
    query = {"list": root, "type": type, "since": since, "until": until, "order": order, "caller": caller().id}
    ask = timeline.Ask(
        type=type,
        since=instant("since", since) or USABLE_FROM,
        until=instant("until", until),
        newest_first=order == "desc",
        limit=limit,
        position=cursors.unseal(cursor, query),
    )
    return page(timeline.read(tree.leaves.values(), ask), query)
