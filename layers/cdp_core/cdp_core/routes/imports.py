"""Routes of imports of contacts from CSV."""

from typing import Annotated, Any, Literal

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from cdp_core.api import imports as shapes
from cdp_core.api import operations
from cdp_core.api.http import answer, documented, path_value
from cdp_core.api.parameters import Cursor, Limit
from cdp_core.domain.access import Scope
from cdp_core.domain.import_rows import DELETE
from cdp_core.routes.callers import caller, require
from cdp_core.routes.lists import page
from cdp_core.usecases import cursors, imports

router = APIGatewayHttpRouter()
_Id = Annotated[str, Path(description="The import's id")]


@router.get("/imports", summary="List imports", tags=["imports"], responses=documented(shapes.ImportList, 400))
def list_imports(limit: Limit = 25, cursor: Cursor = None) -> Response[Any]:
    """Imports of the last 30 days, latest first."""
    query = {"list": "imports", "caller": caller().id}
    return page(imports.read(limit=limit, position=cursors.unseal(cursor, query)), query)


@router.post(
    "/imports",
    summary="Create an import",
    tags=["imports"],
    responses=documented(shapes.CreatedImport, 400, status=201),
)
def create_import(given: Annotated[shapes.NewImport, Body()]) -> Response[Any]:
    """Says what a file's columns mean. Upload the file to the link in the answer, unless it came along, then start the import."""
    if given.mode == DELETE:
        require(Scope.PROFILES_DELETE)
    wanted = imports.Wanted(**{name: getattr(given, name) for name in imports.Wanted.__slots__})
    return answer(imports.create(wanted, created_by=caller().id), 201)


@router.get("/imports/<id>", summary="Get an import", tags=["imports"], responses=documented(shapes.Import, 404))
def get_import(id: _Id) -> Response[Any]:
    """What was asked for, how far it is, and what became of the rows so far."""
    return answer(imports.show(imports.find(path_value(id))))


@router.post(
    "/imports/<id>/start",
    summary="Start an import",
    tags=["imports"],
    responses=documented(operations.Job, 400, 404, status=202),
)
def start_import(id: _Id) -> Response[Any]:
    """A job that imports the uploaded file, or only judges it in a dry run. A repeat gives the same job."""
    wanted = imports.find(path_value(id))
    if wanted.mode == DELETE:
        require(Scope.PROFILES_DELETE)
    return answer(imports.start(wanted), 202)


@router.get(
    "/imports/<id>/report",
    summary="Read the report of an import",
    tags=["imports"],
    responses=documented(shapes.ImportReport, 400, 404),
)
def read_report(
    id: _Id,
    only: Annotated[Literal["errors"] | None, Query(description="Only the rows that failed")] = None,
    limit: Limit = 25,
    cursor: Cursor = None,
) -> Response[Any]:
    """What became of each row, or would in a dry run; of a failed one the column and the rule that it breaks."""
    wanted = imports.find(path_value(id))
    query = {"list": "import-report", "import": wanted.id, "only": only, "caller": caller().id}
    position = cursors.unseal(cursor, query)
    return page(imports.report(wanted, only_errors=only is not None, limit=limit, position=position), query)
