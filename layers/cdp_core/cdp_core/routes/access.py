"""Routes of access: admin keys, the audit log, and who is asking."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from cdp_core.api import access as shapes
from cdp_core.api.http import answer, documented, path_value
from cdp_core.api.parameters import Cursor, Limit, Time
from cdp_core.domain.access import Scope
from cdp_core.errors import InvalidInput
from cdp_core.routes.callers import caller
from cdp_core.routes.lists import instant, page, whole
from cdp_core.usecases import audit, cursors, manage_keys

router = APIGatewayHttpRouter()
KeyId = Annotated[str, Path(description="The admin key's id")]


@router.get("/me", summary="Who am I", tags=["access"], responses=documented(shapes.Me))
def me() -> Response[Any]:
    """The caller's id, name, role and scopes."""
    asking = caller()
    return answer(
        {"id": asking.id, "name": asking.name, "role": asking.role, "scopes": sorted(map(str, asking.scopes))}
    )


@router.get("/admin-keys", summary="List admin keys", tags=["access"], responses=documented(shapes.AdminKeyList))
def list_admin_keys() -> Response[Any]:
    """Every key by its id, newest first, revoked ones included; when each was used last, to the minute."""
    return whole(manage_keys.all_keys())


@router.post(
    "/admin-keys",
    summary="Create an admin key",
    tags=["access"],
    responses=documented(shapes.CreatedAdminKey, 400, status=201),
)
def create_admin_key(given: Annotated[shapes.NewAdminKey, Body()]) -> Response[Any]:
    """The key is shown in this answer only."""
    if unknown := sorted(set(given.grants) - set(Scope)):
        raise InvalidInput(f"grants: {unknown[0]} is no scope; scopes are {', '.join(Scope)}")
    ends = instant("expires_at", given.expires_at)
    made = manage_keys.create(caller(), name=given.name, role=given.role, grants=given.grants, expires_at=ends)
    return answer(made, 201)


@router.post(
    "/admin-keys/<id>/rotate",
    summary="Rotate an admin key",
    tags=["access"],
    responses=documented(shapes.CreatedAdminKey, 400, 404, status=201),
)
def rotate_admin_key(id: KeyId, given: Annotated[shapes.Rotation, Body()]) -> Response[Any]:
    """A new key with the same rights; the former one ends after `grace_seconds`, a day if nothing is said."""
    return answer(manage_keys.rotate(caller(), path_value(id), grace_seconds=given.grace_seconds), 201)


@router.delete(
    "/admin-keys/<id>", summary="Revoke an admin key", tags=["access"], responses=documented(shapes.AdminKey, 400, 404)
)
def revoke_admin_key(id: KeyId) -> Response[Any]:
    """It works nowhere within a minute, and never again. A repeat is no change."""
    return answer(manage_keys.revoke(path_value(id)))


@router.get("/audit", summary="Read the audit log", tags=["access"], responses=documented(shapes.AuditLog, 400))
def read_audit(
    since: Time = None,
    until: Time = None,
    by: Annotated[str | None, Query(max_length=40, description="Id of a caller, such as `key:first`")] = None,
    route: Annotated[str | None, Query(max_length=120, description="A route, such as `DELETE /profiles/{id}`")] = None,
    subject: Annotated[str | None, Query(max_length=100, description="A profile id, job id or code name")] = None,
    limit: Limit = 25,
    cursor: Cursor = None,
) -> Response[Any]:
    """Every change and every export, latest first, 31 days back if `since` is not given; entries are kept for 25 months."""
    asked = {"since": since, "until": until, "by": by, "route": route, "subject": subject}
    query = {"list": "audit", **asked, "caller": caller().id}
    ask = audit.Ask(
        since=instant("since", since),
        until=instant("until", until),
        caller=by,
        route=route,
        subject=subject,
        limit=limit,
        position=cursors.unseal(cursor, query),
    )
    return page(audit.read(ask), query)
