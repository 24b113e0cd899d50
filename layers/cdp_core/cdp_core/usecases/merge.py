"""Two profiles that an admin knows to be one person: preview, and the merge itself. Nothing is rewritten, so it can be taken back exactly."""

import uuid
from dataclasses import dataclass
from typing import Any

from cdp_core import clock
from cdp_core.domain.access import Caller
from cdp_core.domain.contact import CUSTOM_PREFIX, MEMBER, STANDARD, bounded, fold, registration
from cdp_core.domain.counting import TRIES
from cdp_core.domain.identity import MAX_LEAVES, is_anonymous, profile_id
from cdp_core.domain.links import Verdict, Wish
from cdp_core.errors import Contended, InvalidInput
from cdp_core.tables import links
from cdp_core.tables.codec import to_json
from cdp_core.usecases import link_leaves, list_profile, profiles
from cdp_core.usecases.profiles import Profile
from cdp_core.usecases.resolve import name


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two profiles in the fixed order of links: whose id stays, and whose leads to it from then on."""

    kept: Profile
    merged: Profile


def preview(one: str, other: str) -> dict[str, Any]:
    """What the merged profile would be. Nothing is written. Raises like `merge`."""
    pair = _pair(one, other)
    return (_view(pair) if pair else _merged(one, other)) | {"dry_run": True}


def merge(one: str, other: str, caller: Caller, reason: str | None) -> dict[str, Any]:
    """Makes two profiles one, in one transaction, whatever their size; again is no change.

    Raises NotFound for one that there is not, InvalidInput for one with itself or beyond MAX_LEAVES, Contended.
    """
    for _ in range(TRIES):
        pair = _pair(one, other)
        if pair is None:
            _list(profiles.find(one).root.id)
            return _merged(one, other) | {"dry_run": False}
        verdict = link_leaves.link(_wish(pair, caller, reason), {})
        if verdict in (Verdict.LINK, Verdict.DONE):
            return _view(pair) | {"dry_run": False}
        if verdict is Verdict.TOO_MANY_LEAVES:
            raise _too_many()
    raise Contended("the profiles changed too often; ask again")


def _list(root: str) -> None:
    """Lists what is merged already: whoever merged it may have died before that, or may be about to."""
    tree = links.load_tree(root)
    for leaf in tree.leaves.values():
        if leaf.linked_by:
            list_profile.hide(leaf)
    list_profile.refresh(tree.leaves[tree.root])


def _pair(one: str, other: str) -> _Pair | None:
    """The two profiles; None if they are one already."""
    if one == other:
        raise InvalidInput("with: it must name another profile than the path", code="same_profile")
    pair = _Pair(*sorted((profiles.find(one), profiles.find(other)), key=lambda profile: profile.root.id))
    if pair.kept.root.id == pair.merged.root.id:
        return None
    if len(pair.kept.leaves) + len(pair.merged.leaves) > MAX_LEAVES:
        raise _too_many()
    return pair


def _too_many() -> InvalidInput:
    return InvalidInput(f"together they have more than {MAX_LEAVES} identifiers", code="too_many_identifiers")


def _wish(pair: _Pair, caller: Caller, reason: str | None) -> Wish:
    if not (pair.kept.root.identifier and pair.merged.root.identifier):
        raise Contended("a profile is being made; ask again")
    return Wish(
        child=pair.merged.root.id,
        identifier=pair.merged.root.identifier,
        parent=pair.kept.root.id,
        parent_identifier=pair.kept.root.identifier,
        key=(clock.now_ms(), f"admin-{uuid.uuid4()}"),
        epoch=pair.kept.root.epoch,
        by=to_json({"by": caller.id, "reason": reason}),
    )


def _view(pair: _Pair) -> dict[str, Any]:
    together = _together(pair)
    return {
        "profile_id": together.id,
        "merged_id": profile_id(pair.merged.root.id, pair.merged.root.epoch),
        "profile": profiles.show(together),
        "conflicts": _conflicts(pair, together),
        "warnings": _warnings(pair),
    }


def _merged(one: str, other: str) -> dict[str, Any]:
    """The same of two that are merged already."""
    profile, named = profiles.find(one), (name(one).leaf, name(other).leaf)
    merged = (leaf for leaf in profile.leaves if leaf.id in named and leaf.id != profile.root.id)
    leaf = next(merged, profile.root)
    shown = {"profile_id": profile.id, "merged_id": profile_id(leaf.id, leaf.epoch), "profile": profiles.show(profile)}
    return shown | {"conflicts": [], "warnings": []}


def _together(pair: _Pair) -> Profile:
    registers = bounded(fold(pair.kept.registers, pair.merged.registers))
    return Profile(pair.kept.root, (*pair.kept.leaves, *pair.merged.leaves), registers)


def _conflicts(pair: _Pair, together: Profile) -> list[dict[str, Any]]:
    """The fields in which the two differ: the value that shows, and the one that does not."""
    both = sorted(pair.kept.registers.keys() & pair.merged.registers.keys() & together.registers.keys())
    found = []
    for field in (one for one in both if one in STANDARD or one.startswith(CUSTOM_PREFIX)):
        values = [side.registers[field].value for side in (pair.kept, pair.merged)]
        shown = together.registers[field].value
        if values[0] != values[1]:
            found.append({"field": field, "kept": shown, "dropped": values[1] if shown == values[0] else values[0]})
    return found


def _warnings(pair: _Pair) -> list[str]:
    sides = (pair.kept, pair.merged)
    known = all(any(not is_anonymous(leaf.id) for leaf in side.leaves) for side in sides)
    members = all(registration(side.registers, MEMBER) for side in sides)
    return [word for word, holds in (("two_known_users", known), ("two_members", members)) if holds]
