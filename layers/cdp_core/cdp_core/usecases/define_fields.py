"""Custom fields of contacts, members and customers, as admins define them."""

from collections.abc import Mapping
from typing import Any

from cdp_core.domain.catalogue import CONTACT, MAX_CUSTOM_FIELDS, Catalogue, CustomField
from cdp_core.domain.contact import CUSTOM_PREFIX, FIELD_OF_TRAIT
from cdp_core.errors import InvalidInput, NotFound
from cdp_core.tables import catalogue

_TAKEN = {"member": ("member_id", "name", "email", "display_name", "registered_at"), "customer": ("customer_id",)}


def all_fields() -> list[dict[str, Any]]:
    """Every custom field, by entity and name."""
    return [one._asdict() for _, one in sorted(catalogue.load().fields.items())]


def define(given: Mapping[str, Any]) -> dict[str, Any]:
    """A new field. Raises InvalidInput if its name is taken, if a choice has no choices, or if there are too many."""
    known, new = catalogue.load().fields, CustomField(**{**given, "choices": tuple(given.get("choices", ()))})
    if (new.entity, new.name) in known:
        raise InvalidInput(f"there is a field {new.name!r} of {new.entity}s already", code="already_exists")
    if new.name in (FIELD_OF_TRAIT if new.entity == CONTACT else _TAKEN[new.entity]):
        raise InvalidInput(
            f"name: {new.name!r} is a standard field of {new.entity}s; a prefix of your own sets it apart"
        )
    if len(known) >= MAX_CUSTOM_FIELDS:
        raise InvalidInput(f"there are {MAX_CUSTOM_FIELDS} custom fields already, which is the limit", code="too_many")
    return _saved(new)


def change(entity: str, name: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The field with another caption, choices, or place; its type stays, for values of it are stored. Raises NotFound, InvalidInput."""
    lists = {"choices": tuple(changes["choices"])} if "choices" in changes else {}
    return _saved(_find(catalogue.load(), entity, name)._replace(**{**changes, **lists}))


def remove(entity: str, name: str) -> None:
    """Removes the definition; values stay as they are. Raises NotFound, and InvalidInput while a form fills the field."""
    known = catalogue.load()
    _find(known, entity, name)
    using = [form.code_name for form in known.forms.values() if CUSTOM_PREFIX + name in form.fields.values()]
    if entity == CONTACT and using:
        raise InvalidInput(f"the form {sorted(using)[0]!r} fills this field; take it out there first", code="in_use")
    catalogue.remove_field(entity, name)


def _saved(field: CustomField) -> dict[str, Any]:
    if (field.type == "choice") != bool(field.choices):
        raise InvalidInput("choices: a field of type choice has at least one, and no other field has any")
    catalogue.save_field(field)
    return field._asdict()


def _find(known: Catalogue, entity: str, name: str) -> CustomField:
    found = known.fields.get((entity, name))
    if found is None:
        raise NotFound("there is no such custom field")
    return found
