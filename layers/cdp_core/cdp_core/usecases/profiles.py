"""Profiles as people see them: the fold of all leaves under one root."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cdp_core.domain.consent import Entry, deciding
from cdp_core.domain.contact import (
    CUSTOMER,
    MEMBER,
    OWNER,
    STATUS,
    Register,
    bounded,
    contact_fields,
    email,
    fold,
    registration,
)
from cdp_core.domain.identity import parse_identifier, profile_id
from cdp_core.domain.leaf import Leaf, earliest, latest
from cdp_core.domain.links import Tree
from cdp_core.domain.times import iso
from cdp_core.errors import NotFound
from cdp_core.tables import contacts, leaves, links, profile_items
from cdp_core.usecases.resolve import Named, name
from cdp_core.usecases.shared_consents import history_of, identified


@dataclass(frozen=True, slots=True)
class Profile:
    """A root leaf, all leaves under it (itself included), and their folded contact."""

    root: Leaf
    leaves: tuple[Leaf, ...]
    registers: Mapping[str, Register]

    @property
    def id(self) -> str:
        """The id that people see."""
        return profile_id(self.root.id, self.root.epoch)


def find(text: str) -> Profile:
    """The profile of an id, a merged-away id or `kind:value`. Raises NotFound, and what `resolve.name` raises."""
    return load(name(text))


def load(named: Named) -> Profile:
    """The profile that a leaf belongs to. Raises NotFound if the life that is meant is over or never began, Contended."""
    leaf, details = profile_items.load(named.leaf)
    _check(leaf, named)
    return Profile(leaf, (leaf,), details.registers) if _is_alone(leaf) else _whole(leaf)


def tree_of(named: Named) -> Tree:
    """The leaves of the profile that a leaf belongs to, without their contacts. Raises like `load`."""
    leaf = leaves.load(named.leaf)
    _check(leaf, named)
    return Tree(leaf.id, {leaf.id: leaf}, {}) if _is_alone(leaf) else _tree(leaf)


def confirmed(roots: Sequence[Named]) -> Iterator[Profile | None]:
    """The profiles of root leaves that an index names, in its order; None where the index is behind the truth.

    One batch read for all; the other leaves of a profile are read only when its turn comes.
    """
    found = profile_items.load_many((one.leaf, one.epoch or 0) for one in roots)
    for named, (leaf, details) in zip(roots, found, strict=True):
        if not leaf.is_live or leaf.epoch != named.epoch or leaf.parent is not None:
            yield None
        elif leaf.children:
            yield _root_of(named)
        else:
            yield Profile(leaf, (leaf,), details.registers)


def _root_of(named: Named) -> Profile | None:
    try:
        profile = load(named)
    except NotFound:
        return None
    return profile if profile.root.id == named.leaf else None


def _check(leaf: Leaf, named: Named) -> None:
    if not leaf.is_live or named.epoch not in (None, leaf.epoch):
        raise NotFound("there is no such profile")


def _is_alone(leaf: Leaf) -> bool:
    return leaf.parent is None and not leaf.children


def _tree(leaf: Leaf) -> Tree:
    tree = links.load_tree(leaf.id)
    if tree.leaves[leaf.id].epoch != leaf.epoch:
        raise NotFound("there is no such profile")
    return tree


def _whole(leaf: Leaf) -> Profile:
    tree = _tree(leaf)
    found = contacts.load_many(contacts.contact_key(one.id, one.epoch) for one in tree.leaves.values())
    registers = bounded(fold(*(one.registers for one in found.values())))
    return Profile(tree.leaves[tree.root], tuple(tree.leaves.values()), registers)


def show(profile: Profile) -> dict[str, Any]:
    """The profile as the API answers it (design section 8)."""
    members = profile.leaves
    return {
        "profile_id": profile.id,
        "display_name": _display_name(profile),
        "verified": is_verified(profile),
        "created_at": _time(earliest(*map(_first_receipt, members))),
        "first_seen_at": _time(earliest(*(leaf.first_seen for leaf in members))),
        "last_seen_at": _time(latest(*(leaf.last_seen for leaf in members))),
        "contact": contact_fields(profile.registers),
        "member": registration(profile.registers, MEMBER),
        "customer": registration(profile.registers, CUSTOMER),
        "status": _said(profile, STATUS),
        "owner": _said(profile, OWNER),
        "identities": identities(profile),
        "channels": sorted(set().union(*(leaf.channels for leaf in members))),
        "activity_counts": _counts(members),
        "consents": agreements(profile),
        "merged_ids": sorted(profile_id(leaf.id, leaf.epoch) for leaf in members if leaf.id != profile.root.id),
    }


def is_verified(profile: Profile) -> bool:
    """Whether the person is registered as a member."""
    return any(leaf.verified_since is not None for leaf in profile.leaves)


def _display_name(profile: Profile) -> str:
    member = registration(profile.registers, MEMBER) or {}
    named = member.get("display_name") or email(profile.registers)
    return (is_verified(profile) and named) or f"Anonymous - {profile.id}"


def _said(profile: Profile, name: str) -> Any:
    """What an admin said, under a register's name; None if nothing."""
    register = profile.registers.get(name)
    return register.value if register else None


def identities(profile: Profile) -> list[dict[str, Any]]:
    """The profile's identifiers, each with when it was first heard of."""
    return [_identity(leaf) for leaf in sorted(profile.leaves, key=lambda leaf: leaf.id)]


def agreements_of(profile: Profile) -> tuple[Entry, ...]:
    """Every decision of the person, in order."""
    return history_of(identified(profile.leaves))


def agreements(profile: Profile) -> list[dict[str, Any]]:
    """What the person decided last about each consent, and every decision before."""
    history = agreements_of(profile)
    return [
        {
            "code": code,
            "agreed": entry.agreed,
            "decided_at": iso(entry.at),
            "history": [_decision(one) for one in reversed(history) if one.code == code],
        }
        for code, entry in sorted(deciding(history).items())
    ]


def _decision(entry: Entry) -> dict[str, Any]:
    return {
        "agreed": entry.agreed,
        "at": iso(entry.at),
        "text_version": entry.text,
        "language": entry.language,
        "channel": entry.channel,
    }


def _identity(leaf: Leaf) -> dict[str, Any]:
    identifier = parse_identifier(leaf.identifier)
    return {
        "kind": identifier.kind if identifier else "",
        "value": identifier.value if identifier else "",
        "first_seen_at": _time(_first_receipt(leaf)),
    }


def _first_receipt(leaf: Leaf) -> int | None:
    """When the leaf was first heard of (ms): by its own envelope, or by the one that linked it."""
    linked_at = leaf.link_key[0] if leaf.link_key else None
    return earliest(leaf.created_at, linked_at, leaf.consented_at)


def _counts(members: tuple[Leaf, ...]) -> dict[str, Any]:
    by_type: Counter[str] = Counter()
    for leaf in members:
        by_type.update(leaf.counts)
    return {"total": by_type.total(), "by_type": dict(sorted((+by_type).items()))}


def _time(millis: int | None) -> str | None:
    return None if millis is None else iso(millis)
