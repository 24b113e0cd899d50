"""The list of profiles: recently active ones, or those whose name or e-mail begins with a text, or who have an identifier."""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from cdp_core.domain import listing as rules
from cdp_core.domain.identity import LEAF_KINDS, Identifier
from cdp_core.domain.profile_filter import Filter
from cdp_core.errors import CdpError, NotFound
from cdp_core.tables import listing
from cdp_core.tables.listing import Hit
from cdp_core.usecases import profiles
from cdp_core.usecases.paging import Candidate, Page, Position, take
from cdp_core.usecases.profiles import Profile
from cdp_core.usecases.resolve import Named, name, of_identifier

_CHUNK = 50  # entries that a query asks for, and profiles (two items each) that one batch confirms


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Which profiles: those that a filter takes, by text, at most `limit`.

    `position` is the index key of the last entry examined, or nothing and the id of the last exact match.
    """

    filter: Filter = field(default_factory=Filter)
    text: str = ""
    limit: int = 25
    position: Position | None = None


def search(ask: Ask) -> Page:
    """One page of the list: exact matches first. One filter drives the index, the others filter after it."""
    return take(_candidates(ask), limit=ask.limit, start=ask.position)


def _candidates(ask: Ask) -> Iterator[Candidate]:
    after_key, after_id = ask.position or ("", "")
    exact = _named_exactly(ask.text) if ask.text else {}
    for profile_id in sorted(exact):
        if not after_key and profile_id > after_id:
            yield ("", profile_id), _shown(exact[profile_id], ask)
    seen = set(exact)
    for hit, profile in _confirmed(_by_text(ask, after_key) if ask.text else _recent(ask, after_key), ask):
        is_new = profile is not None and profile.id not in seen and _is_first_match(profile, hit, ask)
        yield (hit.sort_key, ""), _shown(profile, ask) if profile and is_new else None
        seen |= {profile.id} if profile and is_new else set()


def _recent(ask: Ask, after: str) -> Iterator[Hit]:
    """The listing by day of last activity, latest first."""
    wanted = ask.filter.verifications()
    partitions = [rules.recent_shard(one, shard) for one in wanted for shard in rules.SHARDS]
    return _merged(partitions, span=ask.filter.days(), newest_first=True, after=after)


def _by_text(ask: Ask, after: str) -> Iterator[Hit]:
    """Names and addresses that begin with the text, in alphabetical order."""
    partitions = [rules.name_shard(shard) for shard in rules.SHARDS] + [f"email#{shard}" for shard in rules.SHARDS]
    span = listing.starting_with(rules.key_text(ask.text))
    return _merged(partitions, span=span, newest_first=False, after=after)


def _merged(partitions: list[str], *, span: tuple[str, str], newest_first: bool, after: str) -> Iterator[Hit]:
    def stream(partition: str) -> Iterator[Hit]:
        behind = after
        while hits := listing.page(partition, span=span, after=behind, newest_first=newest_first, limit=_CHUNK):
            yield from hits
            if len(hits) < _CHUNK:
                return
            behind = hits[-1].sort_key

    return heapq.merge(*map(stream, partitions), key=lambda hit: hit.sort_key, reverse=newest_first)


def _confirmed(hits: Iterator[Hit], ask: Ask) -> Iterator[tuple[Hit, Profile | None]]:
    """Each entry with its profile, strongly read in batches; None if the entry is older than the truth."""
    while chunk := list(islice(hits, min(ask.limit + 1, _CHUNK))):
        yield from zip(chunk, profiles.confirmed([Named(hit.leaf, hit.epoch) for hit in chunk]), strict=True)


def _shown(profile: Profile, ask: Ask) -> dict[str, object] | None:
    shown = profiles.show(profile)
    return shown if ask.filter.takes(shown) else None


def _is_first_match(profile: Profile, hit: Hit, ask: Ask) -> bool:
    """A profile that matches by name and by address is shown once, at the first of the two."""
    if not ask.text:
        return True
    listed = rules.listed(profile.leaves, profile.registers)
    texts = [text for text in (listed.name, listed.email) if text.startswith(rules.key_text(ask.text))]
    return bool(texts) and hit.sort_key == f"{min(texts)}#{profile.root.id}"


def _named_exactly(text: str) -> dict[str, Profile]:
    """Profiles by id that have the text as an identifier or as their id."""
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
    return found
