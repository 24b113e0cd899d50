"""Routes of merges: history, merge, unmerge."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from cdp_core.api import operations
from cdp_core.api.http import answer, documented, path_value
from cdp_core.api.parameters import ProfileId
from cdp_core.domain.access import Scope
from cdp_core.routes.callers import caller
from cdp_core.usecases import merge, unmerge

router = APIGatewayHttpRouter()


@router.get(
    "/profiles/<id>/merges",
    summary="List merges",
    tags=["merges"],
    responses=documented(operations.MergeList, 400, 404, 409),
)
def list_merges(id: ProfileId) -> Response[Any]:
    """What was merged into the profile, latest first."""
    found = unmerge.merges(path_value(id))
    if not caller().may(Scope.PERSONAL_READ):
        found = {"items": [one | {"identifier": ""} for one in found["items"]]}
    return answer(found)


@router.post(
    "/profiles/<id>/merge",
    summary="Merge two profiles",
    tags=["merges"],
    responses=documented(operations.Merged, 400, 404, 409),
)
def merge_profiles(
    id: ProfileId,
    given: Annotated[operations.MergeWith, Body()],
    dry_run: Annotated[bool, Query(description="Only say what the merged profile would be")] = False,
) -> Response[Any]:
    """Two profiles that are one person, even two known users. Which id stays is fixed: known before anonymous, then the smaller."""
    if dry_run:
        return answer(merge.preview(path_value(id), given.other))
    return answer(merge.merge(path_value(id), given.other, caller(), given.reason))


@router.delete(
    "/profiles/<id>/merges/<leaf>",
    summary="Unmerge",
    tags=["merges"],
    responses=documented(operations.Unmerged, 400, 404, 409),
)
def delete_merge(id: ProfileId, leaf: Annotated[str, Path(description="The merged-away id")]) -> Response[Any]:
    """Both profiles are then what they would have been without the merge, and events do not merge them again."""
    return answer(unmerge.unmerge(path_value(id), path_value(leaf)))
