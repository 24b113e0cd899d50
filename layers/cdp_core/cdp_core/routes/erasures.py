"""Routes of erasures: one profile, many."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from cdp_core.api import operations
from cdp_core.api.http import answer, documented, path_value
from cdp_core.api.parameters import ProfileId
from cdp_core.usecases import bulk_erase, erase

router = APIGatewayHttpRouter()


@router.delete(
    "/profiles/<id>",
    summary="Erase a profile",
    tags=["profiles"],
    responses=documented(operations.Job, 400, 404, 409, status=202),
)
def delete_profile(id: ProfileId) -> Response[Any]:
    """Unreadable at once; a job cleans up. A repeat answers with the same job."""
    return answer(erase.request_erasure(path_value(id)), 202)


@router.post(
    "/profiles/bulk-delete",
    summary="Erase many profiles",
    tags=["profiles"],
    responses=documented(operations.Job, 400, status=202),
)
def delete_profiles(wanted: Annotated[operations.BulkErasure, Body()]) -> Response[Any]:
    """One job for all; each profile is unreadable as soon as its turn comes. Ids without a profile are counted as unknown."""
    return answer(bulk_erase.request_bulk_erasure(wanted.ids), 202)
