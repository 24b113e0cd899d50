"""Routes of the suppression list."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from cdp_core.api import suppressions
from cdp_core.api.http import answer, documented, path_value
from cdp_core.api.parameters import Cursor, Limit
from cdp_core.domain.erasure import Asked
from cdp_core.routes.callers import caller
from cdp_core.routes.lists import page, whole
from cdp_core.usecases import cursors, suppress

router = APIGatewayHttpRouter()


@router.get(
    "/suppressions",
    summary="List suppressions",
    tags=["suppressions"],
    responses=documented(suppressions.SuppressionList, 400),
)
def list_suppressions(hash: suppressions.HashFilter = None, limit: Limit = 25, cursor: Cursor = None) -> Response[Any]:
    """Whose events are refused, by keyed hashes, the latest first."""
    if hash is not None:
        return whole(suppress.find(hash))
    query = {"list": "suppressions", "caller": caller().id}
    return page(suppress.read(limit=limit, position=cursors.unseal(cursor, query)), query)


@router.post(
    "/suppressions",
    summary="Suppress somebody",
    tags=["suppressions"],
    responses=documented(suppressions.Suppression, 400, 404, 409, status=201),
)
def add_suppression(wanted: Annotated[suppressions.NewSuppression, Body()]) -> Response[Any]:
    """Refuses everything that is received of a person from now on; nothing that is stored changes. A repeat is no change."""
    asked = Asked(reason=wanted.reason or "", by=caller().id)
    named = suppress.Who(kind=wanted.kind, value=wanted.value, profile_id=wanted.profile_id, hash=wanted.hash)
    return answer(suppress.suppress(named, asked), 201)


@router.delete(
    "/suppressions/<hash>",
    summary="Lift a suppression",
    tags=["suppressions"],
    responses=documented(suppressions.Lifted, 404),
)
def lift_suppression(hash: suppressions.Hash) -> Response[Any]:
    """The person's events are taken again from now on; what was refused stays refused."""
    return answer(suppress.lift(path_value(hash)))
