"""Segment's Profile API (P-01 to P-06), as tools that know it ask: Basic with the token as user, ids with a colon, cursors by `next`."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from cdp_core import clock
from cdp_core.domain.times import iso
from tests.double import StrictAws
from tests.support.product import (
    ADMIN_KEY,
    SECRET_KEY,
    WRITE_KEY,
    Context,
    basic,
    batch,
    drain_all,
    function,
    request,
    seed_keys,
)

SPACE = "/v1/spaces/lgJ4AAjFN4/collections"
ANN = f"{SPACE}/users/profiles/user_id:ann"


@pytest.fixture(autouse=True)
def _keys(aws: StrictAws) -> None:
    seed_keys()


def ask(path: str, *, method: str = "GET", body: Any = None, key: str = ADMIN_KEY) -> tuple[int, Any, dict[str, str]]:
    """A request with Basic authorization; status, decoded answer, headers."""
    data = "" if body is None else json.dumps(body)
    answer = function("profiles_api").handler(request(method, path, data, authorization=basic(key)), Context())
    return answer["statusCode"], json.loads(answer["body"]), answer["headers"]


def get(path: str) -> Any:
    """The answer to a request that succeeds."""
    status, answer, headers = ask(path)
    assert status == 200, answer
    assert headers["Request-Id"]
    return answer


def fill() -> None:
    """Ann with two identifiers, an account and some events of the last days, and one of long ago."""
    now = clock.now_ms()
    at = {number: {"timestamp": iso(now - number * 3_600_000)} for number in range(1, 6)}
    events = [
        {"type": "page", "messageId": "p", "anonymousId": "c", "properties": {"url": "https://x.example/"}, **at[5]},
        {"type": "track", "event": "Order Completed", "messageId": "o", "userId": "ann", "properties": {"total": 7}, **at[3]},
        {"type": "track", "event": "Song Played", "messageId": "s", "userId": "ann", **at[2]},
        {"type": "track", "event": "Ancient", "messageId": "old", "userId": "ann", "timestamp": iso(now - 20 * 86_400_000)},
        {"type": "group", "messageId": "g", "userId": "ann", "groupId": "acme", "traits": {"name": "Acme", "seats": 3}},
        {"type": "identify", "messageId": "i", "userId": "ann", "anonymousId": "c", **at[1],
         "traits": {"email": "Ann@example.com", "firstName": "Ann", "phone": "+420", "plan": "pro"}},
    ]  # fmt: skip
    assert batch(*events, key=SECRET_KEY) == 200
    drain_all()


@pytest.mark.parametrize(
    "name",
    [
        "user_id:ann",
        "user_id%3Aann",
        "USER_ID:ann",
        "anonymous_id:c",
        "email:ann@example.com",
        "email:Ann%40Example.com",
    ],
)
def test_p_01_any_external_id_finds_the_survivor(name: str) -> None:
    fill()
    path = f"{SPACE}/users/profiles/{name}/traits"
    if name.startswith("USER_ID"):
        assert ask(path)[0] == 404
        return
    assert get(path)["traits"] == {"email": "Ann@example.com", "firstName": "Ann", "phone": "+420", "plan": "pro"}


def test_p_01_values_are_found_in_small_letters_too() -> None:
    """Lookups there are lower-cased; an id that is in capitals here is found as it is."""
    batch({"type": "identify", "messageId": "1", "userId": "BEN", "traits": {"x": 1}}, key=SECRET_KEY)
    batch({"type": "identify", "messageId": "2", "userId": "cid", "traits": {"x": 2}}, key=SECRET_KEY)
    drain_all()
    found = [get(f"{SPACE}/users/profiles/user_id:{one}/traits")["traits"]["x"] for one in ("BEN", "CID", "cid")]
    assert found == [1, 2, 2]


def test_p_01_include_limit_next_and_verbose() -> None:
    fill()
    assert get(f"{ANN}/traits?include=plan,firstName")["traits"] == {"firstName": "Ann", "plan": "pro"}
    seen: dict[str, Any] = {}
    after = ""
    while True:
        part = get(f"{ANN}/traits?limit=1{after}")
        seen |= part["traits"]
        assert part["cursor"]["limit"] == 1
        if not part["cursor"]["has_more"]:
            break
        after = f"&next={quote(part['cursor']['next'])}"
    assert len(seen) == 4
    verbose = get(f"{ANN}/traits?verbose=true&include=plan")["traits"]["plan"]
    assert (verbose["value"], verbose["source_id"]) == ("pro", "server")
    assert verbose["updated_at"].endswith("Z")
    assert get(f"{ANN}/traits?class=audience")["traits"] == {}
    assert ask(f"{ANN}/traits?limit=201")[0] == 400
    assert len(get(f"{ANN}/traits?limit=200")["traits"]) == 4


def test_p_01_an_accounts_traits() -> None:
    fill()
    assert get(f"{SPACE}/accounts/profiles/group_id:acme/traits")["traits"] == {"name": "Acme", "seats": 3}


def test_p_02_external_ids() -> None:
    fill()
    found = get(f"{ANN}/external_ids")["data"]
    assert {(one["type"], one["id"]) for one in found} == {
        ("user_id", "ann"),
        ("anonymous_id", "c"),
        ("email", "Ann@example.com"),
    }
    assert {(one["collection"], one["encoding"]) for one in found} == {("users", "none")}
    assert next(one["first_message_id"] for one in found if one["type"] == "anonymous_id") == "i"
    assert [one["id"] for one in get(f"{ANN}/external_ids?include=anonymous_id")["data"]] == ["c"]
    first = get(f"{ANN}/external_ids?limit=2")
    rest = get(f"{ANN}/external_ids?limit=2&next={quote(first['cursor']['next'])}")
    assert (len(first["data"]), len(rest["data"]), rest["cursor"]["has_more"]) == (2, 1, False)


def test_an_unknown_profile_or_account_is_not_found_whatever_is_asked_of_it() -> None:
    for path in ("traits", "traits?class=audience", "external_ids", "events", "metadata", "links"):
        for name in ("users/profiles/user_id:nobody", "accounts/profiles/group_id:nobody"):
            assert ask(f"{SPACE}/{name}/{path}")[0] == 404, (name, path)
    fill()
    assert [one["id"] for one in get(f"{SPACE}/accounts/profiles/group_id:acme/external_ids")["data"]] == ["acme"]


def test_p_03_events_of_the_last_14_days_newest_first() -> None:
    fill()
    found = get(f"{ANN}/events")["data"]
    assert [one["message_id"] for one in found] == ["s", "o", "p"]
    assert [one["type"] for one in found] == ["track", "track", "page"]
    assert (found[1]["event"], found[1]["properties"], found[1]["source_id"]) == (
        "Order Completed",
        {"total": 7},
        "server",
    )
    assert found[1]["external_ids"] == get(f"{ANN}/external_ids")["data"]
    assert [one["message_id"] for one in get(f"{ANN}/events?sort=asc")["data"]] == ["p", "o", "s"]


def test_p_03_include_exclude_start_end_and_next() -> None:
    fill()
    assert [one["message_id"] for one in get(f"{ANN}/events?include=Order%20Completed")["data"]] == ["o"]
    assert [one["message_id"] for one in get(f"{ANN}/events?exclude=Order%20Completed,Song%20Played")["data"]] == ["p"]
    start = iso(clock.now_ms() - 4 * 3_600_000)
    assert [one["message_id"] for one in get(f"{ANN}/events?start={start}")["data"]] == ["s", "o"]
    assert [one["message_id"] for one in get(f"{ANN}/events?end={start}")["data"]] == ["p"]
    first = get(f"{ANN}/events?limit=2")
    rest = get(f"{ANN}/events?limit=2&next={quote(first['cursor']['next'])}")
    assert [one["message_id"] for one in first["data"] + rest["data"]] == ["s", "o", "p"]
    assert get(f"{SPACE}/accounts/profiles/group_id:acme/events")["data"] == []


def test_p_04_metadata() -> None:
    fill()
    shown = get(f"{ANN}/metadata?verbose=true")["metadata"]
    assert (shown["first_message_id"], shown["last_message_id"], shown["expires_at"]) == ("old", "s", None)
    assert (shown["first_source_id"], shown["last_source_id"]) == ("server", "server")
    assert get(f"{SPACE}/accounts/profiles/group_id:acme/metadata")["metadata"]["first_message_id"] == "g"


def test_p_05_links_from_both_sides() -> None:
    fill()
    (link,) = get(f"{ANN}/links")["data"]
    assert link["to_collection"] == "accounts"
    assert [(one["id"], one["type"]) for one in link["external_ids"]] == [("acme", "group_id")]
    (back,) = get(f"{SPACE}/accounts/profiles/group_id:acme/links")["data"]
    assert back["to_collection"] == "users"
    assert ask(f"{ANN}/links?limit=21")[0] == 400


def delete(*ids: tuple[str, str], name: str = "user_id:ann") -> tuple[int, str]:
    """The status and the error code of a removal of external ids (type, id)."""
    body = {"delete_external_ids": [{"type": kind, "id": value} for kind, value in ids]}
    status, answer, _ = ask(f"{SPACE}/users/profiles/{name}/external_ids/delete", method="POST", body=body)
    return status, answer.get("error", {}).get("code", "")


def test_p_06_a_removed_external_id_is_a_profile_of_its_own_again() -> None:
    fill()
    assert delete(("anonymous_id", "c")) == (200, "")
    assert {one["id"] for one in get(f"{ANN}/external_ids")["data"]} == {"ann", "Ann@example.com"}
    assert get(f"{SPACE}/users/profiles/anonymous_id:c/external_ids")["data"][0]["id"] == "c"


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ([("user_id", "ann")], (400, "bad_request")),
        ([("email", "ann@example.com")], (400, "unsupported_eid_type")),
        ([("ios.idfa", "x")], (400, "unsupported_eid_type")),
        ([("anonymous_id", "none")], (404, "eid_not_found")),
        ([("anonymous_id", "c"), ("anonymous_id", "none")], (404, "eid_not_found")),
        ([], (400, "invalid_request_error")),
    ],
)
def test_p_06_what_cannot_be_removed_says_why_and_nothing_has_changed(
    ids: list[tuple[str, str]], expected: Any
) -> None:
    fill()
    assert delete(*ids) == expected
    assert len(get(f"{ANN}/external_ids")["data"]) == 3


def test_errors_have_the_codes_that_these_tools_know() -> None:
    fill()
    status, answer, headers = ask(f"{SPACE}/users/profiles/user_id:nobody/traits")
    assert (status, answer) == (404, {"error": {"code": "not_found", "message": "Profile was not found."}})
    assert headers["Request-Id"]
    for key in (WRITE_KEY, "wrong", ""):
        status, answer, headers = ask(f"{ANN}/traits", key=key)
        assert (status, answer["error"]["code"]) == (401, "authentication_error")
        assert headers["Request-Id"]
    for path in (
        f"{ANN}/traits?limit=0",
        f"{ANN}/events?start=soon",
        f"{SPACE}/pets/profiles/user_id:ann/traits",
        f"{ANN}/traits?next=x",
    ):
        status, answer, _ = ask(path)
        assert (status, answer["error"]["code"]) == (400, "invalid_request_error"), path
    for name in ("phone:1", "ann", "cross_domain_id:x", "email:"):
        assert ask(f"{SPACE}/users/profiles/{name}/traits")[1]["error"]["message"] == "Profile was not found."


def test_an_erased_person_was_not_found() -> None:
    fill()
    ask("/profiles/user_id%3Aann", method="DELETE")
    assert ask(f"{ANN}/traits")[0] == 404
