"""Routes of a profile's activities."""

from dataclasses import replace
from typing import Annotated, Any, Literal

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from cdp_core.api import models
from cdp_core.api import profiles as shapes
from cdp_core.api.http import answer, documented, exact_body, path_value
from cdp_core.api.parameters import Cursor, Limit, ProfileId, Time
from cdp_core.domain.identity import profile_id
from cdp_core.domain.times import USABLE_FROM
from cdp_core.routes.callers import caller
from cdp_core.routes.lists import instant, page
from cdp_core.routes.seen import activity_shown_to_caller
from cdp_core.usecases import cursors, profiles, resolve, timeline
from cdp_core.usecases import log_activity as log_activity_of

router = APIGatewayHttpRouter()


@router.get(
    "/profiles/<id>/activities",
    summary="List activities",
    tags=["activities"],
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
    found = timeline.read(tree.leaves.values(), ask)
    return page(replace(found, items=[dict(activity_shown_to_caller(one)) for one in found.items]), query)


@router.post(
    "/profiles/<id>/activities",
    summary="Log an activity",
    tags=["activities"],
    responses=documented(shapes.Queued, 400, 404, 409, status=202),
)
def log_activity(id: ProfileId, given: Annotated[shapes.NewActivity, Body()]) -> Response[Any]:
    """Something the person did that no website saw; it is in the timeline after the next flush. No consent is asked for it."""
    wanted = log_activity_of.Logged(
        type=given.type,
        title=given.title,
        value=given.value,
        occurred_at=instant("occurred_at", given.occurred_at),
        message_id=given.message_id,
        properties=exact_body(router.current_event.raw_event).get("properties") or {},
    )
    return answer(log_activity_of.log(path_value(id), wanted), 202)
