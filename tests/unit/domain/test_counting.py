"""Each row is counted exactly once (protocol sections 1 to 4)."""

from hypothesis import given
from hypothesis import strategies as st

from cdp_core.domain import counting
from cdp_core.domain.activity import Row
from cdp_core.domain.counting import RING_AGE_MS, RING_SIZE, Claim
from cdp_core.domain.leaf import Leaf

LEAF = Leaf(id="u" + "0" * 32)


def key(millis: int, salt: int = 0) -> bytes:
    """An envelope key made at this time."""
    return millis.to_bytes(6, "big") + salt.to_bytes(6, "big")


def row(time: int, envelope: bytes, type_: str = "pagevisit") -> Row:
    """A row of this envelope."""
    return Row(time=time, message_id=f"m{time}", type=type_, envelope=envelope)


def claim(envelope: bytes, *times: int, fresh: bool = True) -> Claim:
    """What an envelope owns."""
    return Claim(key=envelope, received_at=1, rows=tuple(row(time, envelope) for time in times), fresh=fresh)


def test_an_envelope_in_the_ring_is_counted_and_is_not_counted_again() -> None:
    """Redelivery changes nothing."""
    leaf = counting.add_counts(counting.remember(LEAF, [claim(key(5), 1, 2)]), claim(key(5), 1, 2).rows)
    assert leaf.counts == {"pagevisit": 2}
    assert counting.uncounted(leaf, [claim(key(5), 1, 2)]) == []


def test_an_envelope_without_rows_of_its_own_needs_no_place_in_the_ring() -> None:
    """Pure repeats cost no write."""
    assert counting.uncounted(LEAF, [claim(key(5))]) == []


def test_only_a_first_try_with_fresh_rows_may_count_below_the_horizon() -> None:
    """Protocol: nofresh and freshreload are the two ways to count twice here."""
    leaf = LEAF._replace(horizon=key(9))
    assert not counting.in_doubt(leaf, [claim(key(5), 1)], first_try=True)
    assert counting.in_doubt(leaf, [claim(key(5), 1)], first_try=False)
    assert counting.in_doubt(leaf, [claim(key(5), 1, fresh=False)], first_try=True)
    assert not counting.in_doubt(leaf, [claim(key(10), 1, fresh=False)], first_try=False)


def test_a_recount_counts_the_ring_and_everything_at_or_below_the_horizon_and_nothing_else() -> None:
    """Rows above the horizon whose envelope is not in the ring are somebody's who has not finished."""
    leaf = LEAF._replace(counts={"pagevisit": 99}, ring=frozenset({key(20)}), horizon=key(10))
    rows = [row(1, key(10)), row(2, key(20)), row(3, key(15)), row(4, key(9), "click")]
    assert counting.recount(leaf, rows).counts == {"pagevisit": 2, "click": 1}


def test_an_envelope_evicted_by_its_own_arrival_raises_the_horizon() -> None:
    """Protocol: selfevict. It must be remembered as at or below the horizon."""
    ring = frozenset(key(100 + n) for n in range(RING_SIZE))
    kept, horizon = counting.evict(ring | {key(1)}, bytes(12))
    assert key(1) not in kept
    assert horizon == key(1)


def test_keys_much_older_than_the_newest_are_evicted() -> None:
    """A quiet person's item stays small."""
    old, new = key(1_000), key(1_000 + RING_AGE_MS + 1)
    assert counting.evict(frozenset({old, new}), bytes(12)) == (frozenset({new}), old)


@given(st.frozensets(st.integers(1, 10**9), max_size=80), st.integers(0, 10**9))
def test_every_key_is_in_the_ring_or_at_or_below_the_horizon(millis: frozenset[int], below: int) -> None:
    """Nothing is forgotten, whatever is evicted; the ring is bounded; the horizon never falls."""
    keys = frozenset(key(one) for one in millis)
    ring, horizon = counting.evict(keys, key(below))
    assert all(one in ring or one <= horizon for one in keys)
    assert len(ring) <= RING_SIZE
    assert horizon >= key(below)


@given(st.permutations(range(6)))
def test_counters_and_times_do_not_depend_on_the_order_of_envelopes(order: list[int]) -> None:
    """F8, F9: late events do not disturb first and last seen."""
    leaf = LEAF
    for one in order:
        leaf = counting.add_counts(leaf, claim(key(one + 1), 100 - one, 200 + one).rows)
    assert (leaf.counts, leaf.first_seen, leaf.last_seen) == ({"pagevisit": 12}, 95, 205)
