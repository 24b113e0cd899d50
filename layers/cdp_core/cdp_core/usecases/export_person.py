"""Everything that is held on a person, line by line, over all identifiers: details and agreements first, then activities, then dead letters."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from cdp_core.domain.activity import describe
from cdp_core.domain.export import Fact
from cdp_core.domain.identity import profile_id
from cdp_core.domain.leaf import Leaf
from cdp_core.domain.times import iso
from cdp_core.tables import activities, catalogue, contacts, dead_letters, notes
from cdp_core.tables.codec import from_json
from cdp_core.usecases.profiles import Profile, agreements_of

_ROWS = 500
_FIRST, _LAST = "0", ":"  # between these sort keys are the rows of a life; dead letters come behind


def details(profile: Profile) -> Iterator[Fact]:
    """Identifiers, fields with their origins, memberships, notes, and what was decided about consents."""
    for leaf in sorted(profile.leaves, key=lambda leaf: leaf.id):
        name = profile_id(leaf.id, leaf.epoch)
        yield Fact(section="identity", leaf=name, name=leaf.identifier, value=_about(leaf), time=_time(leaf.created_at))
        yield from _fields(leaf, name)
        yield from _memberships(leaf, name)
        for note in notes.of_life(leaf.id, leaf.epoch):
            about = {"text": note.text, "author": note.author}
            yield Fact(section="note", leaf=name, name=note.id, value=about, time=iso(note.at), source=note.author_id)
    for entry in agreements_of(profile):
        said = {"agreed": entry.agreed, "text_version": entry.text, "language": entry.language}
        yield Fact(
            section="consent", leaf=profile.id, name=entry.code, value=said, time=iso(entry.at), source=entry.channel
        )


def _about(leaf: Leaf) -> dict[str, Any]:
    """What the hot item says of a person; what it keeps to count exactly says nothing about anybody."""
    linked_at, linked_by = leaf.link_key or (None, None)
    about: dict[str, Any] = {
        "first_seen_at": _time(leaf.first_seen),
        "last_seen_at": _time(leaf.last_seen),
        "activity_counts": dict(leaf.counts),
        "channels": sorted(leaf.channels),
        "verified_since": _time(leaf.verified_since),
        "consented_since": _time(leaf.consented_at),
        "merged_into": leaf.parent,
        "merged_at": _time(linked_at),
        "merged_by_message": linked_by,
        "merged_by": from_json(leaf.linked_by) if leaf.linked_by else None,
        "unmerged_from": sorted(leaf.unlinked),
        "unmerged_until": _time(leaf.floor or None),
        "suppressions": [[_time(since), _time(until)] for since, until in leaf.suppressions],
    }
    return {name: value for name, value in about.items() if value not in (None, [], {})}


def _fields(leaf: Leaf, name: str) -> Iterator[Fact]:
    registers = contacts.load(contacts.contact_key(leaf.id, leaf.epoch)).registers
    for field, said in sorted(registers.items()):
        origin = {"time": iso(said.time), "source": said.source, "message_id": said.message_id}
        yield Fact(section="field", leaf=name, name=field, value=said.value, **origin)


def _memberships(leaf: Leaf, name: str) -> Iterator[Fact]:
    for one in contacts.memberships(leaf):
        about = {"kind": one.kind, "role": one.role}
        yield Fact(section="membership", leaf=name, name=one.id, value=about, time=iso(one.since))


def activity_facts(leaf: Leaf, after: str = "") -> Iterator[tuple[str, Fact]]:
    """The activities of one identifier behind a sort key, each with its own sort key, oldest first."""
    names = catalogue.remembered().type_names()
    low = f"{after}\0" if after else _FIRST
    for row in activities.timeline(leaf.id, leaf.epoch, low=low, high=_LAST, newest_first=False, limit=_ROWS):
        if row.position is None:  # of a stub the copy is shown
            shown = describe(row, names)
            origin = {"time": shown["occurred_at"], "source": shown["channel"], "message_id": row.message_id}
            name = profile_id(leaf.id, leaf.epoch)
            yield (
                activities.row_sort_key(row),
                Fact(section="activity", leaf=name, name=row.type, value=shown, **origin),
            )


def dead_letter_facts(leaf: Leaf) -> Iterator[Fact]:
    """What was refused of this identifier's events in the last 30 days."""
    for letter in dead_letters.of_life(leaf.id, leaf.epoch):
        said = {"message": letter.message, "original": letter.original, "attempts": letter.attempts}
        yield Fact(
            section="dead_letter",
            leaf=profile_id(leaf.id, leaf.epoch),
            name=letter.reason,
            value=said,
            time=iso(letter.at),
            source=letter.channel,
        )


def everything(profile: Profile, *, limit: int) -> list[Fact]:
    """All of it, if it is at most `limit` lines; one more than that if it is not."""
    leaves = sorted(profile.leaves, key=lambda leaf: leaf.id)
    return list(islice(_all(profile, leaves), limit + 1))


def _all(profile: Profile, leaves: Iterable[Leaf]) -> Iterator[Fact]:
    yield from details(profile)
    for leaf in leaves:
        yield from (fact for _, fact in activity_facts(leaf))
    for leaf in leaves:
        yield from dead_letter_facts(leaf)


def _time(millis: int | None) -> str | None:
    return None if not millis else iso(millis)
