"""Who is meant by `{id}`: a profile id, a merged-away one, or an identifier as `kind:value`."""

from dataclasses import dataclass

from cdp_core.domain import listing as rules
from cdp_core.domain.identity import LEAF_KINDS, Identifier, leaf_id, parse_identifier, parse_profile_id, profile_id
from cdp_core.domain.leaf import Leaf
from cdp_core.errors import Ambiguous, InvalidInput, NotFound
from cdp_core.secrets import identity_key
from cdp_core.tables import leaves, listing

_HOLDERS = 100  # more profiles than this with one address are ambiguous anyway


@dataclass(frozen=True, slots=True)
class Named:
    """The leaf that is meant, and the life of it; None means the current one."""

    leaf: str
    epoch: int | None = None


def name(text: str) -> Named:
    """The leaf that a text names. Says nothing about whether it exists.

    Raises InvalidInput for a kind that names nobody, NotFound for a text that cannot be an id, Ambiguous for a shared address.
    """
    identifier = parse_identifier(text)
    if identifier is not None:
        return of_identifier(identifier)
    profile = parse_profile_id(text)
    if profile is None:
        raise NotFound("there is no such profile")
    return Named(*profile)


def of_identifier(identifier: Identifier) -> Named:
    """The leaf of an identifier. Raises like `name`."""
    if identifier.kind in LEAF_KINDS:
        return Named(leaf_id(identity_key(), identifier))
    if identifier.kind == "email":
        return _by_email(identifier.value)
    raise InvalidInput(f"kind must be one of email, {', '.join(LEAF_KINDS)}", code="unknown_kind")


def _by_email(address: str) -> Named:
    wanted = rules.key_text(address)
    hits = listing.page(
        rules.email_shard(wanted), span=listing.starting_with(f"{wanted}#"), newest_first=False, limit=_HOLDERS
    )
    known = leaves.load_many(hit.leaf for hit in hits)
    holders = [hit for hit in hits if hit.sort_key == f"{wanted}#{hit.leaf}" and _is_root(known[hit.leaf], hit.epoch)]
    if not holders:
        raise NotFound("there is no such profile")
    if len(holders) > 1:
        ids = [profile_id(hit.leaf, hit.epoch) for hit in holders]
        raise Ambiguous(f"{len(ids)} profiles have this address", ids)
    return Named(holders[0].leaf, holders[0].epoch)


def _is_root(leaf: Leaf, epoch: int) -> bool:
    return leaf.epoch == epoch and leaf.parent is None
