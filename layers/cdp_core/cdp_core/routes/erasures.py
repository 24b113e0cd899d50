"""Routes of erasures: one profile, many, and the receipts that prove them."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from cdp_core.api import erasures, operations
from cdp_core.api.http import answer, documented, path_value
from cdp_core.api.parameters import ProfileId
from cdp_core.domain.erasure import Asked
from cdp_core.routes.callers import caller
from cdp_core.usecases import bulk_erase, erase, erasure_receipts, verify_erasure

router = APIGatewayHttpRouter()
ErasureId = Annotated[
    str, Path(description="The job's id; a bulk erasure's groups are the job's id, a dash and a number")
]


@router.delete(
    "/profiles/<id>",
    summary="Erase a profile",
    tags=["profiles"],
    responses=documented(operations.Job, 400, 404, 409, status=202),
)
def delete_profile(
    id: ProfileId, reason: erasures.ReasonParameter = None, suppress: erasures.SuppressParameter = False
) -> Response[Any]:
    """Unreadable at once; a job cleans up. A repeat answers with the same job, and suppresses if it is asked to."""
    asked = Asked(reason=reason or "", by=caller().id, suppress=suppress)
    return answer(erase.request_erasure(path_value(id), asked), 202)


@router.post(
    "/profiles/bulk-delete",
    summary="Erase many profiles",
    tags=["profiles"],
    responses=documented(operations.Job, 400, status=202),
)
def delete_profiles(wanted: Annotated[operations.BulkErasure, Body()]) -> Response[Any]:
    """One job for all; each profile is unreadable as soon as its turn comes. Ids without a profile are counted as unknown."""
    asked = Asked(reason=wanted.reason or "", by=caller().id, suppress=wanted.suppress)
    return answer(bulk_erase.request_bulk_erasure(wanted.ids, asked), 202)


@router.get(
    "/erasures/<id>",
    summary="Get an erasure's receipt",
    tags=["erasures"],
    responses=documented(erasures.ErasureReceipt, 404),
)
def get_erasure_receipt(id: ErasureId) -> Response[Any]:
    """Signed, chained, without personal data, kept 25 months; 404 until the erasure is done."""
    return answer(erasure_receipts.read(path_value(id)))


@router.post(
    "/erasures/<id>/verify",
    summary="Verify an erasure",
    tags=["erasures"],
    responses=documented(erasures.Verification, 400, 404),
)
def verify_receipt(id: ErasureId, wanted: Annotated[erasures.Verify | None, Body()] = None) -> Response[Any]:
    """Asks for every key of the erased lives once more, and checks signature and chain. Changes nothing."""
    return answer(verify_erasure.verify(path_value(id), wanted.ids if wanted else ()))
