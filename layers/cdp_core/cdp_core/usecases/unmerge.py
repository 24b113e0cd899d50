"""Merges of a profile, and taking one back: both profiles are then what they would have been without it."""

from typing import Any

from cdp_core import clock
from cdp_core.domain.counting import TRIES
from cdp_core.domain.identity import profile_id
from cdp_core.domain.leaf import Leaf
from cdp_core.domain.links import MAX_UNLINKED, Tree
from cdp_core.domain.times import CLOCK_MARGIN_MS, iso
from cdp_core.errors import Contended, InvalidInput, NotFound, Unavailable
from cdp_core.tables import leaves, links
from cdp_core.tables.codec import from_json
from cdp_core.usecases import list_profile, profiles, shared_consents
from cdp_core.usecases.resolve import Named, name


def merges(text: str) -> dict[str, Any]:
    """What was merged into the profile that `text` names, latest first. Raises NotFound, and what `resolve.name` raises."""
    tree = profiles.tree_of(name(text))
    merged = [leaf for leaf in tree.leaves.values() if leaf.parent is not None and leaf.link_key is not None]
    return {
        "items": [
            _merge(leaf, tree) for leaf in sorted(merged, key=lambda leaf: leaf.link_key or (0, ""), reverse=True)
        ]
    }


def _merge(leaf: Leaf, tree: Tree) -> dict[str, Any]:
    parent = tree.leaves[leaf.parent or tree.root]
    at, message_id = leaf.link_key or (0, "")
    return {
        "merged_id": profile_id(leaf.id, leaf.epoch),
        "into": profile_id(parent.id, parent.epoch),
        "identifier": leaf.identifier,
        "merged_at": iso(at),
        "message_id": message_id,
        **({"by": None, "reason": None} | (from_json(leaf.linked_by) if leaf.linked_by else {})),
    }


def unmerge(text: str, merged: str) -> dict[str, Any]:
    """Takes a merged-away id out of the profile that `text` names; the pair is not merged by events again. Again is no change.

    The two may be named the other way round: which of them leads to the other is nothing that people choose.

    Raises NotFound if it is not part of the profile, InvalidInput if it was taken out of too many, Contended.
    """
    root, child = name(text), name(merged)
    for _ in range(TRIES):
        tree = links.load_tree(child.leaf)
        leaf = tree.leaves[child.leaf]
        if root.leaf in tree.leaves and tree.leaves[root.leaf].parent == leaf.id:
            root, child = child, root
            leaf = tree.leaves[child.leaf]
        if child.epoch not in (None, leaf.epoch):
            break
        if leaf.parent is None:
            return _already(leaf, root)
        if root.leaf not in tree.leaves or root.epoch not in (None, tree.leaves[root.leaf].epoch):
            break
        if _cut(leaf, tree):
            return _listed(leaf.id, leaf.parent)
    else:
        raise Contended("the profile changed too often; ask again")
    raise NotFound("there is no such merge")


def _cut(child: Leaf, tree: Tree) -> bool:
    """One transaction; a lost answer counts as a lost race, and the next look tells."""
    if len(child.unlinked) >= MAX_UNLINKED:
        raise InvalidInput(f"this id was unmerged {MAX_UNLINKED} times already; no more pairs can be remembered")
    try:
        floor = clock.now_ms() + CLOCK_MARGIN_MS
        return links.unlink(child, tree, floor=floor, consents=shared_consents.parting(child, tree))
    except Unavailable:
        return False


def _already(leaf: Leaf, root: Named) -> dict[str, Any]:
    """The answer to a repeat, even where the other person was erased meanwhile. Raises NotFound if the two were never taken apart."""
    other = links.load_tree(root.leaf)
    if former := sorted(leaf.unlinked & other.leaves.keys()):
        return _listed(leaf.id, former[0])
    if leaf.id in other.leaves[root.leaf].unlinked:
        return _listed(root.leaf, leaf.id)
    raise NotFound("there is no such merge")


def _listed(child: str, parent: str) -> dict[str, Any]:
    """Lists both profiles as they are now."""
    found = leaves.load_many([child, parent])
    for leaf in found.values():
        if leaf.created_at is not None:
            list_profile.refresh(leaf, anew=True, freed=leaf.id == child)
    return {
        "profile_id": profile_id(parent, found[parent].epoch),
        "unmerged_id": profile_id(child, found[child].epoch),
    }
