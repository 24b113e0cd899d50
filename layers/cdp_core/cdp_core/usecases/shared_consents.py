"""What one person decided holds for all leaves of the profile: the union of their histories, kept with every leaf.

A link brings two histories together and an unmerge takes them apart again: each entry knows the leaf it was made through.
"""

from collections.abc import Collection, Mapping
from typing import Any

from cdp_core.domain.consent import Entry, of_leaves, union
from cdp_core.domain.identity import Identifier, parse_identifier
from cdp_core.domain.leaf import Leaf
from cdp_core.domain.links import Tree, Wish, branch
from cdp_core.tables import consents
from cdp_core.tables.consents import Stored

Identified = Mapping[Identifier, Leaf]


def identified(leaves: Collection[Leaf], names: Mapping[str, str] | None = None) -> dict[Identifier, Leaf]:
    """The leaves by their identifiers; `names` gives those of leaves whose hot item may not say it yet."""
    known = ((leaf, parse_identifier((names or {}).get(leaf.id) or leaf.identifier)) for leaf in leaves)
    return {identifier: leaf for leaf, identifier in known if identifier is not None}


def history_of(people: Identified) -> tuple[Entry, ...]:
    """Everything that was decided in the current lives of these leaves."""
    return _together(people, _found(people))


def joining(wish: Wish, below: Tree, above: Tree) -> list[dict[str, Any]]:
    """The actions that give both histories to everybody under the parent, and what is left to those whom the child leaves."""
    names = {wish.child: wish.identifier, wish.parent: wish.parent_identifier}
    people = identified([*{**above.leaves, **below.leaves}.values()], names)
    moved = branch(below, wish.child)
    return _kept(people, [above.leaves.keys() | moved, below.leaves.keys() - moved - above.leaves.keys()])


def parting(child: Leaf, tree: Tree) -> list[dict[str, Any]]:
    """The actions that give each side of an unmerge what was decided through its own leaves."""
    moved = branch(tree, child.id)
    return _kept(identified([*tree.leaves.values()]), [moved, tree.leaves.keys() - moved])


def _kept(people: Identified, trees: list[Collection[str]]) -> list[dict[str, Any]]:
    found = _found(people)
    every = _together(people, found)
    return [
        consents.put(identifier, leaf.epoch, history)
        for tree, history in ((tree, of_leaves(every, tree)) for tree in trees)
        for identifier, leaf in people.items()
        if leaf.id in tree and history != _current(found.get(identifier), leaf)
    ]


def _found(people: Identified) -> dict[Identifier, Stored]:
    """What is stored of them; whoever decided nothing says so in the hot item, and most people cost no read."""
    return consents.load_many(people) if any(leaf.consented_at is not None for leaf in people.values()) else {}


def _together(people: Identified, found: Mapping[Identifier, Stored]) -> tuple[Entry, ...]:
    return union(*(_current(found.get(identifier), leaf) for identifier, leaf in people.items()))


def _current(stored: Stored | None, leaf: Leaf) -> tuple[Entry, ...]:
    """A history of an earlier life says nothing of this one."""
    return stored.history if stored and stored.epoch == leaf.epoch else ()
