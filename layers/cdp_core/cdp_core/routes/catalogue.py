"""Routes of what admins define: activity types, forms, custom fields, consents."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from cdp_core.api import catalogue as shapes
from cdp_core.api.http import answer, documented, path_value
from cdp_core.routes.lists import whole
from cdp_core.usecases import define_consents, define_fields, define_forms, define_types

router = APIGatewayHttpRouter()
Code = Annotated[str, Path(description="Code name")]
Entity = Annotated[str, Path(description="contact, member or customer")]
FieldName = Annotated[str, Path(description="The field's name")]


@router.get(
    "/activity-types",
    summary="List activity types",
    tags=["activity types"],
    responses=documented(shapes.ActivityTypeList),
)
def list_types() -> Response[Any]:
    """Built-in, defined and discovered ones."""
    return whole(define_types.all_types())


@router.post(
    "/activity-types",
    summary="Define an activity type",
    tags=["activity types"],
    responses=documented(shapes.ActivityType, 400, status=201),
)
def define_type(given: Annotated[shapes.NewActivityType, Body()]) -> Response[Any]:
    """Channels that reject unknown types, and headless requests, take it within a minute."""
    return answer(define_types.define(given.model_dump()), 201)


@router.patch(
    "/activity-types/<code>",
    summary="Change an activity type",
    tags=["activity types"],
    responses=documented(shapes.ActivityType, 400, 404),
)
def change_type(code: Code, changes: Annotated[shapes.ActivityTypeChanges, Body()]) -> Response[Any]:
    """Confirm, rename, describe, enable or disable it. Of a disabled type nothing more is logged; what was logged stays."""
    return answer(define_types.change(path_value(code), changes.model_dump(exclude_none=True)))


@router.get("/forms", summary="List forms", tags=["forms"], responses=documented(shapes.FormList))
def list_forms() -> Response[Any]:
    """Every form with its field mapping."""
    return whole(define_forms.all_forms())


@router.get(
    "/contact-fields",
    summary="List contact fields for mapping",
    tags=["forms"],
    responses=documented(shapes.ContactFieldList),
)
def list_contact_fields() -> Response[Any]:
    """The contact fields that a form may fill; dates are not among them."""
    return whole(define_forms.contact_fields())


@router.post("/forms", summary="Define a form", tags=["forms"], responses=documented(shapes.Form, 400, status=201))
def define_form(given: Annotated[shapes.NewForm, Body()]) -> Response[Any]:
    """`auto`, or a list of names in place of a mapping, maps featured fields such as e-mail and first name."""
    return answer(define_forms.define(given.model_dump()), 201)


@router.get("/forms/<code>", summary="Get a form", tags=["forms"], responses=documented(shapes.Form, 400, 404))
def get_form(code: Code) -> Response[Any]:
    """One form with its field mapping."""
    return answer(define_forms.form(path_value(code)))


@router.patch("/forms/<code>", summary="Change a form", tags=["forms"], responses=documented(shapes.Form, 400, 404))
def change_form(code: Code, changes: Annotated[shapes.FormChanges, Body()]) -> Response[Any]:
    """What is not named stays; what was submitted before keeps its meaning."""
    return answer(define_forms.change(path_value(code), changes.model_dump(exclude_none=True)))


@router.delete("/forms/<code>", summary="Remove a form", tags=["forms"], responses=documented(shapes.Removed, 400, 404))
def remove_form(code: Code) -> Response[Any]:
    """Submissions of it are refused within a minute; those that were stored stay."""
    define_forms.remove(path_value(code))
    return answer({"removed": True})


@router.get("/fields", summary="List custom fields", tags=["fields"], responses=documented(shapes.FieldList))
def list_fields() -> Response[Any]:
    """Custom fields of contacts, members and customers."""
    return whole(define_fields.all_fields())


@router.post(
    "/fields",
    summary="Define a custom field",
    tags=["fields"],
    responses=documented(shapes.CustomField, 400, status=201),
)
def define_field(given: Annotated[shapes.NewField, Body()]) -> Response[Any]:
    """Values of another type are refused within a minute, naming the field."""
    return answer(define_fields.define(given.model_dump()), 201)


@router.patch(
    "/fields/<entity>/<name>",
    summary="Change a custom field",
    tags=["fields"],
    responses=documented(shapes.CustomField, 400, 404),
)
def change_field(entity: Entity, name: FieldName, changes: Annotated[shapes.FieldChanges, Body()]) -> Response[Any]:
    """Its type stays: values of it are stored."""
    return answer(define_fields.change(path_value(entity), path_value(name), changes.model_dump(exclude_none=True)))


@router.delete(
    "/fields/<entity>/<name>",
    summary="Remove a custom field",
    tags=["fields"],
    responses=documented(shapes.Removed, 400, 404),
)
def remove_field(entity: Entity, name: FieldName) -> Response[Any]:
    """Values stay, untyped. Refused while a form fills the field."""
    define_fields.remove(path_value(entity), path_value(name))
    return answer({"removed": True})


@router.get("/consents", summary="List consents", tags=["consents"], responses=documented(shapes.ConsentList))
def list_consents() -> Response[Any]:
    """What people can agree to."""
    return whole(define_consents.all_consents())


@router.post(
    "/consents", summary="Define a consent", tags=["consents"], responses=documented(shapes.Consent, 400, status=201)
)
def define_consent(given: Annotated[shapes.NewConsent, Body()]) -> Response[Any]:
    """Its texts by language; people can agree at once."""
    plain = given.model_dump()
    return answer(define_consents.define(plain["code_name"], plain["name"], plain["texts"]), 201)


@router.get(
    "/consents/<code>", summary="Get a consent", tags=["consents"], responses=documented(shapes.Consent, 400, 404)
)
def get_consent(code: Code) -> Response[Any]:
    """One consent with its texts as they are now."""
    return answer(define_consents.consent(path_value(code)))


@router.patch(
    "/consents/<code>", summary="Change a consent", tags=["consents"], responses=documented(shapes.Consent, 400, 404)
)
def change_consent(code: Code, changes: Annotated[shapes.ConsentChanges, Body()]) -> Response[Any]:
    """Who agreed to a former text agreed to that one: it is kept, and so is the agreement."""
    plain = changes.model_dump()
    return answer(define_consents.change(path_value(code), plain["name"], plain["texts"]))


@router.get(
    "/consents/<code>/versions",
    summary="List a consent's texts",
    tags=["consents"],
    responses=documented(shapes.VersionList, 400, 404),
)
def list_versions(code: Code) -> Response[Any]:
    """Every text that the consent ever had; agreements name their version."""
    return whole(define_consents.versions(path_value(code)))
