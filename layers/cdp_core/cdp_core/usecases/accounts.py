"""Accounts: the companies that people belong to, with their roles there. An account outlives its people."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from cdp_core import clock
from cdp_core.domain import accounts as rules
from cdp_core.domain import edits
from cdp_core.domain.contact import contact_fields
from cdp_core.domain.counting import TRIES
from cdp_core.domain.leaf import Leaf
from cdp_core.domain.times import iso
from cdp_core.domain.work import ACCOUNT
from cdp_core.errors import Contended, InvalidInput, NotFound
from cdp_core.tables import contacts, labels, leaves, records
from cdp_core.tables.contacts import Details
from cdp_core.usecases import profiles
from cdp_core.usecases.apply_now import ADMIN
from cdp_core.usecases.fold_details import fold_record
from cdp_core.usecases.paging import Candidate, Page, Position, take
from cdp_core.usecases.profiles import Profile
from cdp_core.usecases.resolve import Named, name

MAX_REMOVED = 100  # contacts that an account may have when it is removed in one request
MAX_COUNTED = 100  # entries of an account's list that are looked at to count its contacts
_CHUNK = 50
_BY_ID, _BY_NAME = "", "name"  # the two halves of a search, as a position names them


def read(*, prefix: str, limit: int, position: Position | None) -> Page:
    """One page of the accounts: those whose id begins with the text, by id, then those whose name does, by name."""
    return take(_candidates(prefix, *(position or ("", _BY_ID))), limit=limit, start=position)


def _candidates(prefix: str, after: str, half: str) -> Iterator[Candidate]:
    if half == _BY_ID:
        ids = records.ids(ACCOUNT, prefix=prefix, after=after)
        yield from (((one, _BY_ID), shown) for one, _, shown in _loaded((one, one) for one in ids))
        after = ""
    if name_start := rules.name_key(prefix):
        found = _loaded(records.ids_by_name(ACCOUNT, prefix=name_start, after=after))
        yield from (((place, _BY_NAME), None if one.startswith(prefix) else shown) for place, one, shown in found)


def _loaded(found: Iterator[tuple[str, str]]) -> Iterator[tuple[str, str, dict[str, Any] | None]]:
    """Places and ids with their accounts, read in chunks; None for one that was removed meanwhile."""
    while chunk := list(islice(found, _CHUNK)):
        details = contacts.load_many(contacts.record_key(ACCOUNT, one) for _, one in chunk)
        for place, one in chunk:
            stored = details[contacts.record_key(ACCOUNT, one)]
            yield place, one, _view(one, stored) if stored.version else None


def account(account_id: str) -> dict[str, Any]:
    """One account, with where its fields come from and how many contacts it has. Raises NotFound."""
    stored = _find(account_id)
    about = {"sources": rules.sources(stored.registers), "contacts": _count(account_id)}
    return _view(account_id, stored) | about


def _count(account_id: str) -> dict[str, Any]:
    """How many people the account has, each counted once; `complete` is false where there may be more."""
    found = list(islice(records.belongings((ACCOUNT, account_id)), MAX_COUNTED + 1))
    looked_at = found[:MAX_COUNTED]
    known = leaves.load_many(one.leaf for one in looked_at) if looked_at else {}
    alive = {one.leaf for one in looked_at if known[one.leaf].is_live and known[one.leaf].epoch == one.epoch}
    while above := {leaf.parent for leaf in known.values() if leaf.parent and leaf.parent not in known}:
        known |= leaves.load_many(above)
    return {"count": len({_root(leaf, known) for leaf in alive}), "complete": len(found) <= MAX_COUNTED}


def _root(leaf: str, known: Mapping[str, Leaf]) -> str:
    """The top of a leaf's profile. Every parent's id is smaller than its child's, so this ends."""
    while (parent := known[leaf].parent) is not None:
        leaf = parent
    return leaf


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
    """Removes the account; its contacts belong to it no more.

    Raises NotFound, InvalidInput beyond MAX_REMOVED contacts, Contended.
    """
    _find(account_id)
    found = list(islice(records.belongings((ACCOUNT, account_id)), MAX_REMOVED + 1))
    if len(found) > MAX_REMOVED:
        raise InvalidInput(f"the account has more than {MAX_REMOVED} contacts; remove them from it first")
    for one in found:
        records.part(one.leaf, one.epoch, (ACCOUNT, account_id))
    for _ in range(TRIES):
        stored = _find(account_id)
        if records.remove((ACCOUNT, account_id), stored, name=rules.listed_name(stored.registers)):
            return
    raise Contended("the account changed too often; send the request again")


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
    called = fields.pop("name") if isinstance(fields.get("name"), str) else None  # clients may say anything
    times: Sequence[int] = [register.time for register in stored.registers.values()]
    return {
        "account_id": account_id,
        "name": called,
        "fields": fields,
        "updated_at": iso(max(times)) if times else None,
    }
