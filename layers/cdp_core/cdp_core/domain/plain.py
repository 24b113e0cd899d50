"""Plain events: those that the rules of admission give back as they are."""

from functools import lru_cache

from cdp_core.domain.activity import DATA_INPUT, FORM, PURCHASES, REGISTRATION, kind_of
from cdp_core.domain.catalogue import CONTACT, Catalogue
from cdp_core.domain.channels import REJECT, WriteKey

_kind = lru_cache(maxsize=1_000)(kind_of)  # plain names are short, and the same ones again and again
_UNDERSTOOD = (FORM, DATA_INPUT, REGISTRATION)


def is_plain(type_: str, name: str | None, key: WriteKey, catalogue: Catalogue) -> bool:
    """Whether `admit` would give back such an event as it is, with the key's authority, whatever it says besides.

    `type_` is the event's type and `name` what a track event is called; no event is meant that brings a user hash.
    """
    if not type_ or (type_ == "track" and not (name and name.strip())):
        return False
    if type_ == "identify":
        return not any(entity == CONTACT for entity, _ in catalogue.fields)
    wanted = _kind(type_, name or "")
    if wanted in _UNDERSTOOD or (key.secret and wanted in PURCHASES) or catalogue.is_disabled(wanted):
        return False
    return key.channel.unknown_types != REJECT or catalogue.knows(wanted)
