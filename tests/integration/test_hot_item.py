"""What an ordinary visitor costs: a hot item below one write unit (design section 3), and the budgets of section 11."""

from typing import Any

import pytest

from bench import units
from cdp_core import clock
from cdp_core.domain import counting
from cdp_core.tables import leaves
from tests.double import StrictAws, strict_aws
from tests.double.memory import Memory
from tests.double.sizes import item_size
from tests.support.product import batch, drain_all, leaf_of, seed_keys, user, visitor

START = 1_800_000_000_000
USER, VISITOR = "9c1f0d5e-7b7a-4c55-8f0e-2f6f8f1f8f10", "5f0d9a52-4f0e-4a8e-9a52-0000deadbeef"
NAMES = ["Product Viewed", "Cart Viewed", "Article Read", "Video Played", "Newsletter Subscribed"]


def hot_item(aws: StrictAws, kind: str, value: str) -> dict[str, Any]:
    """The stored hot item of an identifier."""
    key = leaf_of(kind, value), leaves.HOT
    (item,) = [one for one in aws.items("profiles") if (one["pk"]["S"], one["sk"]["S"]) == key]
    return item


def said(n: int) -> list[dict[str, Any]]:
    """What one request of the session says: before the sign-in as a visitor, from then on as a user."""
    ids = {"anonymousId": VISITOR} if n < 10 else {"anonymousId": VISITOR, "userId": USER}
    details = {
        "type": "identify",
        "messageId": f"i{n}",
        "traits": {"name": "Wilhelmina Featherstone", "email": "w@example.com"},
    }
    page = {"type": "page", "messageId": f"p{n}", "name": "Pricing"}
    track = {"type": "track", "messageId": f"t{n}", "event": NAMES[n % len(NAMES)]}
    return [one | ids for one in ([details, page, track] if n == 10 else [page, track])]


def test_the_hot_items_of_an_ordinary_session_stay_below_one_write_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    """40 requests in 13 minutes, each in a flush of its own, of six types, with a sign-in: the ring is as full as it gets."""
    with strict_aws(memory=Memory()) as aws:
        seed_keys()
        for n in range(40):
            monkeypatch.setattr(clock, "now_ms", lambda now=START + 20_000 * n: now)
            batch(*said(n))
            drain_all()
        assert len(user(USER).ring) == 30
        assert len(user(USER).counts) == len(visitor(VISITOR).counts) == 6
        assert visitor(VISITOR).parent == user(USER).id
        assert item_size(hot_item(aws, "user_id", USER)) <= 1024
        assert item_size(hot_item(aws, "anonymous_id", VISITOR)) <= 1024


def test_a_full_ring_of_a_session_still_leaves_room_for_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """More requests in 15 minutes than the ring holds: it never grows beyond, and neither does the item."""
    with strict_aws(memory=Memory()) as aws:
        seed_keys()
        for n in range(10, 10 + 2 * counting.RING_SIZE):
            monkeypatch.setattr(clock, "now_ms", lambda now=START + 10_000 * n: now)
            batch(*said(n))
            drain_all()
        assert len(user(USER).ring) == counting.RING_SIZE
        assert item_size(hot_item(aws, "user_id", USER)) <= 1024


@pytest.mark.parametrize(("events_a_leaf", "budget"), [(1, 2.05), (5, 1.25)])
def test_the_flush_writes_no_more_units_an_event_than_its_budget(events_a_leaf: int, budget: float) -> None:
    """Design section 11: known people, unchanged details, rows of at most 1 KB."""
    aws, events = units.measure(events_a_leaf)
    assert aws.write_units.total() / events <= budget
