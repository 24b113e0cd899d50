"""Who belongs to what, in the words of Segment's Profile API (P-05): accounts of a person, people of an account."""

import heapq
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from cdp_core.domain.times import iso
from cdp_core.domain.work import ACCOUNT
from cdp_core.tables import contacts
from cdp_core.usecases import accounts
from cdp_core.usecases.accounts import Contact
from cdp_core.usecases.paging import Candidate, Position, take
from cdp_core.usecases.profiles import Profile
from cdp_core.usecases.segment_profiles import ACCOUNTS, GROUP_ID, USERS, Part, external_id, external_ids

_PROFILE_ID = "profile_id"


def links(profile: Profile, *, limit: int, position: Position | None) -> Part:
    """The accounts that the person belongs to through any identifier, by their ids."""
    found = take(_accounts(profile, position[0] if position else ""), limit=limit, start=position)
    return Part(found.items, found.position)


def _accounts(profile: Profile, after: str) -> Iterator[Candidate]:
    """Each account once, since the first of its memberships; read lazily, identifiers side by side."""
    many = (contacts.memberships(leaf, ACCOUNT, after=after) for leaf in profile.leaves)
    for account_id, found in groupby(heapq.merge(*many, key=lambda one: one.id), key=lambda one: one.id):
        shown = external_id(f"{GROUP_ID}:{account_id}", iso(min(one.since for one in found)), "")
        yield (account_id, ""), _link(ACCOUNTS, [shown | {"collection": ACCOUNTS}])


def account_links(account_id: str, *, named: bool, limit: int, position: Position | None) -> Part:
    """The people of an account: with their identifiers if they may be `named`, else by profile ids alone."""
    people = accounts.contacts_in(account_id, after=position[0] if position else "")
    shown = ((place, _link(USERS, _ids(one, named=named)) if one else None) for place, one in people)
    found = take(shown, limit=limit, start=position)
    return Part(found.items, found.position)


def _ids(one: Contact, *, named: bool) -> list[dict[str, Any]]:
    return external_ids(one.profile) if named else [external_id(f"{_PROFILE_ID}:{one.profile.id}", iso(one.since), "")]


def _link(collection: str, ids: list[dict[str, Any]]) -> dict[str, Any]:
    return {"to_collection": collection, "external_ids": ids}
