"""Routes of contact statuses."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from cdp_core.api import labels as shapes
from cdp_core.api.catalogue import Removed
from cdp_core.api.http import answer, documented, path_value
from cdp_core.routes.lists import whole
from cdp_core.tables.labels import STATUSES
from cdp_core.usecases import define_labels

router = APIGatewayHttpRouter()
Code = Annotated[str, Path(description="Code name of the status")]


@router.get("/statuses", summary="List statuses", tags=["statuses"], responses=documented(shapes.LabelList))
def list_statuses() -> Response[Any]:
    """What a profile's `status` may be."""
    return whole(define_labels.all_labels(STATUSES))


@router.post(
    "/statuses", summary="Define a status", tags=["statuses"], responses=documented(shapes.Label, 400, status=201)
)
def define_status(given: Annotated[shapes.NewLabel, Body()]) -> Response[Any]:
    """At most 100 of them."""
    return answer(define_labels.define(STATUSES, given.model_dump()), 201)


@router.patch(
    "/statuses/<code>", summary="Change a status", tags=["statuses"], responses=documented(shapes.Label, 400, 404)
)
def change_status(code: Code, changes: Annotated[shapes.LabelChanges, Body()]) -> Response[Any]:
    """Its code name stays."""
    return answer(define_labels.change(STATUSES, path_value(code), changes.model_dump(exclude_none=True)))


@router.delete(
    "/statuses/<code>", summary="Remove a status", tags=["statuses"], responses=documented(Removed, 400, 404)
)
def remove_status(code: Code) -> Response[Any]:
    """Profiles that have it keep it; nobody can get it any more."""
    define_labels.remove(STATUSES, path_value(code))
    return answer({"removed": True})
