"""Keeps the listing true: what the index shows of a profile follows its leaves and their contacts."""

from dataclasses import replace

from cdp_core.domain.contact import fold
from cdp_core.domain.counting import TRIES
from cdp_core.domain.leaf import Leaf
from cdp_core.domain.links import Tree
from cdp_core.domain.listing import Listed, listed
from cdp_core.errors import Contended
from cdp_core.tables import contacts, leaves, links, listing


def refresh(leaf: Leaf, *, anew: bool = False, freed: bool = False) -> None:
    """Lists the profile of this leaf; `leaf` stands for itself, as it is about to be stored. Raises Contended.

    `anew` lets go of what the entry says: after leaves were taken away, a day may go back. A leaf that was `freed` is
    written in any case, so that whoever was about to hide it while it was linked loses.

    The entry is read before the data it is made of, and written only if nobody wrote meanwhile: a stale writer loses.
    """
    for _ in range(TRIES):
        root = _root(leaf.id)
        entry = listing.load(root.id, root.epoch)
        tree = links.load_tree(leaf.id)
        if _is_over(leaf, tree):
            return
        shown = _shown(tree, leaf)
        if not anew:  # another leaf's flush may be about to commit a later day: days only go forward
            shown = replace(shown, day=max(shown.day, entry.day), verified=shown.verified or entry.verified)
        is_same = tree.root == root.id and tree.leaves[root.id].epoch == root.epoch
        if is_same and not freed and listing.shows(entry, root.id, shown):
            return
        if is_same and listing.save(root.id, root.epoch, before=entry, shown=shown):
            return
    raise Contended("the listing of a profile changed too often")


def _is_over(leaf: Leaf, tree: Tree) -> bool:
    """Whether the life that the caller speaks of is over, or never began: nothing of it may get into the listing of the next."""
    return leaf.created_at is None or tree.leaves[leaf.id].epoch != leaf.epoch


def hide(leaf: Leaf) -> None:
    """Takes a leaf that became part of another profile out of the listing, unless it left it meanwhile. Raises Contended.

    One that is not listed gets an empty entry: somebody who read the leaf before it was linked may be about to list it.
    """
    for _ in range(TRIES):
        entry = listing.load(leaf.id, leaf.epoch)
        is_hidden = entry.version > 0 and not entry.day
        if is_hidden or leaves.load(leaf.id).parent is None:
            return
        if listing.save(leaf.id, leaf.epoch, before=entry, shown=None):
            return
    raise Contended("the listing of a profile changed too often")


def _root(leaf: str) -> Leaf:
    """The root as it is now: a link may be younger than what the caller read."""
    found = leaves.load(leaf)
    while found.parent is not None:
        found = leaves.load(found.parent)
    return found


def _shown(tree: Tree, leaf: Leaf) -> Listed:
    members = [leaf if one.id == leaf.id else one for one in tree.leaves.values()]
    details = contacts.load_many(contacts.contact_key(one.id, one.epoch) for one in members)
    return listed(members, fold(*(one.registers for one in details.values())))
