"""Gateway of links and whole profiles: trees are read leaf by leaf, and changed in one transaction (protocol 2b)."""

from typing import Any

from cdp_core.config import settings
from cdp_core.domain.counting import TRIES
from cdp_core.domain.leaf import Leaf
from cdp_core.domain.links import Tree, Wish
from cdp_core.errors import Contended
from cdp_core.tables import dynamo, leaves
from cdp_core.tables.dynamo import Item, Key


def children_key(leaf: Leaf) -> Key:
    """The primary key of the item that names a leaf's children in its current life."""
    return leaf.id, leaves.life(leaf.epoch) + "links"


def load_tree(leaf: str) -> Tree:
    """The profile a leaf belongs to: up to the root, then down, each a strong read.

    Not atomic: whoever decides on it conditions on epoch and link version of the leaves as read here. A tree that changed while
    it was read, so that the leaf is not in it, is read again. Raises Contended.
    """
    for _ in range(TRIES):
        tree = _read_tree(leaf)
        if leaf in tree.leaves:
            return tree
    raise Contended("the profile changed too often while it was read; ask again")


def _read_tree(leaf: str) -> Tree:
    known: dict[str, Leaf] = {leaf: leaves.load(leaf)}
    root = leaf
    while (parent := known[root].parent) is not None and parent not in known:
        known[parent] = leaves.load(parent)
        root = parent
    children: dict[str, frozenset[str]] = {}
    level = [root]
    while level:
        found = _children(known[one] for one in level)
        children |= found
        new = [child for many in found.values() for child in sorted(many) if child not in known]
        known |= leaves.load_many(new)
        level = [child for many in found.values() for child in sorted(many) if child not in children]
    return Tree(root, {one: known[one] for one in known if one in children}, children)


def _children(parents: Any) -> dict[str, frozenset[str]]:
    parents = list(parents)
    keys = {parent.id: children_key(parent) for parent in parents if parent.children}
    found = dynamo.get_many(settings().profiles_table, keys.values()) if keys else {}
    return {
        parent.id: frozenset(found.get(children_key(parent), {}).get("c", {}).get("SS", ()))
        if parent.children
        else frozenset()
        for parent in parents
    }


def children_of(leaf: Leaf) -> frozenset[str]:
    """The leaves directly under this one."""
    return _children([leaf])[leaf.id]


def link(wish: Wish, below: Tree, above: Tree, consents: list[dict[str, Any]]) -> bool:
    """Puts the child under the parent in one transaction. False if a leaf changed since it was read.

    `consents` are the transaction's actions that store what the people of both trees decided (usecases/shared_consents).
    """
    child, parent = below.leaves[wish.child], above.leaves[wish.parent]
    actions = [_set_parent(child, wish)]
    if child.parent != parent.id:
        actions += _join(parent, child, wish.parent_identifier)
        if child.parent is not None:
            actions += _leave(below.leaves[child.parent], child)
    roots = {tree.leaves[tree.root].id: tree.leaves[tree.root] for tree in (above, below)}
    untouched = [root for name, root in roots.items() if name not in (parent.id, child.id, child.parent)]
    # The root's link version bounds the size of the whole tree, and says that nobody decided about a consent meanwhile.
    actions += [_update(root, "SET lv = :lv", {}) for root in untouched]
    return dynamo.transact([*actions, *consents])


def unlink(child: Leaf, tree: Tree, *, floor: int, consents: list[dict[str, Any]]) -> bool:
    """Takes the child from under its parent in one transaction. False if one of them, or the root, changed since it was read.

    The pair is remembered, and `floor` (ms) voids every request for a link received before it. `consents` as for `link`.
    """
    parent, root = tree.leaves[child.parent or ""], tree.leaves[tree.root]
    values: Item = {":fl": {"N": str(max(floor, child.floor))}, ":un": {"SS": [parent.id]}}
    cut = _update(child, "SET lv = :lv, fl = :fl ADD un :un", values)
    cut["Update"]["UpdateExpression"] = cut["Update"]["UpdateExpression"].replace("#ttl", "par, lk, lb, #ttl")
    touched = [_update(root, "SET lv = :lv", {})] if root.id != parent.id else []
    return dynamo.transact([cut, *_leave(parent, child), *touched, *consents])


def decide(leaf: Leaf, identifier: str, root: Leaf, at: int, consents: list[dict[str, Any]]) -> bool:
    """Stores what a person decided about a consent through one leaf, in one transaction. False if the profile changed meanwhile.

    The leaf is a person from then on (`at`, ms), even if nothing else was ever heard of them.
    """
    values: Item = {":cs": {"N": str(leaf.consented_at or at)}, ":id": {"S": identifier}}
    actions = [_update(leaf, "SET lv = :lv, cs = :cs, id = :id", values)]
    actions += [_update(root, "SET lv = :lv", {})] if root.id != leaf.id else []
    return dynamo.transact([*actions, *consents])


def _set_parent(child: Leaf, wish: Wish) -> dict[str, Any]:
    values: Item = {
        ":par": {"S": wish.parent},
        ":lk": {"S": f"{wish.key[0]}#{wish.key[1]}"},
        ":id": {"S": wish.identifier},
    }
    said = ", lb = :lb" if wish.by else ""
    values |= {":lb": {"S": wish.by}} if wish.by else {}
    return _update(child, f"SET lv = :lv, par = :par, lk = :lk, id = :id{said}", values)


def _join(parent: Leaf, child: Leaf, identifier: str) -> list[dict[str, Any]]:
    """The parent learns its identifier here: consents reach every leaf of a profile by it, and its own commit comes later."""
    values: Item = {":ch": {"N": str(parent.children + 1)}, ":id": {"S": identifier}}
    return [
        _update(parent, "SET lv = :lv, ch = :ch, id = :id", values),
        _change_children(parent, "ADD", child.id),
    ]


def _leave(former: Leaf, child: Leaf) -> list[dict[str, Any]]:
    return [
        _update(former, "SET lv = :lv, ch = :ch", {":ch": {"N": str(max(0, former.children - 1))}}),
        _change_children(former, "DELETE", child.id),
    ]


def _update(leaf: Leaf, expression: str, values: Item) -> dict[str, Any]:
    condition, was = leaves.unchanged(leaf)
    return {
        "Update": {
            "TableName": settings().profiles_table,
            "Key": dynamo.key_of(leaves.hot_key(leaf.id)),
            "UpdateExpression": expression + " REMOVE #ttl",
            "ConditionExpression": condition,
            "ExpressionAttributeNames": {"#ttl": "ttl"},
            "ExpressionAttributeValues": {**values, **was, ":lv": {"N": str(leaf.link_version + 1)}},
        }
    }


def _change_children(parent: Leaf, verb: str, child: str) -> dict[str, Any]:
    return {
        "Update": {
            "TableName": settings().profiles_table,
            "Key": dynamo.key_of(children_key(parent)),
            "UpdateExpression": f"{verb} c :c",
            "ExpressionAttributeValues": {":c": {"SS": [child]}},
        }
    }
