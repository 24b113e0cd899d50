"""Notes about a person, over all identifiers. A note stays with the leaf that was the root when it was written."""

import heapq
import secrets
from collections.abc import Iterable
from typing import Any

from cdp_core import clock
from cdp_core.domain.access import Caller
from cdp_core.domain.leaf import Leaf
from cdp_core.domain.times import iso
from cdp_core.errors import InvalidInput, NotFound
from cdp_core.tables import notes
from cdp_core.tables.notes import Note
from cdp_core.usecases import profiles
from cdp_core.usecases.paging import Page, Position, take
from cdp_core.usecases.resolve import name

MAX_NOTES = 500  # that a leaf may have


def add(text: str, caller: Caller, words: str) -> dict[str, Any]:
    """A new note about the profile that `text` names. Raises InvalidInput beyond MAX_NOTES, and what `profiles.tree_of` raises."""
    tree = profiles.tree_of(name(text))
    root = tree.leaves[tree.root]
    if notes.count(root.id, root.epoch, limit=MAX_NOTES) >= MAX_NOTES:
        raise InvalidInput(f"there are {MAX_NOTES} notes about this person already; remove some first")
    now = clock.now_ms()
    note = Note(id=f"{now:013d}-{secrets.token_hex(4)}", at=now, author=caller.name, author_id=caller.id, text=words)
    notes.save(root.id, root.epoch, note)
    return view(note)


def read(leaves: Iterable[Leaf], *, limit: int, position: Position | None) -> Page:
    """One page of the notes of these leaves, latest first."""
    before = position[0] if position else "\U0010ffff"
    streams = [notes.of_life(leaf.id, leaf.epoch, before=before) for leaf in leaves]
    merged = heapq.merge(*streams, key=lambda note: note.id, reverse=True)
    return take((((note.id, ""), view(note)) for note in merged), limit=limit, start=position)


def remove(text: str, note_id: str) -> None:
    """Removes a note from the profile that `text` names. Raises NotFound."""
    tree = profiles.tree_of(name(text))
    if not any(notes.remove(leaf.id, leaf.epoch, note_id) for leaf in tree.leaves.values()):
        raise NotFound("there is no such note")


def view(note: Note) -> dict[str, Any]:
    """The note as the API shows it."""
    return {
        "id": note.id,
        "text": note.text,
        "author": note.author,
        "author_id": note.author_id,
        "at": iso(note.at),
    }
