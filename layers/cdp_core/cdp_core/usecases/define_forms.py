"""Forms as admins define them: their fields, and which contact fields these fill."""

from collections.abc import Iterable, Mapping
from typing import Any

from cdp_core.domain.catalogue import CONTACT, MAX_FORMS, Catalogue, Form
from cdp_core.domain.contact import CUSTOM_PREFIX
from cdp_core.domain.fields import DATES, MAPPABLE, suggested_field
from cdp_core.errors import InvalidInput, NotFound
from cdp_core.tables import catalogue

AUTO = "auto"
RESERVED = ("writeKey", "anonymousId", "messageId")


def all_forms() -> list[dict[str, Any]]:
    """Every form, by code name."""
    return [_view(form) for _, form in sorted(catalogue.load().forms.items())]


def form(code_name: str) -> dict[str, Any]:
    """One form. Raises NotFound."""
    return _view(_find(catalogue.load(), code_name))


def contact_fields() -> list[dict[str, Any]]:
    """The contact fields that a form may fill: no dates."""
    custom = [one for (entity, _), one in sorted(catalogue.load().fields.items()) if entity == CONTACT]
    offered = [{"name": CUSTOM_PREFIX + one.name, "caption": one.caption} for one in custom if one.type not in DATES]
    return [{"name": name, "caption": name.replace("_", " ")} for name in MAPPABLE] + offered


def define(given: Mapping[str, Any]) -> dict[str, Any]:
    """A new form. Raises InvalidInput, naming what cannot be."""
    known = catalogue.load()
    if given["code_name"] in known.forms:
        raise InvalidInput(f"there is a form {given['code_name']!r} already", code="already_exists")
    if len(known.forms) >= MAX_FORMS:
        raise InvalidInput(f"there are {MAX_FORMS} forms already, which is the limit", code="too_many")
    made = Form(**{**given, "fields": _mapped(given["fields"], known)})
    catalogue.save_form(made)
    return _view(made)


def change(code_name: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The form changed; what was submitted before keeps its meaning. Raises NotFound, InvalidInput."""
    known = catalogue.load()
    mapped = {"fields": _mapped(changes["fields"], known)} if "fields" in changes else {}
    changed = _find(known, code_name)._replace(**{**changes, **mapped})
    catalogue.save_form(changed)
    return _view(changed)


def remove(code_name: str) -> None:
    """Removes the form; submissions stay. Raises NotFound."""
    _find(catalogue.load(), code_name)
    catalogue.remove_form(code_name)


def _find(known: Catalogue, code_name: str) -> Form:
    found = known.forms.get(code_name)
    if found is None:
        raise NotFound("there is no such form")
    return found


def _mapped(fields: Mapping[str, str | None] | Iterable[str], known: Catalogue) -> dict[str, str | None]:
    """The mapping that is meant: a list, or `auto`, means what fields of such names usually are."""
    given = fields if isinstance(fields, Mapping) else dict.fromkeys(fields, AUTO)
    if wrong := [name for name in given if name in RESERVED]:
        raise InvalidInput(f"fields.{wrong[0]}: this name has a meaning of its own in submissions")
    return {
        name: suggested_field(name) if target == AUTO else _checked(name, target, known)
        for name, target in given.items()
    }


def _checked(name: str, target: str | None, known: Catalogue) -> str | None:
    if target is None or target in MAPPABLE:
        return target
    custom = (
        known.fields.get((CONTACT, target.removeprefix(CUSTOM_PREFIX))) if target.startswith(CUSTOM_PREFIX) else None
    )
    if custom is not None and custom.type not in DATES:
        return target
    reason = "is a date, and dates are not mapped" if custom or target == "birthday" else "is no contact field"
    raise InvalidInput(f"fields.{name}: {target} {reason}; GET /contact-fields lists those that can be")


def _view(shown: Form) -> dict[str, Any]:
    return {
        "code_name": shown.code_name,
        "name": shown.name,
        "fields": dict(shown.fields),
        "enabled": shown.enabled,
        "success_url": shown.success_url,
    }
