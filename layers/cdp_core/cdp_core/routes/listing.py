"""Routes of the list of profiles."""

from dataclasses import asdict, replace
from typing import Annotated, Any, Literal

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from cdp_core.api import models
from cdp_core.api.http import documented
from cdp_core.api.parameters import Cursor, Limit, Time
from cdp_core.domain.access import Scope
from cdp_core.domain.profile_filter import Filter
from cdp_core.routes.callers import caller, require
from cdp_core.routes.lists import instant, page
from cdp_core.routes.seen import shown_to_caller
from cdp_core.usecases import cursors, search

router = APIGatewayHttpRouter()
Code = Annotated[str | None, Query(max_length=100, description="Code name")]


@router.get("/profiles", summary="List profiles", tags=["profiles"], responses=documented(models.ProfileList, 400))
def list_profiles(
    verification: Annotated[Literal["verified", "anonymous", "all"], Query()] = "verified",
    q: Annotated[str, Query(max_length=220, description="Prefix of name or e-mail, or an exact identifier")] = "",
    channel: Code = None,
    status: Code = None,
    activity_type: Code = None,
    seen_since: Time = None,
    seen_until: Time = None,
    created_since: Time = None,
    created_until: Time = None,
    limit: Limit = 25,
    cursor: Cursor = None,
) -> Response[Any]:
    """Profiles by day of last activity, latest first; with `q` exact matches, then by name and e-mail. A page may be short."""
    if q:
        require(Scope.PERSONAL_READ)
    wanted = Filter(
        verification=verification,
        channel=channel,
        status=status,
        activity_type=activity_type,
        seen_since=instant("seen_since", seen_since),
        seen_until=instant("seen_until", seen_until),
        created_since=instant("created_since", created_since),
        created_until=instant("created_until", created_until),
    )
    query = {"list": "profiles", **asdict(wanted), "q": q, "caller": caller().id}
    ask = search.Ask(filter=wanted, text=q.strip(), limit=limit, position=cursors.unseal(cursor, query))
    found = search.search(ask)
    return page(replace(found, items=[dict(shown_to_caller(one)) for one in found.items]), query)
