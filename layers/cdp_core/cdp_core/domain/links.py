"""Links: one leaf under another. A merge rewrites nothing, and taking the link away undoes it exactly (protocol 2b)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from cdp_core.domain.identity import MAX_LEAVES, is_anonymous, may_be_parent
from cdp_core.domain.leaf import Leaf, LinkKey
from cdp_core.domain.suppression import is_suppressed


@dataclass(frozen=True, slots=True)
class Tree:
    """The leaves of one profile: the root, all leaves by id, and who has which children."""

    root: str
    leaves: Mapping[str, Leaf]
    children: Mapping[str, frozenset[str]]


class Verdict(Enum):
    """What becomes of a wish for a link."""

    LINK = "link"
    DONE = "done"
    ERASED = "erased"
    UNLINKED = "unlinked"
    SUPPRESSED = "suppressed"
    EARLIER_CLAIM = "earlier_claim"
    TOO_MANY_LEAVES = "too_many_leaves"
    WRONG_ORDER = "wrong_order"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """An event's wish that `child`, the leaf of `identifier`, be under `parent`; `epoch` is the parent's when the event was stored.

    `parent_identifier` is what the parent is the leaf of: its hot item may not be written yet. `by` is set where an admin
    wishes it, and says who and why: then the trees as they are decide, and no event takes the child away again.
    """

    child: str
    identifier: str
    parent: str
    parent_identifier: str
    key: LinkKey
    epoch: int
    by: str = ""


def branch(tree: Tree, top: str) -> frozenset[str]:
    """A leaf of a tree and all below it."""
    found, todo = {top}, [top]
    while todo:
        below = tree.children.get(todo.pop(), frozenset()) - found
        found |= below
        todo += sorted(below)
    return frozenset(found & tree.leaves.keys())


MAX_UNLINKED = 100  # pairs that a leaf remembers; each takes a place in its hot item


def settled(wish: Wish, child: Leaf) -> Verdict | None:
    """The verdict where the child alone decides, or None if the trees must be looked at."""
    if child.link_key == wish.key and child.parent == wish.parent:
        return Verdict.DONE
    is_earlier = child.link_key is not None and (bool(child.linked_by) or child.link_key <= wish.key)
    if child.parent is not None and is_earlier:
        return Verdict.EARLIER_CLAIM
    return None


def decide(wish: Wish, below: Tree, above: Tree) -> Verdict:
    """Whether the wish is granted: the earliest received claim wins, erasures and unlinks before it stand."""
    child, parent = below.leaves[wish.child], above.leaves[wish.parent]
    if not may_be_parent(parent.id, child.id) or not (is_anonymous(child.id) or wish.by):
        return Verdict.WRONG_ORDER
    if _is_erased(wish, child, parent):
        return Verdict.ERASED
    if not wish.by and (wish.key[0] <= child.floor or parent.id in child.unlinked):
        return Verdict.UNLINKED
    if not wish.by and is_suppressed(child.suppressions, wish.key[0]):
        return Verdict.SUPPRESSED
    if len(below.leaves.keys() | above.leaves.keys()) > MAX_LEAVES:
        return Verdict.TOO_MANY_LEAVES
    return settled(wish, child) or Verdict.LINK


def _is_erased(wish: Wish, child: Leaf, parent: Leaf) -> bool:
    """Whether one of the two lives that are meant is over. An admin speaks of the lives that there are now."""
    if parent.epoch != wish.epoch:
        return True
    if wish.by:
        return not (child.is_live and parent.is_live)
    return wish.key[0] <= max(child.erased_until, parent.erased_until)
