"""Grants the wishes of events with two identifiers: the anonymous leaf comes under the user's."""

from collections.abc import Mapping

from cdp_core.domain import links as rules
from cdp_core.domain.counting import TRIES
from cdp_core.domain.leaf import Leaf
from cdp_core.domain.links import Verdict, Wish
from cdp_core.domain.work import LinkRequest, Share
from cdp_core.errors import Contended
from cdp_core.tables import leaves, links
from cdp_core.usecases import list_profile, shared_consents


def wish_of(leaf: Leaf, share: Share, request: LinkRequest) -> Wish:
    """The wish as the rules of links know it."""
    return Wish(
        child=request.child,
        identifier=request.identifier,
        parent=leaf.id,
        parent_identifier=leaf.identifier,
        key=(share.received_at, request.message_id),
        epoch=leaf.epoch,
    )


def link(wish: Wish, known: Mapping[str, Leaf]) -> Verdict:
    """Links the child if the rules allow it; the same wish again is done already. Raises Contended or Unavailable.

    `known` are leaves read before the flush wrote anything: where the child alone decides, they are enough.
    """
    child = known.get(wish.child)
    verdict = (rules.settled(wish, child) if child else None) or _decide_and_store(wish)
    if verdict in (Verdict.LINK, Verdict.DONE):
        list_profile.hide(leaves.load(wish.child))
        former = {child.parent} if child and child.parent else set()
        for parent in sorted({wish.parent, *former}):
            list_profile.refresh(leaves.load(parent))
    return verdict


def _decide_and_store(wish: Wish) -> Verdict:
    for _ in range(TRIES):
        below, above = links.load_tree(wish.child), links.load_tree(wish.parent)
        verdict = rules.decide(wish, below, above)
        if verdict is not Verdict.LINK or links.link(wish, below, above, shared_consents.joining(wish, below, above)):
            return verdict
    raise Contended("a link lost against others too often")
