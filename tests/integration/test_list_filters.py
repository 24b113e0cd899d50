"""The list of profiles, filtered: what it shows, and how little it reads."""

import json
from typing import Any

import pytest

from cdp_core import clock
from cdp_core.domain.identity import leaf_id
from cdp_core.tables import dynamo
from tests.double import StrictAws, strict_aws
from tests.double.memory import Memory
from tests.support.product import (
    ADMIN_KEY,
    SECRET_KEY,
    WRITE_KEY,
    Context,
    batch,
    drain_all,
    function,
    request,
    seed_keys,
)

JANUARY = "2026-01-{:02d}T03:04:05.000Z"


@pytest.fixture(autouse=True)
def _keys(aws: StrictAws) -> None:
    seed_keys()


def names(query: str, *, limit: int = 25) -> list[str]:
    """The user ids that a list shows over all its pages."""
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        path = f"/profiles?limit={limit}&{query}{cursor and '&cursor=' + cursor}"
        answer = function("profiles_api").handler(request("GET", path, authorization=f"Bearer {ADMIN_KEY}"), Context())
        assert answer["statusCode"] == 200, answer["body"]
        shown = json.loads(answer["body"])
        found += [one["identities"][0]["value"] for one in shown["items"]]
        cursor = shown["cursor"]
    return found


def call(method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """An admin's request."""
    data = "" if body is None else json.dumps(body)
    event = request(method, path, data, authorization=f"Bearer {ADMIN_KEY}")
    answer = function("profiles_api").handler(event, Context())
    return answer["statusCode"], json.loads(answer["body"])


def page(user: str, day: int) -> dict[str, Any]:
    """A page visit on a day of January."""
    return {"type": "page", "messageId": f"{user}-{day}", "userId": user, "timestamp": JANUARY.format(day)}


def fill() -> None:
    """Ann on the website on the 1st and 5th, Ben on the server on the 3rd, Cid on both on the 9th, who also bought something."""
    batch(page("ann", 1), page("ann", 5), page("cid", 9), key=WRITE_KEY)
    order = {"type": "track", "event": "Order Completed", "userId": "cid", "messageId": "o"}
    batch(page("ben", 3), order | {"timestamp": JANUARY.format(8)}, key=SECRET_KEY)
    drain_all()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["cid", "ann", "ben"]),
        ("channel=website", ["cid", "ann"]),
        ("channel=server", ["cid", "ben"]),
        ("channel=none", []),
        ("activity_type=order_completed", ["cid"]),
        ("activity_type=pagevisit&channel=server", ["cid", "ben"]),
        ("seen_since=2026-01-05", ["cid", "ann"]),
        ("seen_since=2026-01-05T03:04:05Z", ["cid", "ann"]),
        ("seen_since=2026-01-05T03:04:06Z", ["cid"]),
        ("seen_until=2026-01-05T03:04:05Z", ["ben"]),
        ("seen_until=2026-01-05T03:04:06Z", ["ann", "ben"]),
        ("seen_since=2026-01-04&seen_until=2026-01-06", ["ann"]),
        ("seen_since=2026-01-06&seen_until=2026-01-04", []),
        ("created_since=2026-01-01", ["cid", "ann", "ben"]),
        ("created_until=2026-01-01", []),
        ("status=lead", ["ben"]),
        ("status=lead&channel=website", []),
        ("q=ben&channel=website", []),
        ("q=ben&channel=server", ["ben"]),
    ],
)
@pytest.mark.parametrize("limit", [1, 25])
def test_every_filter_shows_exactly_who_fits(query: str, expected: list[str], limit: int) -> None:
    """On one page or many."""
    fill()
    call("POST", "/statuses", {"code_name": "lead", "name": "Lead"})
    assert call("PATCH", "/profiles/user_id%3Aben", {"status": "lead"})[0] == 200
    assert names(f"verification=all&{query}", limit=limit) == expected


def test_a_cursor_is_bound_to_every_filter() -> None:
    fill()
    cursor = call("GET", "/profiles?verification=all&limit=1")[1]["cursor"]
    for other in ("channel=website", "status=x", "seen_since=2026-01-01", "created_until=2099-01-01", "q=a"):
        assert call("GET", f"/profiles?verification=all&limit=1&cursor={cursor}&{other}")[0] == 400


def test_a_time_that_is_none_is_refused_by_name() -> None:
    for name in ("seen_since", "seen_until", "created_since", "created_until"):
        status, answer = call("GET", f"/profiles?{name}=soon")
        assert (status, name in answer["error"]["message"]) == (400, True)


def test_a_merged_person_is_on_the_channels_of_all_identifiers_and_an_erased_one_on_none() -> None:
    batch({"type": "page", "messageId": "p", "anonymousId": "c"}, key=WRITE_KEY)
    batch(page("ann", 1) | {"anonymousId": "c"}, key=SECRET_KEY)
    drain_all()
    assert call("GET", "/profiles/user_id%3Aann")[1]["channels"] == ["server", "website"]
    call("DELETE", "/profiles/user_id%3Aann")
    batch(page("ann", 2), key=SECRET_KEY)
    from tests.support.product import user

    assert user("ann").channels == frozenset()


def test_a_leaf_remembers_a_bounded_number_of_channels_the_same_in_every_order() -> None:
    from cdp_core.domain.leaf import MAX_CHANNELS, with_channels

    many = [f"c{number:03d}" for number in range(50)]
    once = with_channels(frozenset(), many)
    one_by_one: frozenset[str] = frozenset()
    for name in reversed(many):
        one_by_one = with_channels(one_by_one, [name, ""])
    assert once == one_by_one == frozenset(many[:MAX_CHANNELS])


def test_no_page_examines_more_than_a_thousand_however_rare_the_match() -> None:
    """Design section 3: the index is read in steps, and what it finds is confirmed in batches."""
    with strict_aws(memory=Memory()) as aws:
        seed_keys()
        _seed_entries(5_000)
        call("GET", "/me")
        aws.reset()
        status, shown = call("GET", "/profiles?verification=anonymous&channel=none&limit=25")
        assert (status, shown["items"]) == (200, [])
        assert shown["cursor"] is not None
        assert aws.calls.count("BatchGetItem") <= 1_000 // 25 + 1
        assert aws.calls.count("Query") <= 16 + 1_000 // 50 + 1
        aws.reset()
        day = "seen_since=2026-01-10"
        assert call("GET", f"/profiles?verification=anonymous&{day}&limit=100")[0] == 200
        assert sum(aws.read_units.values()) < 350, "the day drives the index"
        aws.reset()
        assert call("GET", "/profiles?verification=anonymous&seen_since=2026-02-01")[1] == {"items": [], "cursor": None}
        assert aws.calls.count("BatchGetItem") == 0


def _seed_entries(count: int) -> None:
    """People with one page visit each, over ten days, put straight into the table."""
    from cdp_core.config import settings
    from cdp_core.domain.identity import Identifier
    from cdp_core.domain.leaf import Leaf
    from cdp_core.domain.listing import Listed
    from cdp_core.secrets import identity_key
    from cdp_core.tables import leaves, listing

    for number in range(count):
        identifier = Identifier("anonymous_id", f"visitor-{number}")
        leaf = leaf_id(identity_key(), identifier)
        day = number % 10 + 1
        at = 1_767_225_600_000 + (day - 1) * 86_400_000
        after = Leaf(
            id=leaf, identifier=str(identifier), counts={"pagevisit": 1}, first_seen=at, last_seen=at, created_at=at
        )
        assert leaves.commit(Leaf(id=leaf), after)
        shown = Listed(day=f"2026-01-{day:02d}", verified=False, name="", email="")
        assert listing.save(leaf, 0, before=listing.load(leaf, 0), shown=shown)
    assert dynamo.get(settings().profiles_table, (leaf, "hot")) is not None
    assert clock.now_ms() > at
