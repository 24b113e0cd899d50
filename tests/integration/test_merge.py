"""Merges by an admin: even of two known users; seen before, written in one transaction, taken back exactly."""

import json
from typing import Any

import pytest

from cdp_core.domain import links
from cdp_core.usecases import merge
from tests.double import Fault, Plan, StrictAws
from tests.support.product import (
    ADMIN_KEY,
    SECRET_KEY,
    Context,
    batch,
    drain_all,
    function,
    request,
    seed_keys,
    user,
)

ANN, BEN = "user_id%3Aann", "user_id%3Aben"


@pytest.fixture(autouse=True)
def _keys(aws: StrictAws) -> None:
    seed_keys()


def call(method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """An admin's request; status and decoded answer."""
    data = "" if body is None else json.dumps(body)
    event = request(method, path, data, authorization=f"Bearer {ADMIN_KEY}")
    answer = function("profiles_api").handler(event, Context())
    return answer["statusCode"], json.loads(answer["body"])


def say(*events: dict[str, Any]) -> None:
    """Sends events and lets a flush pass."""
    assert batch(*events, key=SECRET_KEY) == 200
    drain_all()


def page(message_id: str, **ids: str) -> dict[str, Any]:
    """A page visit."""
    return {"type": "page", "messageId": message_id, **ids}


def told(message_id: str, user_id: str, day: int, **traits: Any) -> dict[str, Any]:
    """What a user told on a day of January."""
    event = {"type": "identify", "messageId": message_id, "userId": user_id, "traits": traits}
    return event | {"timestamp": f"2026-01-{day:02d}T00:00:00Z"}


def fill() -> None:
    """Two known users with a visit each, who tell different things; Ben has a device."""
    say(page("a", userId="ann"), page("b", userId="ben"), page("c", userId="ben", anonymousId="phone"))
    say(
        told("ta", "ann", 2, email="ann@example.com", plan="free"),
        told("tb", "ben", 3, email="ben@example.com", city="Brno"),
    )


def seen() -> list[Any]:
    """What people see of both, by name and in the list."""
    paths = [f"/profiles/{one}{part}" for one in (ANN, BEN) for part in ("", "/activities", "/overview")]
    return [call("GET", path) for path in [*paths, "/profiles?verification=all", "/profiles?verification=all&q=ann"]]


def test_a_preview_says_what_would_be_and_writes_nothing(aws: StrictAws) -> None:
    fill()
    before = aws.items("profiles")
    status, shown = call("POST", f"/profiles/{ANN}/merge?dry_run=true", {"with": "user_id:ben"})
    assert (status, shown["dry_run"], shown["warnings"]) == (200, True, ["two_known_users"])
    assert shown["profile"]["activity_counts"]["total"] == 3
    assert shown["profile"]["contact"] == {"email": "ben@example.com", "city": "Brno", "custom": {"plan": "free"}}
    assert shown["conflicts"] == [{"field": "email", "kept": "ben@example.com", "dropped": "ann@example.com"}]
    assert len(shown["profile"]["identities"]) == 3
    assert aws.items("profiles") == before


def test_a_merge_is_what_its_preview_said_and_its_repeat_is_no_change(aws: StrictAws) -> None:
    fill()
    promised = call("POST", f"/profiles/{ANN}/merge?dry_run=true", {"with": "user_id:ben"})[1]
    status, merged = call("POST", f"/profiles/{ANN}/merge", {"with": "user_id:ben", "reason": "same customer number"})
    assert (status, merged) == (200, promised | {"dry_run": False})
    assert call("GET", f"/profiles/{BEN}")[1] == call("GET", f"/profiles/{ANN}")[1] == promised["profile"]
    assert len(call("GET", f"/profiles/{BEN}/activities")[1]["items"]) == 3
    assert len(call("GET", "/profiles?verification=all")[1]["items"]) == 1
    before = aws.items("profiles")
    for path, other in ((ANN, "user_id:ben"), (BEN, "user_id:ann"), (ANN, "anonymous_id:phone")):
        status, again = call("POST", f"/profiles/{path}/merge", {"with": other})
        assert (status, again["profile_id"]) == (200, merged["profile_id"])
        assert again["merged_id"] != again["profile_id"]
    assert aws.items("profiles") == before


def test_the_history_says_who_merged_and_why() -> None:
    fill()
    call("POST", f"/profiles/{ANN}/merge", {"with": "user_id:ben", "reason": "same customer number"})
    items = call("GET", f"/profiles/{ANN}/merges")[1]["items"]
    by_identifier = {one["identifier"]: (one["by"], one["reason"]) for one in items}
    assert by_identifier["anonymous_id:phone"] == (None, None)
    assert ("key:first", "same customer number") in by_identifier.values()
    assert len(items) == 2


def test_a_merge_is_taken_back_exactly_and_events_do_not_bring_it_back() -> None:
    """Both are what they would have been, and both are listed again."""
    fill()
    before = seen()
    merged = call("POST", f"/profiles/{ANN}/merge", {"with": "user_id:ben"})[1]
    assert call("DELETE", f"/profiles/{merged['profile_id']}/merges/{merged['merged_id']}")[0] == 200
    assert seen() == before
    say(page("later", userId="ben", anonymousId="phone"))
    assert call("GET", f"/profiles/{ANN}")[1]["activity_counts"]["total"] == 1
    assert call("POST", f"/profiles/{ANN}/merge", {"with": "user_id:ben"})[0] == 200, "an admin may think again"
    assert call("GET", f"/profiles/{ANN}")[1]["activity_counts"]["total"] == 4


@pytest.mark.parametrize(("one", "other"), [(ANN, BEN), (BEN, ANN)])
def test_a_merge_is_taken_back_whichever_of_the_two_is_named_first(one: str, other: str) -> None:
    """Which id stayed is nothing that an admin chose. A repeat is no change either way."""
    fill()
    before = seen()
    call("POST", f"/profiles/{ANN}/merge", {"with": "user_id:ben"})
    assert call("DELETE", f"/profiles/{one}/merges/{other}")[0] == 200
    assert seen() == before
    assert [
        call("DELETE", f"/profiles/{first}/merges/{second}")[0] for first, second in ((one, other), (other, one))
    ] == [200, 200]


def test_events_after_a_merge_count_where_they_belong() -> None:
    """Of both users, and of a device that joins one of them."""
    fill()
    call("POST", f"/profiles/{ANN}/merge", {"with": "user_id:ben"})
    say(page("x", userId="ann"), page("y", userId="ben"), page("z", userId="ann", anonymousId="tablet"))
    shown = call("GET", f"/profiles/{BEN}")[1]
    assert shown["activity_counts"]["total"] == 6
    assert len(shown["identities"]) == 4
    assert user("ann").counts["pagevisit"] + user("ben").counts["pagevisit"] == 6


def test_no_event_takes_a_device_from_where_an_admin_put_it() -> None:
    """Even one that was received before the merge and is processed after it: an admin's word stands."""
    say(page("a", userId="ann"), page("v", anonymousId="phone"))
    assert batch(page("b", userId="ben", anonymousId="phone"), key=SECRET_KEY) == 200  # waits on the queue
    assert call("POST", f"/profiles/{ANN}/merge", {"with": "anonymous_id:phone"})[0] == 200
    drain_all()
    assert {one["value"] for one in call("GET", f"/profiles/{ANN}")[1]["identities"]} == {"ann", "phone"}
    assert {one["value"] for one in call("GET", f"/profiles/{BEN}")[1]["identities"]} == {"ben"}


def test_consents_of_both_hold_for_the_one() -> None:
    """A withdrawal of either is not forgotten; an unmerge gives each side its own back."""
    for user_id, agreed in (("ann", True), ("ben", False)):
        decide(user_id, agreed=agreed)
    merged = call("POST", f"/profiles/{ANN}/merge", {"with": "user_id:ben"})[1]
    for name in (ANN, BEN):
        (shown,) = call("GET", f"/profiles/{name}/consents")[1]["items"]
        assert (shown["agreed"], len(shown["history"])) == (False, 2)
    call("DELETE", f"/profiles/{ANN}/merges/{merged['merged_id']}")
    assert {call("GET", f"/profiles/{one}/consents")[1]["items"][0]["agreed"] for one in (ANN, BEN)} == {True, False}


def decide(user_id: str, *, agreed: bool) -> None:
    """A person's decision about the consent `news`, by a server that has the right to speak for them."""
    call("POST", "/consents", {"code_name": "news", "name": "News", "texts": {"en": {"short": "s", "full": "f"}}})
    event = request(
        "POST", f"/Kentico.Tracking/contacts/user_id%3A{user_id}/consents/news", json.dumps({"agree": agreed})
    )
    event["headers"] = {"authorization": f"Bearer {SECRET_KEY}"}
    answer = function("profiles_api").handler(event, Context())
    assert answer["statusCode"] == 200, answer["body"]


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        (ANN, {"with": "user_id:ann"}, 400, "same_profile"),
        (ANN, {"with": "user_id:nobody"}, 404, "not_found"),
        ("user_id%3Anobody", {"with": "user_id:ann"}, 404, "not_found"),
        (ANN, {"with": ""}, 400, "invalid_request"),
        (ANN, {}, 400, "invalid_request"),
        (ANN, {"with": "user_id:ben", "reason": "x" * 201}, 400, "invalid_request"),
        (ANN, {"with": "phone:1"}, 400, "unknown_kind"),
    ],
)
def test_what_cannot_be_merged_is_refused(path: str, body: dict[str, Any], status: int, code: str) -> None:
    fill()
    answer = call("POST", f"/profiles/{path}/merge", body)
    assert (answer[0], answer[1].get("error", {}).get("code")) == (status, code)


def test_more_identifiers_than_one_transaction_erases_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    fill()
    monkeypatch.setattr(merge, "MAX_LEAVES", 2)
    monkeypatch.setattr(links, "MAX_LEAVES", 2)
    status, answer = call("POST", f"/profiles/{ANN}/merge", {"with": "user_id:ben"})
    assert (status, answer["error"]["code"]) == (400, "too_many_identifiers")


def test_an_erasure_of_a_merged_profile_takes_both_and_the_history(
    aws: StrictAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill()
    call("POST", f"/profiles/{ANN}/merge", {"with": "user_id:ben", "reason": "why"})
    assert call("DELETE", f"/profiles/{BEN}")[0] == 202
    assert [call("GET", f"/profiles/{one}")[0] for one in (ANN, BEN, "anonymous_id%3Aphone")] == [404, 404, 404]
    assert not any("lb" in item for item in aws.items("profiles"))


@pytest.mark.parametrize("kind", ["lost", "server_error"])
def test_a_merge_whose_answer_was_lost_is_there_once_when_it_is_asked_for_again(aws: StrictAws, kind: str) -> None:
    fill()
    call("GET", "/me")
    for nth in range(12):
        aws.reset(Plan((Fault("TransactWriteItems", nth, kind),)))
        status, _ = call("POST", f"/profiles/{ANN}/merge", {"with": "user_id:ben"})
        aws.reset()
        assert status in (200, 503)
        assert call("POST", f"/profiles/{ANN}/merge", {"with": "user_id:ben"})[0] == 200
        assert call("GET", f"/profiles/{BEN}")[1]["activity_counts"]["total"] == 3
        assert len(call("GET", "/profiles?verification=all")[1]["items"]) == 1
        (found,) = [one for one in call("GET", f"/profiles/{ANN}/merges")[1]["items"] if one["by"]]
        call("DELETE", f"/profiles/{ANN}/merges/{found['merged_id']}")
        assert len(call("GET", "/profiles?verification=all")[1]["items"]) == 2


def test_a_merge_writes_next_to_nothing(aws: StrictAws) -> None:
    """Design section 11: at most four item writes for the link, whatever the size; the listing's move is two more."""
    fill()
    call("GET", "/me")
    aws.reset()
    call("POST", f"/profiles/{ANN}/merge", {"with": "user_id:ben"})
    assert aws.calls.count("TransactWriteItems") <= 3
    assert "BatchWriteItem" not in aws.calls
