"""What the listing shows of a profile, and under which keys (docs/tables.md)."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from cdp_core.domain import contact
from cdp_core.domain.contact import Registers
from cdp_core.domain.leaf import Leaf, latest
from cdp_core.domain.times import day_of

SHARDS = "0123456789abcdef"
VERIFIED, ANONYMOUS = "verified", "anonymous"
_MAX_KEY_TEXT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """What the listing shows of one profile: everything that moves it in the index."""

    day: str
    verified: bool
    name: str
    email: str


def listed(leaves: Iterable[Leaf], registers: Registers) -> Listed:
    """What the listing should show of these leaves and their folded contact."""
    leaves = list(leaves)
    return Listed(
        day=last_day(*leaves),
        verified=any(leaf.verified_since is not None for leaf in leaves),
        name=key_text(contact.full_name(registers)),
        email=key_text(contact.email(registers)),
    )


def marker(shown: Listed) -> str:
    """A short text that changes exactly when the listing must: the day, and a digest of the rest."""
    digest = hashlib.sha256(f"{shown.name}\0{shown.email}\0{shown.verified}".encode()).hexdigest()[:12]
    return f"{shown.day}.{digest}"


def with_day(marked: str, leaf: Leaf) -> str:
    """The marker of a leaf of which only the activity changed."""
    return f"{last_day(leaf)}.{marked.partition('.')[2]}"


def last_day(*leaves: Leaf) -> str:
    """The day of the last activity, or of the first receipt if there is none."""
    times = (time for leaf in leaves for time in (leaf.last_seen, leaf.created_at))
    return day_of(latest(*times) or 0)


def keys(leaf: str, shown: Listed) -> dict[str, tuple[str, str] | None]:
    """The index key of each listing entry of a root leaf; None where the entry has nothing to show."""
    return {
        "recent": (recent_shard(VERIFIED if shown.verified else ANONYMOUS, leaf[-1]), f"{shown.day}#{leaf}"),
        "name": (name_shard(leaf[-1]), f"{shown.name}#{leaf}") if shown.name else None,
        "email": (email_shard(shown.email), f"{shown.email}#{leaf}") if shown.email else None,
    }


def recent_shard(verification: str, shard: str) -> str:
    """The index partition of recently active profiles."""
    return f"recent#{verification}#{shard}"


def name_shard(shard: str) -> str:
    """The index partition of names."""
    return f"name#{shard}"


def email_shard(address: str) -> str:
    """The index partition of one e-mail address: the address's own, so that an exact look-up is one query."""
    return f"email#{hashlib.sha256(key_text(address).encode()).hexdigest()[0]}"


def key_text(text: str) -> str:
    """A name or address as the index compares it: case folded, single spaces, at most 200 characters."""
    return " ".join(text.casefold().split())[:_MAX_KEY_TEXT]
