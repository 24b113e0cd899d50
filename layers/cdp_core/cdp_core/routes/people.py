"""Routes of members and customers."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from cdp_core.api import accounts as shapes
from cdp_core.api.http import answer, documented, path_value
from cdp_core.api.parameters import Cursor, Limit
from cdp_core.domain.work import CUSTOMER, MEMBER
from cdp_core.routes.callers import caller
from cdp_core.routes.lists import page
from cdp_core.usecases import cursors, people

router = APIGatewayHttpRouter()
Prefix = Annotated[str, Query(max_length=200, description="Prefix of the id")]
Id = Annotated[str, Path(description="The member's or customer's id, percent-encoded")]


@router.get("/members", summary="List members", tags=["members"], responses=documented(shapes.MemberList, 400))
def list_members(q: Prefix = "", limit: Limit = 25, cursor: Cursor = None) -> Response[Any]:
    """Everybody who registered, by member id, with the profile they are; erased people's members stay, without one."""
    return _page(MEMBER, q, limit, cursor)


@router.get("/members/<id>", summary="Get a member", tags=["members"], responses=documented(shapes.Member, 400, 404))
def get_member(id: Id) -> Response[Any]:
    """A member with the profile."""
    return answer(people.person(MEMBER, path_value(id)))


@router.get("/customers", summary="List customers", tags=["customers"], responses=documented(shapes.CustomerList, 400))
def list_customers(q: Prefix = "", limit: Limit = 25, cursor: Cursor = None) -> Response[Any]:
    """Everybody who bought something, by customer id, with the profile they are."""
    return _page(CUSTOMER, q, limit, cursor)


@router.get(
    "/customers/<id>", summary="Get a customer", tags=["customers"], responses=documented(shapes.Customer, 400, 404)
)
def get_customer(id: Id) -> Response[Any]:
    """A customer with the profile."""
    return answer(people.person(CUSTOMER, path_value(id)))


def _page(kind: str, prefix: str, limit: int, cursor: str | None) -> Response[Any]:
    query = {"list": kind, "q": prefix, "caller": caller().id}
    return page(people.read(kind, prefix=prefix, limit=limit, position=cursors.unseal(cursor, query)), query)
