"""Profiles API for admins, and the public consent routes: authorize, route, respond. The routes are in `cdp_core.routes`."""

from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.event_handler.openapi.models import HTTPBearer

from cdp_core import deadline
from cdp_core.api import segment_profiles as segment
from cdp_core.api.events import header, named_in, names_an_address, path_parameters
from cdp_core.api.http import JSON, PAGE_POLICY, Defect, Resolver, failure, invalid, plain, routable
from cdp_core.domain.access import Scope
from cdp_core.domain.audit import Entry
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
from cdp_core.routes.scopes import PUBLIC, SCOPES, is_audited
from cdp_core.usecases import audit, maintenance
from cdp_core.usecases.identify import admit, identify

DEADLINE_SECONDS, AUDIT_SECONDS = 24, 3  # for all calls to AWS, and for writing down how a change ended
DOCUMENT: dict[str, Any] = {
    "title": "Profiles API",
    "version": "1",
    "description": "People, what they did, and their erasure. Times are ISO 8601 UTC, numbers are exactly as they were sent.",
    "security_schemes": {
        "admin_key": HTTPBearer(description="An admin key, or a token of the deployment's OpenID issuer (JwtIssuer)"),
    },
    "security": [{"admin_key": []}],
}
app = Resolver(enable_validation=True)
app.enable_swagger(path="/docs", **DOCUMENT)  # a key that is typed there is forgotten with the page
ROUTES = (
    *(listing, profiles, notes, activities, merges, erasures, suppressions, exports, imports),
    *(accounts, people, statuses, channels, catalogue, consents),
    *(receipts, operations, access, segment_profiles),
)
for routes in ROUTES:
    app.include_router(routes.router)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """API Gateway's entry. Everything but the documentation needs a key or token, or a write key where people decide."""
    deadline.begin(DEADLINE_SECONDS)
    try:
        return _answered(event, context)
    finally:
        deadline.end()


def _answered(event: dict[str, Any], context: Any) -> dict[str, Any]:
    entry: Entry | None = None
    try:
        entry = None if event["routeKey"] in PUBLIC else _admit(event)
        answered: dict[str, Any] = app.resolve(routable(event), context)
    except CdpError as error:
        answered = plain(failure(error))
    except RecursionError:
        answered = plain(failure(InvalidInput("body: nested too deeply")))
    except Exception:
        logger().exception("a profiles API request failed")
        answered = plain(failure(Defect("something went wrong on our side")))
    if entry is not None:
        deadline.begin(AUDIT_SECONDS)
        audit.finish(entry, answered["statusCode"], named_in(answered))
    if event["routeKey"] == "GET /docs":
        answered["headers"] = {**answered["headers"], "Content-Security-Policy": PAGE_POLICY}
    is_segments = event["rawPath"].startswith(segment.PREFIX)
    return segment.dressed(answered, event["requestContext"]["requestId"]) if is_segments else answered


def _admit(event: dict[str, Any]) -> Entry | None:
    """Finds out who asks and whether they may now; the begun entry of the audit log for what changes or exports something.

    Raises Unauthorized, RateLimited, Forbidden, Restoring, and NotFound for a route that does not exist. The consent routes are
    another API's: they look for a write key themselves.
    """
    path, route = event["rawPath"], event["routeKey"]
    if path.startswith(consents.PREFIX):
        maintenance.check_open(path)
        return None
    caller = identify(header(event, "authorization"))
    set_caller(caller)
    admit(caller)
    if route not in SCOPES:
        raise NotFound("there is no such route")
    entry = audit.begin(caller, route, path_parameters(event)) if is_audited(route) else None
    try:
        require(SCOPES[route])
        if names_an_address(event):
            require(Scope.PERSONAL_READ)
        maintenance.check_open(path)
    except CdpError as error:
        if entry is not None:
            audit.finish(entry, failure(error).status_code, {})
        raise
    return entry


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
