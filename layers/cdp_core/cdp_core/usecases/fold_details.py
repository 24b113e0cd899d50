"""Folds what was said into stored details: of a leaf's contact, or of an account, a member or a customer."""

from collections.abc import Callable

from cdp_core.domain.contact import Registers, bounded, fold
from cdp_core.domain.counting import TRIES
from cdp_core.errors import Contended
from cdp_core.tables import contacts, records
from cdp_core.tables.dynamo import Key


def fold_into(key: Key, updates: Registers, *, when_new: Callable[[], None] = lambda: None) -> Registers:
    """Stores the fold of what is there and the updates; what is there then. Again is no change. Raises Contended.

    `when_new` is called before anything is stored under the key for the first time.
    """
    for _ in range(TRIES):
        before = contacts.load(key)
        after = bounded(fold(before.registers, updates))
        if before.version > 0 and after == before.registers:
            return after
        if not before.version:
            when_new()
        if contacts.save(before, after):
            return after
    raise Contended("details changed too often")


def fold_record(record: tuple[str, str], updates: Registers) -> Registers:
    """Stores what was said of an account, a member or a customer; a new one gets its place in the list first. Raises Contended."""
    return fold_into(contacts.record_key(*record), updates, when_new=lambda: records.add(record))
