"""Routes of merges: history, merge, unmerge."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from cdp_core.api import operations
from cdp_core.api.http import answer, documented, path_value
from cdp_core.api.parameters import ProfileId
from cdp_core.usecases import unmerge

router = APIGatewayHttpRouter()


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
