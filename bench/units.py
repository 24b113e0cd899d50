"""Prints the units that the flush writes and reads an event, metered by true item size on the strict double.

    PYTHONPATH=layers/cdp_core:. python bench/units.py

Existing leaves, unchanged details, rows of at most 1 KB; the budget is design section 11. Then the hot items of an ordinary visitor.
"""

import sys
from collections import Counter
from collections.abc import Iterable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any
from unittest import mock

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "layers" / "cdp_core")]

from bench.textbook.contender import Sink  # noqa: E402
from cdp_core import clock  # noqa: E402
from cdp_core.tables import leaves  # noqa: E402
from tests.double import StrictAws, strict_aws  # noqa: E402
from tests.double.memory import Memory  # noqa: E402
from tests.double.sizes import item_size  # noqa: E402
from tests.support.product import batch, drain_all, leaf_of, seed_keys  # noqa: E402

LEAVES = 20
START = 1_800_000_000_000
USER, VISITOR = "9c1f0d5e-7b7a-4c55-8f0e-2f6f8f1f8f10", "5f0d9a52-4f0e-4a8e-9a52-0000deadbeef"
NAMES = ["Product Viewed", "Cart Viewed", "Article Read", "Video Played", "Newsletter Subscribed"]
REQUESTS = 40
BUDGET = {5: 1.25, 1: 2.05}


def page(leaf: int, number: int, *, minute: int) -> dict[str, Any]:
    """A page visit as Segment's Python SDK sends one."""
    return {
        "type": "page",
        "messageId": f"8d3f0c1e-5a52-4f0e-9a8e-{leaf:04d}{minute:04d}{number:04d}",
        "timestamp": f"2026-01-02T03:{minute:02d}:{number:02d}.000+00:00",
        "userId": f"user-{leaf}",
        "name": "Pricing",
        "properties": {"url": "https://example.com/pricing", "title": "Pricing", "referrer": "https://example.com/"},
        "context": {"library": {"name": "analytics-python", "version": "2.4.0"}},
    }


def measure(events_a_leaf: int) -> tuple[StrictAws, int]:
    """One flush of LEAVES known people with so many events each; the meter, and how many events it flushed."""
    with strict_aws() as aws, redirect_stdout(Sink()):
        seed_keys()
        batch(*(page(leaf, 0, minute=0) for leaf in range(LEAVES)))
        drain_all()
        batch(*(page(leaf, number, minute=1) for leaf in range(LEAVES) for number in range(events_a_leaf)))
        aws.reset()
        counts: Counter[str] = drain_all()
        assert counts["activities"] == LEAVES * events_a_leaf
        return aws, counts["activities"]


def session(requests: Iterable[int], *, seconds_apart: int) -> None:
    """An ordinary visitor's requests, each in a flush of its own; they sign in with the tenth. The keys are seeded already."""
    for n in requests:
        with mock.patch.object(clock, "now_ms", return_value=START + 1000 * seconds_apart * n):
            batch(*said(n))
            drain_all()


def said(n: int) -> list[dict[str, Any]]:
    """What one request of a session says: before the sign-in as a visitor, from then on as a user."""
    ids = {"anonymousId": VISITOR} if n < 10 else {"anonymousId": VISITOR, "userId": USER}
    traits = {"name": "Wilhelmina Featherstone", "email": "w@example.com"}
    details = {"type": "identify", "messageId": f"i{n}", "traits": traits}
    page_ = {"type": "page", "messageId": f"p{n}", "name": "Pricing"}
    track = {"type": "track", "messageId": f"t{n}", "event": NAMES[n % len(NAMES)]}
    return [one | ids for one in ([details, page_, track] if n == 10 else [page_, track])]


def hot_size(aws: StrictAws, kind: str, value: str) -> int:
    """Bytes of an identifier's hot item, as DynamoDB counts them."""
    key = leaf_of(kind, value), leaves.HOT
    (item,) = [one for one in aws.items("profiles") if (one["pk"]["S"], one["sk"]["S"]) == key]
    return item_size(item)


def main() -> None:
    """Prints a line for each number of events a leaf; ends with 1 if a budget is exceeded."""
    print(f"{'events a leaf':>13} {'write units/event':>18} {'budget':>7} {'read units/event':>17}  by operation")
    over = False
    for events_a_leaf in (1, 5, 25):
        aws, events = measure(events_a_leaf)
        writes, reads = aws.write_units.total() / events, aws.read_units.total() / events
        budget = BUDGET.get(events_a_leaf)
        over |= budget is not None and writes > budget
        operations = ", ".join(f"{name} {units:g}" for name, units in sorted((+aws.write_units).items()))
        print(f"{events_a_leaf:>13} {writes:>18.3f} {budget or '-':>7} {reads:>17.3f}  {operations}")
    with strict_aws(memory=Memory()) as aws, redirect_stdout(Sink()):
        seed_keys()
        session(range(REQUESTS), seconds_apart=20)
        user, visitor = hot_size(aws, "user_id", USER), hot_size(aws, "anonymous_id", VISITOR)
    print(f"hot items after a session of {REQUESTS} requests: user {user} bytes, visitor {visitor}; one unit is 1024")
    sys.exit(over)


if __name__ == "__main__":
    main()
