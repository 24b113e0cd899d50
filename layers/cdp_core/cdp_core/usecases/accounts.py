"""Accounts: the companies that people belong to, with their roles there. An account outlives its people."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from cdp_core import clock
from cdp_core.domain import edits
from cdp_core.domain.contact import contact_fields
from cdp_core.domain.times import iso
from cdp_core.domain.work import ACCOUNT
from cdp_core.errors import InvalidInput, NotFound
from cdp_core.tables import contacts, labels, records
from cdp_core.tables.contacts import Details
from cdp_core.usecases import profiles
from cdp_core.usecases.apply_now import ADMIN
from cdp_core.usecases.fold_details import fold_record
from cdp_core.usecases.paging import Candidate, Page, Position, take
from cdp_core.usecases.profiles import Profile
from cdp_core.usecases.resolve import Named, name

MAX_REMOVED = 100  # contacts that an account may have when it is removed in one request
_CHUNK = 50


def read(*, prefix: str, limit: int, position: Position | None) -> Page:
    """One page of the accounts by their ids."""
    found = records.ids(ACCOUNT, prefix=prefix, after=position[0] if position else "")
    return take(_candidates(found), limit=limit, start=position)


def _candidates(ids: Iterator[str]) -> Iterator[Candidate]:
    while chunk := list(islice(ids, _CHUNK)):
        details = contacts.load_many(contacts.record_key(ACCOUNT, one) for one in chunk)
        for one in chunk:
            stored = details[contacts.record_key(ACCOUNT, one)]
            yield (one, ""), _view(one, stored) if stored.version else None


def account(account_id: str) -> dict[str, Any]:
    """One account. Raises NotFound."""
    return _view(account_id, _find(account_id))


def create(account_id: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """A new account. Raises InvalidInput if its id is taken."""
    if contacts.load(contacts.record_key(ACCOUNT, account_id)).version:
        raise InvalidInput(f"account_id: {account_id} exists already", code="already_exists")
    return _said(account_id, fields, {})


def change(account_id: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The account with changed fields; null removes one. Raises NotFound."""
    return _said(account_id, fields, _find(account_id).registers)


def _said(account_id: str, fields: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    time = edits.time_of(fields, stored, now=clock.now_ms())
    fold_record(
        (ACCOUNT, account_id), edits.edited(fields, time=time, source=ADMIN, message_id=f"admin-{uuid.uuid4()}")
    )
    return account(account_id)


def remove(account_id: str) -> None:
    """Removes the account; its contacts belong to it no more. Raises NotFound, InvalidInput beyond MAX_REMOVED contacts."""
    _find(account_id)
    found = list(islice(records.belongings((ACCOUNT, account_id)), MAX_REMOVED + 1))
    if len(found) > MAX_REMOVED:
        raise InvalidInput(f"the account has more than {MAX_REMOVED} contacts; remove them from it first")
    for one in found:
        records.part(one.leaf, one.epoch, (ACCOUNT, account_id))
    records.remove((ACCOUNT, account_id))


def contacts_of(account_id: str, *, limit: int, position: Position | None) -> Page:
    """One page of the people of an account, by their leaves. Raises NotFound."""
    _find(account_id)
    found = contacts_in(account_id, after=position[0] if position else "")
    return take(((place, _shown(one) if one else None) for place, one in found), limit=limit, start=position)


@dataclass(frozen=True, slots=True)
class Contact:
    """Somebody who belongs to an account: in which role, and since when (ms)."""

    profile: Profile
    role: str | None
    since: int


def contacts_in(account_id: str, *, after: str) -> Iterator[tuple[Position, Contact | None]]:
    """Who belongs to an account, behind a place in its list; None for a life that is over and for a person's further identifiers."""
    for one in records.belongings((ACCOUNT, account_id), after=after):
        yield (one.name, ""), _contact(account_id, one)


def _contact(account_id: str, one: records.Belonging) -> Contact | None:
    try:
        profile = profiles.load(Named(one.leaf, one.epoch))
    except NotFound:
        return None
    found = contacts.memberships_in((ACCOUNT, account_id), profile.leaves)
    if one.leaf != min(found, default=""):
        return None
    roles = (membership.role for membership in found.values() if membership.role)
    return Contact(profile, max(roles, default=None), min(membership.since for membership in found.values()))


def _shown(one: Contact) -> dict[str, Any]:
    profile = profiles.show(one.profile)
    return {
        "profile_id": one.profile.id,
        "display_name": profile["display_name"],
        "email": profile["contact"].get("email"),
        "role": one.role,
        "since": iso(one.since),
    }


def add_contact(account_id: str, text: str, role: str | None) -> dict[str, Any]:
    """Makes the profile that `text` names a contact of the account, in a role or none. Raises NotFound, InvalidInput."""
    _find(account_id)
    if role is not None and role not in labels.all_of(labels.ACCOUNT_ROLES):
        raise InvalidInput(f"role: there is no role {role!r}; GET /account-roles lists them")
    tree = profiles.tree_of(name(text))
    members = contacts.memberships_in((ACCOUNT, account_id), tree.leaves.values()) or [tree.root]
    for leaf in map(tree.leaves.__getitem__, members):
        contacts.join_record(leaf.id, leaf.epoch, (ACCOUNT, account_id), received_at=clock.now_ms())
        records.set_role(leaf.id, leaf.epoch, (ACCOUNT, account_id), role)
    return {"profile_id": profiles.load(Named(tree.root)).id, "account_id": account_id, "role": role}


def remove_contact(account_id: str, text: str) -> None:
    """Ends that a profile belongs to the account, for all its identifiers. Raises NotFound."""
    _find(account_id)
    tree = profiles.tree_of(name(text))
    parted = [records.part(leaf.id, leaf.epoch, (ACCOUNT, account_id)) for leaf in tree.leaves.values()]
    if not any(parted):
        raise NotFound("the profile is no contact of this account")


def _find(account_id: str) -> Details:
    found = contacts.load(contacts.record_key(ACCOUNT, account_id))
    if not found.version:
        raise NotFound("there is no such account")
    return found


def _view(account_id: str, stored: Details) -> dict[str, Any]:
    fields = contact_fields(stored.registers)
    times: Sequence[int] = [register.time for register in stored.registers.values()]
    return {
        "account_id": account_id,
        "name": fields.get("name"),
        "fields": {name: value for name, value in fields.items() if name != "name"},
        "updated_at": iso(max(times)) if times else None,
    }
