"""Suppression: refuses a person's later events, lists who is suppressed by hash, and lifts it again."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cdp_core import clock
from cdp_core.domain import suppression as rules
from cdp_core.domain.counting import TRIES
from cdp_core.domain.erasure import TOMBSTONE_TTL_MS, Asked
from cdp_core.domain.identity import LEAF_KINDS, Identifier, is_blocked, is_leaf_id
from cdp_core.domain.jobs import DONE
from cdp_core.domain.leaf import Leaf
from cdp_core.domain.suppression import Suppression
from cdp_core.domain.times import iso
from cdp_core.errors import Contended, InvalidInput, NotFound, Unavailable
from cdp_core.tables import jobs, leaves, links, suppressions
from cdp_core.usecases import profiles, resolve
from cdp_core.usecases.paging import Page, Position

_UNKNOWN = "nobody with this hash is suppressed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """Whom to suppress: an identifier by kind and value, a profile by any name of it, or the hash of an identifier."""

    kind: str | None = None
    value: str | None = None
    profile_id: str | None = None
    hash: str | None = None


def suppress(who: Who, asked: Asked) -> dict[str, Any]:
    """Suppresses all leaves of a profile, or an identifier that nobody has yet; the suppression. A repeat is no change.

    Raises InvalidInput unless exactly one way to say who is taken, NotFound for an unknown profile, Contended, and what
    `resolve.name` raises.
    """
    leaf = _leaf(who)
    for _ in range(TRIES):
        tree = links.load_tree(leaf)
        wanted = rules.suppressions_of(tree.leaves.values(), asked_at=clock.now_ms(), asked=asked)
        if not wanted:
            return _view(_of(tree.leaves[leaf]))
        if _begin(wanted[0], tree.leaves):
            return _view(wanted[0])
    raise Contended("the profile changed too often; send the request again")


def _leaf(who: Who) -> str:
    ways = [who.kind is not None or who.value is not None, who.profile_id is not None, who.hash is not None]
    if ways.count(True) != 1:
        raise InvalidInput("body: say who by kind and value, by profile_id, or by hash, and by one of them only")
    if who.hash is not None:
        return who.hash
    if who.profile_id is not None:
        return profiles.tree_of(resolve.name(who.profile_id)).root
    if who.kind not in LEAF_KINDS or not who.value:
        raise InvalidInput(f"kind: must be one of {', '.join(LEAF_KINDS)}, with a value")
    if is_blocked(who.value):
        raise InvalidInput("value: it identifies nobody, so no event is anybody's by it")
    return resolve.of_identifier(Identifier(who.kind, who.value)).leaf


def suppress_erased(lives: Mapping[str, int], asked: Asked, *, erasure: str) -> None:
    """Suppresses leaves that an earlier erasure ended, those that nobody lives under again. Raises Contended."""
    for _ in range(TRIES):
        found = leaves.load_many(lives)
        dead = [one for one in found.values() if one.epoch == lives[one.id] and not one.is_live]
        together = rules.suppressions_of(dead, asked_at=clock.now_ms(), asked=asked, erasure=erasure)
        if not together or _begin(rules.as_one(together), found):
            return
    raise Contended("the profile changed too often; send the request again")


def _begin(one: Suppression, known: Mapping[str, Leaf]) -> bool:
    """Whether it is stored for certain; a lost answer counts as a lost race, and the next look tells."""
    try:
        return suppressions.begin(one, [known[leaf] for leaf in one.leaves])
    except Unavailable:
        return False


def lift(hashed: str) -> dict[str, Any]:
    """Lifts the suppression that holds the leaf with this id, for all leaves that it holds. Raises NotFound, Contended."""
    wanted: Suppression | None = None
    for _ in range(TRIES):
        leaf, now = leaves.load(hashed) if is_leaf_id(hashed) else Leaf(id=hashed), clock.now_ms()
        if leaf.suppressed_since is None or (wanted is not None and leaf.suppressed_since != wanted.since):
            if wanted is None:
                raise NotFound(_UNKNOWN)
            return {"hash": wanted.head, "hashes": list(wanted.leaves), "lifted": True}
        wanted = _of(leaf)
        if _end(wanted, now):
            return {"hash": wanted.head, "hashes": list(wanted.leaves), "lifted": True}
    raise Contended("the profile changed too often; send the request again")


def _end(one: Suppression, now: int) -> bool:
    members = [
        leaf
        for leaf in leaves.load_many(one.leaves).values()
        if leaf.suppressed_since == one.since and leaf.suppressed_with == one.head
    ]
    expires = [leaf.id for leaf in members if not leaf.is_live and _is_over(leaf)]
    try:
        return suppressions.end(one, members, at=now, expires=expires, expires_at=now + TOMBSTONE_TTL_MS)
    except Unavailable:
        return False


def _is_over(leaf: Leaf) -> bool:
    """Whether no erasure of it is under way: the last step of one that is lets the tombstone expire itself."""
    job = jobs.load(leaf.job) if leaf.job else None
    return job is None or job.phase == DONE


def read(*, limit: int, position: Position | None) -> Page:
    """One page of the suppressions that stand, latest first. `position` is the place of the last one examined."""
    found = suppressions.page(before=position[0] if position else "", limit=limit + 1)
    shown = found[:limit]
    return Page([_view(one) for one in shown], (suppressions.place(shown[-1]), "") if len(found) > limit else None)


def find(hashed: str) -> list[dict[str, Any]]:
    """The suppression that holds the leaf with this id: one or none."""
    leaf = leaves.load(hashed)
    return [] if leaf.suppressed_since is None else [_view(_of(leaf))]


def _of(leaf: Leaf) -> Suppression:
    """The suppression that holds a leaf."""
    since = leaf.suppressed_since or 0
    found = suppressions.load(leaf.suppressed_with, since)
    return found or Suppression(head=leaf.suppressed_with, since=since, leaves=(leaf.id,))


def _view(one: Suppression) -> dict[str, Any]:
    return {
        "hash": one.head,
        "hashes": list(one.leaves),
        "since": iso(one.since),
        "reason": one.reason or None,
        "requested_by": one.by or None,
        "erasure": one.erasure or None,
    }
