"""Folds what was said into stored details: of a leaf's contact, or of an account, a member or a customer."""

from collections.abc import Callable
from typing import Any

from cdp_core.domain.accounts import listed_name
from cdp_core.domain.contact import Registers, bounded, fold
from cdp_core.domain.counting import TRIES
from cdp_core.errors import Contended
from cdp_core.tables import contacts, records
from cdp_core.tables.contacts import Details
from cdp_core.tables.dynamo import Key

Along = Callable[[Details, Registers], list[dict[str, Any]]]


def fold_into(key: Key, updates: Registers, *, along: Along | None = None) -> Registers:
    """Stores the fold of what is there and the updates; what is there then. Again is no change. Raises Contended.

    `along` says what changes with it, or not at all, as actions of the transaction.
    """
    for _ in range(TRIES):
        before = contacts.load(key)
        after = bounded(fold(before.registers, updates))
        if before.version > 0 and after == before.registers:
            return after
        if contacts.save(before, after, along=along(before, after) if along else ()):
            return after
    raise Contended("details changed too often")


def fold_record(record: tuple[str, str], updates: Registers) -> Registers:
    """Stores what was said of an account, a member or a customer, with its places in the lists. Raises Contended."""

    def places(before: Details, after: Registers) -> list[dict[str, Any]]:
        is_new = not before.version
        return records.placed(record, is_new=is_new, was=listed_name(before.registers), name=listed_name(after))

    return fold_into(contacts.record_key(*record), updates, along=places)
