"""Routes of the list of profiles."""

from dataclasses import replace
from typing import Annotated, Any, Literal

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from cdp_core.api import models
from cdp_core.api.http import documented
from cdp_core.api.parameters import Cursor, Limit
from cdp_core.domain.access import Scope
from cdp_core.routes.callers import caller, require
from cdp_core.routes.lists import page
from cdp_core.routes.seen import shown_to_caller
from cdp_core.usecases import cursors, search

router = APIGatewayHttpRouter()


@router.get("/profiles", summary="List profiles", tags=["profiles"], responses=documented(models.ProfileList, 400))
def list_profiles(
    verification: Annotated[Literal["verified", "anonymous", "all"], Query()] = "verified",
    q: Annotated[str, Query(max_length=220, description="Prefix of name or e-mail, or an exact identifier")] = "",
    limit: Limit = 25,
    cursor: Cursor = None,
) -> Response[Any]:
    """Profiles by day of last activity, latest first; with `q` exact matches, then by name and e-mail. A page may be short."""
    if q:
        require(Scope.PERSONAL_READ)
    query = {"list": "profiles", "verification": verification, "q": q, "caller": caller().id}
    position = cursors.unseal(cursor, query)
    ask = search.Ask(verification=verification, text=q.strip(), limit=limit, position=position)
    found = search.search(ask)
    return page(replace(found, items=[dict(shown_to_caller(one)) for one in found.items]), query)
