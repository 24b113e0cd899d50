"""Profiles API for admins, and the public consent routes: authorize, route, respond. The routes are in `cdp_core.routes`."""

from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.event_handler.openapi.models import HTTPBearer

from cdp_core.api.http import JSON, Defect, Resolver, failure, invalid, plain, routable
from cdp_core.errors import CdpError, InvalidInput, NotFound
from cdp_core.observability import logger
from cdp_core.routes import (
    access,
    accounts,
    activities,
    catalogue,
    channels,
    consents,
    erasures,
    exports,
    imports,
    listing,
    merges,
    notes,
    operations,
    people,
    profiles,
    receipts,
    segment_profiles,
    statuses,
    suppressions,
)
from cdp_core.routes.callers import require, set_caller
from cdp_core.routes.scopes import PUBLIC, SCOPES
from cdp_core.usecases import maintenance
from cdp_core.usecases.identify import identify

DOCUMENT: dict[str, Any] = {
    "title": "Profiles API",
    "version": "1",
    "description": "People, what they did, and their erasure. Times are ISO 8601 UTC, numbers are exactly as they were sent.",
    "security_schemes": {"admin_key": HTTPBearer(description="The admin key")},
    "security": [{"admin_key": []}],
}
app = Resolver(enable_validation=True)
app.enable_swagger(path="/docs", persist_authorization=True, **DOCUMENT)
ROUTES = (
    *(listing, profiles, notes, activities, merges, erasures, suppressions, exports, imports),
    *(accounts, people, statuses, channels, catalogue, consents),
    *(receipts, operations, access, segment_profiles),
)
for routes in ROUTES:
    app.include_router(routes.router)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """API Gateway's entry. Everything but the documentation needs the admin key, or a write key where people decide."""
    try:
        if event["routeKey"] not in PUBLIC:
            _authorize(event)
            maintenance.check_open(event["rawPath"])
        return app.resolve(routable(event), context)
    except CdpError as error:
        return plain(failure(error))
    except RecursionError:
        return plain(failure(InvalidInput("body: nested too deeply")))
    except Exception:
        logger().exception("a profiles API request failed")
        return plain(failure(Defect("something went wrong on our side")))


def _authorize(event: dict[str, Any]) -> None:
    """Finds out who asks, and whether they may. Raises Unauthorized, Forbidden, NotFound for a route that does not exist.

    The consent routes are another API's: they look for a write key themselves.
    """
    if event["rawPath"].startswith(consents.PREFIX):
        return
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    caller = identify(headers.get("authorization", ""))
    set_caller(caller)
    scope = SCOPES.get(event["routeKey"])
    if scope is None:
        raise NotFound("there is no such route")
    require(scope)


@app.exception_handler(CdpError)
def _on_error(error: CdpError) -> Response[Any]:
    return failure(error)


@app.exception_handler(RequestValidationError)
def _on_invalid(error: RequestValidationError) -> Response[Any]:
    return failure(invalid(error))


@app.not_found
def _on_unknown_route(error: NotFoundError) -> Response[Any]:
    return failure(NotFound("there is no such route"))


@app.get("/openapi.json", include_in_schema=False)
def openapi() -> Response[Any]:
    """This API's OpenAPI document."""
    return Response(status_code=200, content_type=JSON, body=app.get_openapi_json_schema(**DOCUMENT))
