"""Routes of accounts (companies), the contacts in them, and the roles that contacts have there."""

from dataclasses import replace
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from cdp_core.api import accounts as shapes
from cdp_core.api import labels as label_shapes
from cdp_core.api.catalogue import Removed
from cdp_core.api.http import answer, documented, exact_body, path_value
from cdp_core.api.parameters import Cursor, Limit
from cdp_core.domain import edits
from cdp_core.domain.access import Scope
from cdp_core.routes.callers import caller
from cdp_core.routes.lists import page, whole
from cdp_core.tables.labels import ACCOUNT_ROLES
from cdp_core.usecases import accounts, cursors, define_labels

router = APIGatewayHttpRouter()
AccountId = Annotated[str, Path(description="The account's id: the `groupId` of clients, percent-encoded")]
Member = Annotated[str, Path(description="Profile id, or percent-encoded `kind:value`")]
Code = Annotated[str, Path(description="Code name of the role")]


@router.get("/accounts", summary="List accounts", tags=["accounts"], responses=documented(shapes.AccountList, 400))
def list_accounts(
    q: Annotated[str, Query(max_length=200, description="Prefix of the id or the name")] = "",
    limit: Limit = 25,
    cursor: Cursor = None,
) -> Response[Any]:
    """Every company that a client or an admin named, by id; with `q` those whose id begins with it, then those whose name does."""
    query = {"list": "accounts", "q": q, "caller": caller().id}
    return page(accounts.read(prefix=q, limit=limit, position=cursors.unseal(cursor, query)), query)


@router.post(
    "/accounts",
    summary="Create an account",
    tags=["accounts"],
    responses=documented(shapes.AccountRead, 400, status=201),
)
def create_account(given: Annotated[shapes.NewAccount, Body()]) -> Response[Any]:
    """Clients' `group` calls with this id add to it."""
    return answer(accounts.create(given.account_id, _fields(given)), 201)


@router.get(
    "/accounts/<id>", summary="Get an account", tags=["accounts"], responses=documented(shapes.AccountRead, 400, 404)
)
def get_account(id: AccountId) -> Response[Any]:
    """One company, where its fields come from, and how many contacts it has (of the first 100 entries)."""
    return answer(accounts.account(path_value(id)))


@router.patch(
    "/accounts/<id>", summary="Change an account", tags=["accounts"], responses=documented(shapes.AccountRead, 400, 404)
)
def change_account(id: AccountId, changes: Annotated[shapes.AccountChanges, Body()]) -> Response[Any]:
    """A correction shows at once; a later `group` call wins."""
    return answer(accounts.change(path_value(id), _fields(changes)))


@router.delete(
    "/accounts/<id>", summary="Remove an account", tags=["accounts"], responses=documented(Removed, 400, 404)
)
def remove_account(id: AccountId) -> Response[Any]:
    """Its contacts stay, without it. With more than 100 contacts it is refused. A later `group` call makes it anew."""
    accounts.remove(path_value(id))
    return answer({"removed": True})


@router.get(
    "/accounts/<id>/contacts",
    summary="List an account's contacts",
    tags=["accounts"],
    responses=documented(shapes.AccountContactList, 400, 404),
)
def list_account_contacts(id: AccountId, limit: Limit = 25, cursor: Cursor = None) -> Response[Any]:
    """Who belongs to the company, in which role; erased people do not."""
    query = {"list": "account contacts", "of": path_value(id), "caller": caller().id}
    found = accounts.contacts_of(path_value(id), limit=limit, position=cursors.unseal(cursor, query))
    return page(replace(found, items=[_seen(one) for one in found.items]), query)


@router.put(
    "/accounts/<id>/contacts/<profile>",
    summary="Add a contact to an account",
    tags=["accounts"],
    responses=documented(shapes.Joined, 400, 404, 409),
)
def add_account_contact(id: AccountId, profile: Member, given: Annotated[shapes.Role, Body()]) -> Response[Any]:
    """Or change the role of one; without a role it is taken away."""
    return answer(accounts.add_contact(path_value(id), path_value(profile), given.role))


@router.delete(
    "/accounts/<id>/contacts/<profile>",
    summary="Remove a contact from an account",
    tags=["accounts"],
    responses=documented(Removed, 400, 404, 409),
)
def remove_account_contact(id: AccountId, profile: Member) -> Response[Any]:
    """For all identifiers of the person. A later `group` call adds them again."""
    accounts.remove_contact(path_value(id), path_value(profile))
    return answer({"removed": True})


@router.get(
    "/account-roles", summary="List roles in accounts", tags=["accounts"], responses=documented(label_shapes.LabelList)
)
def list_roles() -> Response[Any]:
    """What a contact's role in an account may be."""
    return whole(define_labels.all_labels(ACCOUNT_ROLES))


@router.post(
    "/account-roles",
    summary="Define a role in accounts",
    tags=["accounts"],
    responses=documented(label_shapes.Label, 400, status=201),
)
def define_role(given: Annotated[label_shapes.NewLabel, Body()]) -> Response[Any]:
    """At most 100 of them."""
    return answer(define_labels.define(ACCOUNT_ROLES, given.model_dump()), 201)


@router.patch(
    "/account-roles/<code>",
    summary="Change a role in accounts",
    tags=["accounts"],
    responses=documented(label_shapes.Label, 400, 404),
)
def change_role(code: Code, changes: Annotated[label_shapes.LabelChanges, Body()]) -> Response[Any]:
    """Its code name stays."""
    return answer(define_labels.change(ACCOUNT_ROLES, path_value(code), changes.model_dump(exclude_none=True)))


@router.delete(
    "/account-roles/<code>",
    summary="Remove a role in accounts",
    tags=["accounts"],
    responses=documented(Removed, 400, 404),
)
def remove_role(code: Code) -> Response[Any]:
    """Contacts that have it keep it; nobody can get it any more."""
    define_labels.remove(ACCOUNT_ROLES, path_value(code))
    return answer({"removed": True})


def _fields(given: shapes.NewAccount | shapes.AccountChanges) -> dict[str, Any]:
    """The account's registers that a body asks for, with its numbers exactly as they were sent."""
    fields = edits.register_names(exact_body(router.current_event.raw_event).get("fields") or {})
    fields |= {"name": given.name} if "name" in given.model_fields_set else {}
    edits.check_account_fields(fields)
    return fields


def _seen(contact: dict[str, Any]) -> dict[str, Any]:
    if caller().may(Scope.PERSONAL_READ):
        return contact
    return contact | {"display_name": f"Profile {contact['profile_id']}", "email": None, "hidden": True}
