"""Routes of single profiles: find, read, create, correct."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from cdp_core.api import models
from cdp_core.api import profiles as shapes
from cdp_core.api.http import answer, documented, exact_body, path_value
from cdp_core.api.parameters import ProfileId
from cdp_core.domain.edits import Edit, register_names
from cdp_core.domain.identity import Identifier
from cdp_core.routes.lists import whole
from cdp_core.routes.seen import shown_to_caller
from cdp_core.usecases import edit_profile, overview, profiles, resolve

router = APIGatewayHttpRouter()
_ABOUT = ("status", "owner", "marketing_email")


@router.post(
    "/profiles", summary="Create a profile", tags=["profiles"], responses=documented(models.Profile, 400, status=201)
)
def create_profile(given: Annotated[shapes.NewProfile, Body()]) -> Response[Any]:
    """A person that nobody heard of yet, with contact fields; readable at once."""
    return answer(profiles.show(edit_profile.create(given.user_id, given.anonymous_id, _edit(given))), 201)


@router.post(
    "/profiles/lookup",
    summary="Look a profile up",
    tags=["profiles"],
    responses=documented(models.Profile, 400, 404, 409),
)
def look_up(lookup: Annotated[models.Lookup, Body()]) -> Response[Any]:
    """The profile of an identifier, without personal data in the URL."""
    named = resolve.of_identifier(Identifier(lookup.kind, lookup.value))
    return answer(profiles.show(profiles.load(named)))


@router.get(
    "/profiles/<id>", summary="Get a profile", tags=["profiles"], responses=documented(models.Profile, 400, 404, 409)
)
def get_profile(id: ProfileId) -> Response[Any]:
    """Everything about one person, over all identifiers."""
    return answer(shown_to_caller(profiles.show(profiles.find(path_value(id)))))


@router.patch(
    "/profiles/<id>",
    summary="Correct a profile",
    tags=["profiles"],
    responses=documented(models.Profile, 400, 404, 409),
)
def change_profile(id: ProfileId, changes: Annotated[shapes.ProfileChanges, Body()]) -> Response[Any]:
    """Fields, locks, status, owner, marketing e-mail. A correction shows at once; later events win, unless the field is locked."""
    return answer(profiles.show(edit_profile.change(path_value(id), _edit(changes))))


@router.get(
    "/profiles/<id>/overview",
    summary="Get a profile's overview",
    tags=["profiles"],
    responses=documented(shapes.Overview, 400, 404, 409),
)
def get_overview(id: ProfileId) -> Response[Any]:
    """The person on one page: details, figures, forms, consents, accounts, notes."""
    return answer(shown_to_caller(overview.overview(profiles.find(path_value(id)))))


@router.get(
    "/profiles/<id>/fields",
    summary="List where fields come from",
    tags=["profiles"],
    responses=documented(shapes.FieldOriginList, 400, 404, 409),
)
def list_origins(id: ProfileId) -> Response[Any]:
    """Each contact field's value with its source, time and message; whether it is locked, and what lies beneath the lock."""
    return whole(edit_profile.fields(profiles.find(path_value(id))))


@router.get(
    "/profiles/<id>/identities",
    summary="List identifiers",
    tags=["profiles"],
    responses=documented(shapes.IdentityList, 400, 404, 409),
)
def list_identities(id: ProfileId) -> Response[Any]:
    """Every identifier that leads to the person."""
    return whole(profiles.identities(profiles.find(path_value(id))))


@router.get(
    "/profiles/<id>/consents",
    summary="List a person's consents",
    tags=["profiles"],
    responses=documented(shapes.AgreementList, 400, 404, 409),
)
def list_agreements(id: ProfileId) -> Response[Any]:
    """What the person decided last about each consent, and before."""
    return whole(profiles.agreements(profiles.find(path_value(id))))


def _edit(given: shapes.NewProfile | shapes.ProfileChanges) -> Edit:
    """The changes that a body asks for, with its numbers exactly as they were sent."""
    contact = exact_body(router.current_event.raw_event).get("contact") or {}
    return Edit(
        fields=register_names(contact),
        lock=frozenset(given.lock),
        unlock=frozenset(getattr(given, "unlock", ())),
        about={name: getattr(given, name) for name in _ABOUT if name in given.model_fields_set},
    )
