"""Consents as admins define them. A text that people may have agreed to is never lost: every version is kept."""

from collections.abc import Mapping
from typing import Any

from cdp_core import clock
from cdp_core.domain.catalogue import MAX_CONSENTS, Consent, ConsentText, text_version
from cdp_core.domain.times import iso
from cdp_core.errors import InvalidInput, NotFound, TooLarge
from cdp_core.tables import catalogue

MAX_BYTES = 350_000  # of all texts of one consent, as they are stored in one item

Texts = Mapping[str, Mapping[str, str]]


def all_consents() -> list[dict[str, Any]]:
    """Every consent, by code name."""
    return [_view(consent) for consent in catalogue.all_consents()]


def consent(code_name: str) -> dict[str, Any]:
    """One consent. Raises NotFound."""
    return _view(_find(code_name))


def define(code_name: str, name: str, texts: Texts) -> dict[str, Any]:
    """A new consent. Raises InvalidInput if its code name is taken, if there are too many, or if its texts are too long together."""
    if catalogue.find_consent(code_name) is not None:
        raise InvalidInput(f"there is a consent {code_name!r} already", code="already_exists")
    if len(catalogue.all_consents()) >= MAX_CONSENTS:
        raise InvalidInput(f"there are {MAX_CONSENTS} consents already, which is the limit", code="too_many")
    return _saved(Consent(code_name=code_name, name=name, texts=_texts(texts)))


def change(code_name: str, name: str | None, texts: Texts | None) -> dict[str, Any]:
    """The consent with another name, or with these texts in place of all former ones. Raises NotFound, InvalidInput."""
    before = _find(code_name)
    changed = Consent(
        code_name=code_name, name=name or before.name, texts=before.texts if texts is None else _texts(texts)
    )
    return _saved(changed)


def versions(code_name: str) -> list[dict[str, Any]]:
    """Every text that the consent ever had, oldest first: what people agreed to names its version. Raises NotFound."""
    _find(code_name)
    return [
        {"version": version, "language": language, "since": iso(at), **text._asdict()}
        for version, language, at, text in catalogue.consent_versions(code_name)
    ]


def _texts(given: Texts) -> dict[str, ConsentText]:
    return {language: ConsentText(**text) for language, text in given.items()}


def _saved(made: Consent) -> dict[str, Any]:
    size = sum(len(text.short.encode()) + len(text.full.encode()) for text in made.texts.values())
    if size > MAX_BYTES:
        raise TooLarge(f"texts: they have {size} bytes together; at most {MAX_BYTES} are allowed")
    catalogue.save_consent(made, at=clock.now_ms())
    return _view(made)


def _find(code_name: str) -> Consent:
    found = catalogue.find_consent(code_name)
    if found is None:
        raise NotFound("there is no such consent")
    return found


def _view(shown: Consent) -> dict[str, Any]:
    texts = {
        language: text._asdict() | {"version": text_version(text)} for language, text in sorted(shown.texts.items())
    }
    return {"code_name": shown.code_name, "name": shown.name, "texts": texts}
