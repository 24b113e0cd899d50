"""Shapes of what admins define: activity types, forms, custom fields, consents."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from cdp_core.api.models import CodeName, Name, example, taken
from cdp_core.domain.catalogue import MAX_FORM_FIELDS
from cdp_core.domain.fields import MAX_TEXT

TypeName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$")]
Language = Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$")]
_HTML = 20_000
_TYPE = {
    "code_name": "brochure_download",
    "name": "Brochure download",
    "description": "Somebody took a brochure",
    "enabled": True,
}
_FORM = {
    "code_name": "contact-us",
    "name": "Contact us",
    "fields": {"email": "email", "message": None},
    "enabled": True,
    "success_url": "https://shop.example/thanks",
}
_FIELD = {
    "entity": "contact",
    "name": "acme_points",
    "caption": "Points",
    "type": "number",
    "required": False,
    "in_overview": True,
    "choices": [],
}
_TEXT = {"short": "May we remember what you do here?", "full": "<p>You can withdraw at any time.</p>"}
_VERSION = "9c56cc51b374c3ba"


class NewActivityType(BaseModel):
    """An activity type to define. Its code name is what events of it have."""

    model_config = taken(**_TYPE)
    code_name: TypeName
    name: Name
    description: Annotated[str, Field(max_length=MAX_TEXT)] = ""
    enabled: bool = True


class ActivityTypeChanges(BaseModel):
    """What to change of an activity type; any change confirms one that was discovered."""

    model_config = taken(name="Brochure", enabled=False)
    name: Name | None = None
    description: Annotated[str, Field(max_length=MAX_TEXT)] | None = None
    enabled: bool | None = None
    confirmed: Literal[True] | None = None


class ActivityType(BaseModel):
    """An activity type: built in, defined, or discovered from events."""

    model_config = example(**_TYPE, confirmed=True, built_in=False, discovered_at=None)
    code_name: str
    name: str
    description: str
    enabled: bool
    confirmed: bool
    built_in: bool
    discovered_at: str | None


FieldName = Annotated[str, Field(min_length=1, max_length=100)]
Mapping = Annotated[dict[FieldName, Name | None], Field(max_length=MAX_FORM_FIELDS)]
Fields = Mapping | Annotated[list[FieldName], Field(max_length=MAX_FORM_FIELDS)]
SuccessUrl = Annotated[
    str, Field(max_length=2_000, pattern=r"^(https://.+|http://(localhost|127\.0\.0\.1)([:/].*)?)?$")
]


class NewForm(BaseModel):
    """A form to define. `fields` says which contact field each field fills: its name, null for none, `auto` for the usual one."""

    model_config = taken(**{**_FORM, "fields": {"email": "auto", "message": None}})
    code_name: CodeName
    name: Name
    fields: Fields
    enabled: bool = True
    success_url: SuccessUrl = ""


class FormChanges(BaseModel):
    """What to change of a form; `fields` takes the place of all former ones."""

    model_config = taken(enabled=False)
    name: Name | None = None
    fields: Fields | None = None
    enabled: bool | None = None
    success_url: SuccessUrl | None = None


class Form(BaseModel):
    """A form and the contact fields that it fills."""

    model_config = example(**_FORM)
    code_name: str
    name: str
    fields: dict[str, str | None]
    enabled: bool
    success_url: str


class ContactField(BaseModel):
    """A contact field that forms may fill."""

    model_config = example(name="email", caption="email")
    name: str
    caption: str


class NewField(BaseModel):
    """A custom field to define; a prefix of your own in its name sets it apart from fields to come."""

    model_config = taken(**_FIELD)
    entity: Literal["contact", "member", "customer"]
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,49}$")]
    caption: Name
    type: Literal["text", "number", "boolean", "date", "datetime", "choice"]
    required: bool = False
    in_overview: bool = False
    choices: Annotated[list[Name], Field(max_length=200)] = []


class FieldChanges(BaseModel):
    """What to change of a custom field; its type stays."""

    model_config = taken(caption="Loyalty points")
    caption: Name | None = None
    required: bool | None = None
    in_overview: bool | None = None
    choices: Annotated[list[Name], Field(max_length=200)] | None = None


class CustomField(BaseModel):
    """A custom field of contacts, members or customers."""

    model_config = example(**_FIELD)
    entity: str
    name: str
    caption: str
    type: str
    required: bool
    in_overview: bool
    choices: list[str]


class Text(BaseModel):
    """A consent's text in one language, as HTML."""

    model_config = taken(**_TEXT)
    short: Annotated[str, Field(max_length=_HTML)]
    full: Annotated[str, Field(max_length=_HTML)]


Texts = Annotated[
    dict[Language, Text], Field(min_length=1, max_length=50, json_schema_extra={"additionalProperties": False})
]


class NewConsent(BaseModel):
    """A consent to define, with its texts by language."""

    model_config = taken(code_name="tracking", name="Tracking", texts={"en": _TEXT})
    code_name: CodeName
    name: Name
    texts: Texts


class ConsentChanges(BaseModel):
    """What to change of a consent; `texts` take the place of all former ones, which are kept as versions."""

    model_config = taken(name="Remembering")
    name: Name | None = None
    texts: Texts | None = None


class ShownText(BaseModel):
    """A text and its version, by which agreements name it."""

    short: str
    full: str
    version: str


class Consent(BaseModel):
    """What people agree to."""

    model_config = example(code_name="tracking", name="Tracking", texts={"en": {**_TEXT, "version": _VERSION}})
    code_name: str
    name: str
    texts: dict[str, ShownText]


class TextVersion(BaseModel):
    """A text that the consent had at some time."""

    model_config = example(version=_VERSION, language="en", since="2026-01-02T03:04:05.000Z", **_TEXT)
    version: str
    language: str
    since: str
    short: str
    full: str


class ActivityTypeList(BaseModel):
    """All activity types."""

    items: list[ActivityType]
    cursor: None


class FormList(BaseModel):
    """All forms."""

    items: list[Form]
    cursor: None


class ContactFieldList(BaseModel):
    """All contact fields that forms may fill."""

    items: list[ContactField]
    cursor: None


class FieldList(BaseModel):
    """All custom fields."""

    items: list[CustomField]
    cursor: None


class ConsentList(BaseModel):
    """All consents."""

    items: list[Consent]
    cursor: None


class VersionList(BaseModel):
    """All texts that a consent ever had."""

    items: list[TextVersion]
    cursor: None


class Removed(BaseModel):
    """It is gone."""

    model_config = example(removed=True)
    removed: Literal[True]
