"""What an ordinary visitor costs: a hot item below one write unit (design section 3), and the budgets of section 11."""

import pytest

from bench import units
from bench.units import USER, VISITOR, hot_size, session
from cdp_core.domain import counting
from tests.double import strict_aws
from tests.double.memory import Memory
from tests.support.product import seed_keys, user, visitor


def test_the_hot_items_of_an_ordinary_session_stay_below_one_write_unit() -> None:
    """40 requests in 13 minutes, each in a flush of its own, of six types, with a sign-in: the ring is as full as it gets."""
    with strict_aws(memory=Memory()) as aws:
        seed_keys()
        session(range(40), seconds_apart=20)
        assert len(user(USER).ring) == 30
        assert len(user(USER).counts) == len(visitor(VISITOR).counts) == 6
        assert visitor(VISITOR).parent == user(USER).id
        assert hot_size(aws, "user_id", USER) <= 1024
        assert hot_size(aws, "anonymous_id", VISITOR) <= 1024


def test_a_full_ring_of_a_session_still_leaves_room_for_the_rest() -> None:
    """More requests in 15 minutes than the ring holds: it never grows beyond, and neither does the item."""
    with strict_aws(memory=Memory()) as aws:
        seed_keys()
        session(range(10, 10 + 2 * counting.RING_SIZE), seconds_apart=10)
        assert len(user(USER).ring) == counting.RING_SIZE
        assert hot_size(aws, "user_id", USER) <= 1024


@pytest.mark.parametrize(("events_a_leaf", "budget"), [(1, 2.05), (5, 1.25)])
def test_the_flush_writes_no_more_units_an_event_than_its_budget(events_a_leaf: int, budget: float) -> None:
    """Design section 11: known people, unchanged details, rows of at most 1 KB."""
    aws, events = units.measure(events_a_leaf)
    assert aws.write_units.total() / events <= budget
