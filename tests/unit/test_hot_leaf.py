"""A leaf with very many envelopes in one drain: the work grows with the events, and not with their square."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from cdp_core.domain.activity import Row
from cdp_core.domain.leaf import Leaf
from cdp_core.domain.work import LeafWork, Share
from cdp_core.errors import Unavailable
from cdp_core.tables import activities
from cdp_core.tables.activities import PutAnswer
from cdp_core.usecases import apply_leaf, store_rows
from cdp_core.usecases.apply_leaf import Outcome


class Inline:
    """A thread pool without threads."""

    def map(self, function: Any, many: Any) -> Iterator[Any]:
        """As the real one's."""
        return map(function, many)


def work(shares: int, rows: int) -> LeafWork:
    """So many envelopes of one leaf, with so many rows each."""
    made = LeafWork("u", "user_id:1")
    for n in range(shares):
        key = n.to_bytes(12, "big")
        made.shares[key] = share = Share(key=key, received_at=n)
        for m in range(rows):
            share.rows[1, f"{n}-{m}"] = Row(time=1, message_id=f"{n}-{m}", type="pagevisit", envelope=key)
    return made


def test_the_answers_of_all_puts_are_gone_through_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each envelope claims its own rows; one without rows claims none, and one without an answer is incomplete."""
    seen = Counter[str]()

    def counted(*many: Any, strict: bool) -> Iterator[Any]:
        for one in zip(*many, strict=strict):
            seen["answers"] += 1
            yield one

    def put(leaf: str, epoch: int, row: Row) -> PutAnswer:
        if row.message_id == "7-1":
            raise Unavailable("no answer")
        return PutAnswer(row, is_new=row.message_id != "8-0")

    monkeypatch.setattr(store_rows, "zip", counted, raising=False)
    monkeypatch.setattr(activities, "put", put)
    shares = [*work(50, 4).shares.values()]
    shares[3].rows.clear()
    stored = store_rows.store_rows(Leaf(id="u"), shares, Inline())  # type: ignore[arg-type]
    assert seen["answers"] == 49 * 4
    assert stored.incomplete == {shares[7].key}
    claims = {claim.key: [row.message_id for row in claim.rows] for claim in stored.claims}
    assert claims == {one.key: [name for _, name in one.rows] for n, one in enumerate(shares) if n != 7}
    assert [claim.key for claim in stored.claims if not claim.fresh] == [shares[8].key]


def test_no_envelope_of_a_leaf_is_compared_with_every_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was erased, counted or suppressed is left out by its key."""

    def compare(*_: Any) -> bool:
        raise AssertionError("two shares were compared")

    monkeypatch.setattr(Share, "__eq__", compare)
    monkeypatch.setattr(activities, "load_many", lambda lives, keys: [])
    outcome = Outcome()
    leaf = Leaf(id="u", erased_until=9, ring=frozenset({(11).to_bytes(12, "big")}), suppressions=((15, 18),))
    asked = apply_leaf._wanted(work(20, 2), leaf, outcome)
    assert [one.received_at for one in asked] == [10, 12, 13, 14, 18, 19]
    assert outcome.counts == {"erased": 20, "suppressed": 6}
