"""Routes of exports: everything held on a person, and lists as files."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from cdp_core.api import exports as shapes
from cdp_core.api import operations
from cdp_core.api.http import JSON, answer, documented, path_value, with_csv
from cdp_core.api.parameters import ProfileId
from cdp_core.domain.export import CSV, kind_of
from cdp_core.domain.profile_filter import Filter
from cdp_core.routes.lists import instant
from cdp_core.usecases import exports, profiles

router = APIGatewayHttpRouter()
_TIMES = ("seen_since", "seen_until", "created_since", "created_until")


@router.get(
    "/profiles/<id>/export",
    summary="Export a person",
    tags=["exports"],
    responses=with_csv(documented(shapes.PersonExport, 400, 404, 409)),
)
def export_profile(id: ProfileId, format: Annotated[shapes.Format, Query()] = "json") -> Response[Any]:
    """Everything held on the person as one answer, JSON or CSV; 400 `too_large` beyond 5 000 lines, for which there are files."""
    text = exports.person(profiles.find(path_value(id)), format)
    return Response(status_code=200, content_type=kind_of(CSV) if format == CSV else JSON, body=text)


@router.post(
    "/profiles/<id>/exports",
    summary="Export a person as files",
    tags=["exports"],
    responses=documented(operations.Job, 400, 404, 409, status=202),
)
def export_profile_files(id: ProfileId, given: Annotated[shapes.ExportFormat, Body()]) -> Response[Any]:
    """A job that writes everything held on the person, however much it is; `GET /exports/{id}` gives the files."""
    return answer(exports.request_person(profiles.find(path_value(id)), given.format), 202)


@router.post(
    "/exports",
    summary="Export a list as files",
    tags=["exports"],
    responses=documented(operations.Job, 400, status=202),
)
def export_list(given: Annotated[shapes.ListExport, Body()]) -> Response[Any]:
    """A job that writes all profiles that the filter takes; `GET /exports/{id}` gives the files."""
    plain = given.model_dump(exclude={"format", "fields"})
    wanted = Filter(**plain | {name: instant(name, plain[name]) for name in _TIMES})
    return answer(exports.request_list(wanted, given.format, given.fields), 202)


@router.get("/exports/<id>", summary="Fetch an export", tags=["exports"], responses=documented(shapes.Export, 400, 404))
def get_export(id: Annotated[str, Path(description="The job's id")]) -> Response[Any]:
    """How far it is; once done, a link to each file, good for 15 minutes. Files go after 7 days, and links to an erased person's at once."""
    return answer(exports.links(path_value(id)))
