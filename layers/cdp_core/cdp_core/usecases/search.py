"""The list of profiles: recently active ones, or those whose name or e-mail begins with a text, or who have an identifier."""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cdp_core.domain import listing as rules
from cdp_core.domain.identity import LEAF_KINDS, Identifier
from cdp_core.errors import CdpError, NotFound
from cdp_core.tables import listing
from cdp_core.tables.listing import Hit
from cdp_core.usecases import profiles
from cdp_core.usecases.profiles import Profile
from cdp_core.usecases.resolve import Named, name, of_identifier

MAX_EXAMINED = 1_000
VERIFICATIONS = ("verified", "anonymous", "all")
_CHUNK = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Which profiles: by verification, by text, at most `limit`, behind the index key `position`."""

    verification: str = "verified"
    text: str = ""
    limit: int = 25
    position: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Profiles, and where to go on; None at the end."""

    profiles: list[Profile]
    position: str | None


def search(ask: Ask) -> Page:
    """One page of the list. One filter drives the index, the others filter after it; short where MAX_EXAMINED was reached."""
    exact = _named_exactly(ask.text) if ask.text else []
    found = [one for one in exact if _is_wanted(one, ask)] if ask.position is None else []
    taken = {one.id for one in exact}
    position = ask.position
    for examined, hit in enumerate(_by_text(ask) if ask.text else _recent(ask)):
        if len(found) >= ask.limit or examined == MAX_EXAMINED:
            return Page(found[: ask.limit], position)
        position = hit.sort_key
        profile = _confirmed(hit)
        if profile and profile.id not in taken and _is_wanted(profile, ask) and _is_first_match(profile, hit, ask):
            found.append(profile)
    return Page(found, None)


def _recent(ask: Ask) -> Iterator[Hit]:
    """The listing by day of last activity, latest first."""
    wanted = [rules.VERIFIED, rules.ANONYMOUS] if ask.verification == "all" else [ask.verification]
    partitions = [rules.recent_shard(one, shard) for one in wanted for shard in rules.SHARDS]
    return _merged(partitions, prefix="", newest_first=True, position=ask.position)


def _by_text(ask: Ask) -> Iterator[Hit]:
    """Names and addresses that begin with the text, in alphabetical order."""
    partitions = [rules.name_shard(shard) for shard in rules.SHARDS] + [f"email#{shard}" for shard in rules.SHARDS]
    return _merged(partitions, prefix=rules.key_text(ask.text), newest_first=False, position=ask.position)


def _merged(partitions: list[str], *, prefix: str, newest_first: bool, position: str | None) -> Iterator[Hit]:
    def stream(partition: str) -> Iterator[Hit]:
        after = position or ""
        while hits := listing.page(partition, prefix=prefix, after=after, newest_first=newest_first, limit=_CHUNK):
            yield from hits
            if len(hits) < _CHUNK:
                return
            after = hits[-1].sort_key

    return heapq.merge(*map(stream, partitions), key=lambda hit: hit.sort_key, reverse=newest_first)


def _confirmed(hit: Hit) -> Profile | None:
    """The profile of an index entry, strongly read; None if the entry is older than the truth."""
    try:
        profile = profiles.load(Named(hit.leaf, hit.epoch))
    except NotFound:
        return None
    return profile if profile.root.id == hit.leaf else None


def _is_wanted(profile: Profile, ask: Ask) -> bool:
    return ask.verification == "all" or profiles.is_verified(profile) == (ask.verification == rules.VERIFIED)


def _is_first_match(profile: Profile, hit: Hit, ask: Ask) -> bool:
    """A profile that matches by name and by address is shown once, at the first of the two."""
    if not ask.text:
        return True
    shown = rules.listed(profile.leaves, profile.registers)
    texts = [text for text in (shown.name, shown.email) if text.startswith(rules.key_text(ask.text))]
    return bool(texts) and hit.sort_key == f"{min(texts)}#{profile.root.id}"


def _named_exactly(text: str) -> list[Profile]:
    """Profiles that have the text as an identifier or as their id."""
    guesses: list[Callable[[], Named]] = [lambda: name(text)]
    guesses += [lambda kind=kind: of_identifier(Identifier(kind, text)) for kind in LEAF_KINDS]  # type: ignore[misc]
    found: dict[str, Profile] = {}
    for guess in guesses:
        try:
            profile = profiles.load(guess())
            found[profile.id] = profile
        except CdpError as error:
            if not isinstance(error, NotFound) and error.code not in ("unknown_kind", "ambiguous"):
                raise
    return list(found.values())
