"""Profiles as people see them: the fold of all leaves under one root."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cdp_core.domain.contact import Register, contact_fields, email, fold
from cdp_core.domain.identity import parse_identifier, profile_id
from cdp_core.domain.leaf import Leaf, earliest, latest
from cdp_core.domain.times import iso
from cdp_core.errors import NotFound
from cdp_core.tables import contacts, links, profile_items
from cdp_core.usecases.resolve import Named, name


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
    """The profile that a leaf belongs to. Raises NotFound if the life that is meant is over or never began."""
    leaf, details = profile_items.load(named.leaf)
    if not leaf.is_live or named.epoch not in (None, leaf.epoch):
        raise NotFound("there is no such profile")
    if leaf.parent is None and not leaf.children:
        return Profile(leaf, (leaf,), details.registers)
    tree = links.load_tree(leaf.id)
    found = contacts.load_many(contacts.contact_key(one.id, one.epoch) for one in tree.leaves.values())
    registers = fold(*(one.registers for one in found.values()))
    return Profile(tree.leaves[tree.root], tuple(tree.leaves.values()), registers)


def show(profile: Profile) -> dict[str, Any]:
    """The profile as the API answers it (design section 8)."""
    leaves = profile.leaves
    return {
        "profile_id": profile.id,
        "display_name": _display_name(profile),
        "verified": is_verified(profile),
        "created_at": _time(earliest(*(leaf.created_at or (leaf.link_key or (None,))[0] for leaf in leaves))),
        "first_seen_at": _time(earliest(*(leaf.first_seen for leaf in leaves))),
        "last_seen_at": _time(latest(*(leaf.last_seen for leaf in leaves))),
        "contact": contact_fields(profile.registers),
        "member": None,
        "customer": None,
        "identities": [_identity(leaf) for leaf in sorted(leaves, key=lambda leaf: leaf.id)],
        "channels": sorted({register.source for register in profile.registers.values()}),
        "activity_counts": _counts(leaves),
        "consents": [],
        "merged_ids": sorted(profile_id(leaf.id, leaf.epoch) for leaf in leaves if leaf.id != profile.root.id),
    }


def is_verified(profile: Profile) -> bool:
    """Whether the person is registered as a member."""
    return any(leaf.verified_since is not None for leaf in profile.leaves)


def _display_name(profile: Profile) -> str:
    return (is_verified(profile) and email(profile.registers)) or f"Anonymous - {profile.id}"


def _identity(leaf: Leaf) -> dict[str, Any]:
    identifier = parse_identifier(leaf.identifier)
    first = leaf.created_at if leaf.created_at is not None else (leaf.link_key or (None,))[0]
    return {
        "kind": identifier.kind if identifier else "",
        "value": identifier.value if identifier else "",
        "first_seen_at": _time(first),
    }


def _counts(leaves: tuple[Leaf, ...]) -> dict[str, Any]:
    by_type: Counter[str] = Counter()
    for leaf in leaves:
        by_type.update(leaf.counts)
    return {"total": by_type.total(), "by_type": dict(sorted(by_type.items()))}


def _time(millis: int | None) -> str | None:
    return None if millis is None else iso(millis)
