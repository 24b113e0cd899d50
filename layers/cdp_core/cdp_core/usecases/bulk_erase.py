"""Erases many profiles in one job: group by group, each unreadable as soon as its turn comes, and one receipt for all."""

import uuid
from collections.abc import Sequence
from typing import Any

from cdp_core import clock
from cdp_core.domain import bulk_erasure as rules
from cdp_core.domain.counting import TRIES
from cdp_core.domain.erasure import NOTHING_SAID, Asked, asked_of
from cdp_core.domain.identity import LEAF_KINDS, MAX_LEAVES, parse_identifier
from cdp_core.domain.jobs import Job, view
from cdp_core.domain.leaf import Leaf
from cdp_core.domain.links import Tree
from cdp_core.domain.times import DAY_MS
from cdp_core.errors import Contended, InvalidInput, NotFound
from cdp_core.tables import jobs, leaves, links
from cdp_core.usecases import erase
from cdp_core.usecases.hold import Hold
from cdp_core.usecases.resolve import Named, name

_CHUNKS_LIVE_MS = 30 * DAY_MS


def request_bulk_erasure(texts: Sequence[str], asked: Asked = NOTHING_SAID) -> dict[str, Any]:
    """Makes the job that erases these profiles; its view. Raises InvalidInput for a text that can name no profile.

    Only the hashes that identifiers stand for are kept. An address would need a search each: erase such a profile on its own.
    """
    named = list(dict.fromkeys(_stored(position, text) for position, text in enumerate(texts)))
    job = rules.new_job(uuid.uuid4().hex, created_at=clock.now_ms(), names=len(named), asked=asked)
    for number, at in enumerate(range(0, len(named), rules.CHUNK)):
        jobs.save_chunk(job.id, number, named[at : at + rules.CHUNK], expires_at=job.created_at + _CHUNKS_LIVE_MS)
    jobs.create(job)
    return view(job)


def _stored(position: int, text: str) -> str:
    """A name as the job keeps it: the leaf, and the epoch if one life was meant."""
    identifier = parse_identifier(text)
    if identifier is not None and identifier.kind not in LEAF_KINDS:
        raise InvalidInput(
            f"ids.{position}: must be a profile id, or one of {', '.join(LEAF_KINDS)}, a colon and a value"
        )
    try:
        named = name(text)
    except NotFound as error:
        raise InvalidInput(f"ids.{position}: is not a profile id") from error
    return named.leaf if named.epoch is None else f"{named.leaf}.{named.epoch}"


def step(hold: Hold) -> bool:
    """Erases the next group, or looks how far the groups are. False if they need more time, or are done."""
    if hold.job.phase == rules.ENTOMB:
        hold.keep(_next_group(hold.job))
        return True
    hold.keep(rules.summed(hold.job, jobs.load_many(rules.group_ids(hold.job)), now=clock.now_ms()))
    return False


def _next_group(job: Job) -> Job:
    """Erases the next profiles in one transaction; a group erased before the place was stored is found by its id.

    A group that was done again after a restore says no names: it may be another one than the next. Its id is passed over.
    """
    group = rules.next_group_id(job)
    done = jobs.load(group)
    for _ in range(TRIES):
        if done is not None:
            return rules.after_group(job, names=done.request.get("names", 0), profiles=done.request.get("profiles", 0))
        names, trees = _group(job)
        if not trees:
            return rules.after_group(job, names=names, profiles=0, has_group=False)
        members = [leaf for tree in trees for leaf in tree.leaves.values()]
        about = {"names": names, "profiles": len(trees)}
        done = erase.entomb(members, group, about=about, asked=asked_of(job.request))
    raise Contended("the profiles changed too often")


def _group(job: Job) -> tuple[int, list[Tree]]:
    """How many of the next names are taken, and the profiles they have: as many as one transaction takes.

    A suppression is an item more for each profile.
    """
    named, more = _names(job), int(asked_of(job.request).suppress)
    found = leaves.load_many(one.leaf for one in named)
    trees: dict[str, Tree] = {}
    for number, one in enumerate(named):
        tree = _tree(found[one.leaf]) if erase.is_current(one, found[one.leaf]) else None
        if tree is not None and trees and _size(trees, more) + len(tree.leaves) + more > MAX_LEAVES:
            return number, list(trees.values())
        if tree is not None:
            trees[tree.root] = tree
    return len(named), list(trees.values())


def _size(trees: dict[str, Tree], more: int) -> int:
    return sum(len(tree.leaves) + more for tree in trees.values())


def _tree(leaf: Leaf) -> Tree:
    is_alone = leaf.parent is None and not leaf.children
    return Tree(leaf.id, {leaf.id: leaf}, {}) if is_alone else links.load_tree(leaf.id)


def _names(job: Job) -> list[Named]:
    """The next names of the job's list."""
    chunk, at = divmod(int(job.place["next"]), rules.CHUNK)
    texts = jobs.load_chunk(job.id, chunk)[at : at + rules.GROUP]
    if not texts:
        raise NotFound("the job's list is gone")
    pairs = (text.partition(".") for text in texts)
    return [Named(leaf, int(epoch) if dot else None) for leaf, dot, epoch in pairs]
