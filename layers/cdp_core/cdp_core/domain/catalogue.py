"""The catalogue: what admins define. Activity types, forms and their field mapping, custom fields, consents and their texts."""

import hashlib
from collections.abc import Mapping
from typing import NamedTuple

from cdp_core.domain.activity import BUILT_IN

CONTACT, MEMBER, CUSTOMER = "contact", "member", "customer"
ENTITIES = (CONTACT, MEMBER, CUSTOMER)
FIELD_TYPES = ("text", "number", "boolean", "date", "datetime", "choice")
MAX_FORMS, MAX_FORM_FIELDS, MAX_CUSTOM_FIELDS, MAX_CONSENTS, MAX_TYPES = 200, 100, 200, 50, 500


class ActivityType(NamedTuple):
    """A kind of activity. `discovered_at` (ms) says since when events of its name came, if nobody defined it first."""

    code_name: str
    name: str
    description: str = ""
    enabled: bool = True
    confirmed: bool = True
    discovered_at: int | None = None


class Form(NamedTuple):
    """A form and what its fields mean: field name -> contact field, or None. `success_url` is where a plain HTML form goes on."""

    code_name: str
    name: str
    fields: Mapping[str, str | None]
    enabled: bool = True
    success_url: str = ""


class CustomField(NamedTuple):
    """A field of the deployment's own on contacts, members or customers."""

    entity: str
    name: str
    caption: str
    type: str
    required: bool = False
    in_overview: bool = False
    choices: tuple[str, ...] = ()


class ConsentText(NamedTuple):
    """A consent's text in one language, as HTML."""

    short: str
    full: str


class Consent(NamedTuple):
    """What people agree to, by language."""

    code_name: str
    name: str
    texts: Mapping[str, ConsentText]


class Catalogue(NamedTuple):
    """What tracking must know of the definitions; custom fields by (entity, name)."""

    types: Mapping[str, ActivityType] = {}
    forms: Mapping[str, Form] = {}
    fields: Mapping[tuple[str, str], CustomField] = {}

    def type_names(self) -> dict[str, str]:
        """The display name of every activity type."""
        return BUILT_IN | {code: one.name for code, one in self.types.items()}

    def knows(self, code_name: str) -> bool:
        """Whether somebody defined or confirmed this activity type."""
        defined = self.types.get(code_name)
        return code_name in BUILT_IN or (defined is not None and defined.confirmed)

    def is_disabled(self, code_name: str) -> bool:
        """Whether activities of this type are not wanted."""
        defined = self.types.get(code_name)
        return defined is not None and not defined.enabled


def text_version(text: ConsentText) -> str:
    """The version of a consent's text: what people agreed to can be found by it."""
    return hashlib.sha256(f"{text.short}\0{text.full}".encode()).hexdigest()[:16]
