"""Members and customers: what the company's own systems know people as, and whose profiles they are."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from cdp_core.domain.contact import CUSTOMER, MEMBER, registration
from cdp_core.errors import NotFound
from cdp_core.tables import contacts, records
from cdp_core.usecases import profiles
from cdp_core.usecases.paging import Candidate, Page, Position, take
from cdp_core.usecases.profiles import Profile
from cdp_core.usecases.resolve import Named

_PREFIX = {"member": MEMBER, "customer": CUSTOMER}
_LIVES = 20  # that are looked at behind one record


def read(kind: str, *, prefix: str, limit: int, position: Position | None) -> Page:
    """One page of all members or customers by their ids."""
    found = records.ids(kind, prefix=prefix, after=position[0] if position else "")
    return take(_candidates(kind, found), limit=limit, start=position)


def _candidates(kind: str, ids: Iterator[str]) -> Iterator[Candidate]:
    for one in ids:
        yield (one, ""), _view(kind, one)


def person(kind: str, record_id: str) -> dict[str, Any]:
    """A member or customer with the profile it is linked to; null once the person was erased. Raises NotFound."""
    if not contacts.load(contacts.record_key(kind, record_id)).version:
        raise NotFound(f"there is no such {kind}")
    profile = _profile(kind, record_id)
    return _shown(kind, record_id, profile) | {"profile": profiles.show(profile) if profile else None}


def _view(kind: str, record_id: str) -> dict[str, Any]:
    return _shown(kind, record_id, _profile(kind, record_id))


def _shown(kind: str, record_id: str, profile: Profile | None) -> dict[str, Any]:
    return {
        f"{kind}_id": record_id,
        "profile_id": profile.id if profile else None,
        "display_name": profiles.show(profile)["display_name"] if profile else None,
        "registration": registration(profile.registers, _PREFIX[kind]) if profile else None,
    }


def _profile(kind: str, record_id: str) -> Profile | None:
    """The profile of the first life that goes on, if any does."""
    for one in islice(records.belongings((kind, record_id)), _LIVES):
        try:
            return profiles.load(Named(one.leaf, one.epoch))
        except NotFound:
            continue
    return None
