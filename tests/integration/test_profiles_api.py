"""The profiles API on the strict double: look-up, listing, timeline, erasure, access."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from tests.double import StrictAws
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
    user,
)

TIME = "2026-01-02T03:04:05.678Z"


@pytest.fixture(autouse=True)
def _keys(aws: StrictAws) -> None:
    seed_keys()


def call(method: str, path: str, body: Any = None, *, key: str = ADMIN_KEY) -> tuple[int, Any]:
    """Asks the API; status and decoded answer."""
    headers = {"authorization": f"Bearer {key}", "content_type": "application/json"}
    event = request(method, path, json.dumps(body) if body is not None else "", **headers)
    answer = function("profiles_api").handler(event, Context())
    return answer["statusCode"], json.loads(answer["body"])


def page(message_id: str, *, second: int = 0, **ids: str) -> dict[str, Any]:
    """A page event."""
    return {"type": "page", "messageId": message_id, "timestamp": f"2026-01-02T03:04:{second:02d}.000Z", **ids}


def identify(user_id: str, **traits: Any) -> dict[str, Any]:
    """An identify event."""
    return {"type": "identify", "messageId": f"i-{user_id}", "timestamp": TIME, "userId": user_id, "traits": traits}


def test_a_profile_is_found_by_its_id_by_user_id_by_merged_id_and_by_address() -> None:
    """Design section 8."""
    batch(identify("42", email="Ann@Example.com") | {"anonymousId": "anon"}, page("p1", anonymousId="anon"))
    drain_all()
    status, profile = call("GET", "/profiles/user_id%3A42")
    assert status == 200
    assert profile["contact"] == {"email": "Ann@Example.com"}
    assert profile["display_name"] == f"Anonymous - {profile['profile_id']}"
    assert profile["activity_counts"] == {"total": 1, "by_type": {"pagevisit": 1}}
    assert {(one["kind"], one["value"]) for one in profile["identities"]} == {
        ("user_id", "42"),
        ("anonymous_id", "anon"),
    }
    for other in (
        profile["profile_id"],
        profile["merged_ids"][0],
        "anonymous_id%3Aanon",
        quote("email:ann@example.com"),
    ):
        assert call("GET", f"/profiles/{other}") == (200, profile)
    assert call("POST", "/profiles/lookup", {"kind": "email", "value": "ann@example.com"}) == (200, profile)


def test_an_address_that_two_profiles_hold_is_ambiguous_and_both_are_named() -> None:
    """409 with profile_ids."""
    batch(identify("1", email="a@b.c"), identify("2", email="a@b.c"))
    drain_all()
    status, answer = call("GET", "/profiles/email%3Aa%40b.c")
    assert status == 409
    assert sorted(answer["error"]["profile_ids"]) == sorted([user("1").id, user("2").id])


def test_numbers_read_back_exactly_as_they_were_sent() -> None:
    """Numbers round-trip, big and tiny."""
    numbers = "[0.1000000000000000055511151231257827,123456789012345678901234567890,1.0,1e-300]"
    body = f'{{"messageId":"t1","timestamp":"{TIME}","userId":"42","event":"N","properties":{{"n":{numbers}}}}}'
    from tests.support.product import track

    assert track("/v1/track", body.encode())[0] == 200
    drain_all()
    answer = function("profiles_api").handler(
        request("GET", "/profiles/user_id%3A42/activities", authorization=f"Bearer {ADMIN_KEY}"), Context()
    )
    assert "0.1000000000000000055511151231257827,123456789012345678901234567890,1.0,1E-300" in answer["body"]


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_the_timeline_pages_through_all_leaves_in_time_order_without_loss_or_repeats(order: str) -> None:
    """Every page goes on exactly behind the one before."""
    batch(*(page(f"a{n}", second=2 * n, anonymousId="anon") for n in range(5)))
    batch(*(page(f"u{n}", second=2 * n + 1, userId="42") for n in range(5)), identify("42") | {"anonymousId": "anon"})
    drain_all()
    path = f"/profiles/user_id%3A42/activities?limit=3&order={order}"
    seen, cursor = [], ""
    while True:
        _, answer = call("GET", path + (f"&cursor={cursor}" if cursor else ""))
        seen += [one["message_id"] for one in answer["items"]]
        cursor = answer["cursor"]
        if cursor is None:
            break
    expected = [name for n in range(5) for name in (f"a{n}", f"u{n}")]
    assert seen == (expected if order == "asc" else expected[::-1])


def test_activities_are_filtered_by_type_and_time() -> None:
    """`since` is included, `until` is not."""
    track = {"type": "track", "messageId": "t", "timestamp": TIME, "userId": "42", "event": "Song Played"}
    batch(*(page(f"p{n}", second=n, userId="42") for n in range(4)), track)
    drain_all()
    path = "/profiles/user_id%3A42/activities"
    by_type = call("GET", path + "?type=song_played")[1]["items"]
    by_time = call("GET", path + "?since=2026-01-02T03:04:01Z&until=2026-01-02T03:04:03Z")[1]["items"]
    assert [one["message_id"] for one in by_type] == ["t"]
    assert [one["message_id"] for one in by_time] == ["p2", "p1"]


def test_the_list_shows_anonymous_profiles_only_when_asked_and_members_by_default() -> None:
    """The default filter is verified."""
    registration = {
        "type": "track",
        "messageId": "r",
        "timestamp": TIME,
        "userId": "member",
        "event": "memberregistration",
    }
    batch(page("p1", anonymousId="anon"))
    batch(registration, identify("member", email="m@b.c"), key=SECRET_KEY)
    drain_all()
    shown = {which: [one["display_name"] for one in call("GET", f"/profiles?verification={which}")[1]["items"]]
             for which in ("verified", "anonymous", "all")}  # fmt: skip
    assert shown["verified"] == ["m@b.c"]
    assert len(shown["anonymous"]) == 1
    assert len(shown["all"]) == 2


def test_a_public_key_cannot_verify_anybody() -> None:
    """Authority comes with a secret key only."""
    batch({"type": "track", "messageId": "r", "timestamp": TIME, "userId": "x", "event": "memberregistration"})
    drain_all()
    assert call("GET", "/profiles")[1]["items"] == []


def test_the_list_is_searched_by_prefix_of_name_or_address_and_by_exact_identifier() -> None:
    """`q` finds each profile once."""
    batch(identify("1", name="Ann Lee", email="ann@b.c"), identify("2", name="Bob"), identify("3", email="annabel@b.c"))
    drain_all()

    def found(q: str) -> list[str]:
        items = call("GET", f"/profiles?verification=all&q={quote(q)}")[1]["items"]
        return sorted(identity["value"] for one in items for identity in one["identities"])

    assert found("ANN") == ["1", "3"]
    assert found("bob") == ["2"]
    assert found("2") == ["2"]
    assert found("user_id:3") == ["3"]
    assert found("nobody") == []


def test_a_changed_name_is_found_by_the_new_name_only() -> None:
    """The listing follows the contact."""
    batch(identify("1", name="Ann"))
    drain_all()
    batch({**identify("1", name="Zoe"), "messageId": "i2", "timestamp": "2026-01-03T00:00:00Z"})
    drain_all()
    assert call("GET", "/profiles?verification=all&q=ann")[1]["items"] == []
    assert len(call("GET", "/profiles?verification=all&q=zoe")[1]["items"]) == 1


def test_the_list_pages_without_loss_or_repeats() -> None:
    """Cursors are stable."""
    batch(*(page(f"p{n}", userId=f"u{n}") for n in range(7)))
    drain_all()
    seen, cursor = [], ""
    while cursor is not None:
        _, answer = call("GET", "/profiles?verification=all&limit=3" + (f"&cursor={cursor}" if cursor else ""))
        seen += [one["profile_id"] for one in answer["items"]]
        cursor = answer["cursor"]
    assert len(seen) == len(set(seen)) == 7


@pytest.mark.parametrize("cursor", ["x", "gAAAAABnothing"])
def test_a_cursor_that_is_not_ours_is_refused(cursor: str) -> None:
    """I10."""
    status, answer = call("GET", f"/profiles?cursor={cursor}")
    assert (status, answer["error"]["code"]) == (400, "invalid_cursor")


def test_a_cursor_of_another_query_is_refused() -> None:
    """I10."""
    batch(*(page(f"p{n}", userId=f"u{n}") for n in range(3)))
    drain_all()
    cursor = call("GET", "/profiles?verification=all&limit=1")[1]["cursor"]
    assert call("GET", f"/profiles?verification=anonymous&cursor={cursor}")[0] == 400


@pytest.mark.parametrize(
    ("path", "field"),
    [("/profiles?limit=101", "limit"), ("/profiles?limit=x", "limit"), ("/profiles?verification=maybe", "verification"),
     ("/profiles/user_id%3A42/activities?since=yesterday", "since")],
)  # fmt: skip
def test_a_wrong_parameter_is_named_in_the_error(path: str, field: str) -> None:
    """Errors are for people."""
    batch(page("p", userId="42"))
    drain_all()
    status, answer = call("GET", path)
    assert status == 400
    assert field in answer["error"]["message"]


@pytest.mark.parametrize(
    "path", ["/profiles", "/profiles/user_id%3A42", "/jobs/x", "/nothing", "/channels", "//profiles"]
)
def test_a_write_key_opens_nothing_and_is_answered_like_any_wrong_key(path: str) -> None:
    """S1, invariant 11."""
    answers = {json.dumps(call("GET", path, key=key)) for key in (WRITE_KEY, SECRET_KEY, "random", "")}
    assert len(answers) == 1
    assert call("GET", path, key=WRITE_KEY)[0] == 401


def test_a_channel_and_its_key_are_made_and_the_key_works() -> None:
    """The key is shown once and can track."""
    assert call("POST", "/channels", {"code_name": "shop", "name": "Shop"})[0] == 201
    assert call("POST", "/channels", {"code_name": "shop", "name": "Shop"})[0] == 400
    status, made = call("POST", "/channels/shop/keys", {"secret": False})
    assert status == 201
    assert batch(page("p", userId="42"), key=made["key"]) == 200
    assert call("POST", "/channels/none/keys", {})[0] == 404


def test_the_documentation_is_served_without_foreign_addresses() -> None:
    """/docs works offline."""
    answer = function("profiles_api").handler(request("GET", "/docs", accept="text/html"), Context())
    assert answer["statusCode"] == 200
    assert "swagger" in answer["body"].lower()
    assert 'src="http' not in answer["body"]
