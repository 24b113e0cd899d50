"""Suppression: a suppressed person's later events are refused by a named rule, whatever the order, and nobody can tell."""

import json
from typing import Any

import pytest

from cdp_core.config import settings
from cdp_core.domain.erasure import CLOCK_MARGIN_MS
from cdp_core.tables import suppressions
from cdp_core.usecases import apply_leaf
from cdp_core.usecases.check import examine
from tests.double import Fault, Plan, StrictAws
from tests.double.faults import LOST, RAISE_BEFORE, Died
from tests.integration.suppression.asking import DAY, START, WHO, Clock, fill, later, stored
from tests.integration.test_profiles_api import call, identify, page
from tests.support.product import batch, drain_all, track, user, visibility_expires, visitor


@pytest.mark.usefixtures("_keys")
def test_what_was_stored_stays_and_what_comes_later_is_refused_by_name_and_leaves_nothing(aws: StrictAws) -> None:
    """SUPPRESS_ONLY: for the whole profile."""
    fill()
    status, made = call("POST", "/suppressions", WHO)
    assert status == 201
    assert (made["hash"], set(made["hashes"])) == (user("42").id, {user("42").id, visitor("anon").id})
    assert (made["reason"], made["requested_by"], made["erasure"]) == ("request", "key:first", None)
    later()
    before = aws.items("activities")
    batch(page("u2", userId="42"), page("v2", anonymousId="anon"), page("both", userId="42", anonymousId="anon"))
    assert drain_all()["suppressed"] == 3
    assert aws.items("activities") == before
    status, profile = call("GET", "/profiles/user_id%3A42")
    assert (status, profile["activity_counts"]["total"]) == (200, 2)
    assert not examine(user("42").id) | examine(visitor("anon").id)


@pytest.mark.usefixtures("_keys")
def test_an_identifier_that_nobody_has_is_suppressed_and_is_no_profile(aws: StrictAws) -> None:
    """Nothing is stored of it: no contact, no account, no dead letter, no link."""
    assert call("POST", "/suppressions", WHO)[0] == 201
    later()
    batch(
        page("p", userId="42", anonymousId="anon"),
        identify("42", email="a@b.c") | {"anonymousId": "anon"},
        {"type": "group", "messageId": "g", "userId": "42", "groupId": "acme"},
        {"type": "track", "messageId": "bad", "userId": "42"},
        {"type": "alias", "messageId": "a", "userId": "42", "previousId": "anon"},
    )
    assert drain_all()["suppressed"] > 0
    assert aws.items("activities") == []
    assert visitor("anon").parent is None
    assert {item["sk"]["S"] for item in aws.items("profiles") if item["pk"]["S"] == user("42").id} == {"hot"}
    assert "a@b.c" not in json.dumps(aws.items("profiles"), default=str)
    assert "acme" not in json.dumps(aws.items("profiles"), default=str)
    assert call("GET", "/profiles/user_id%3A42")[0] == 404
    assert call("GET", "/profiles?verification=all")[1]["items"] == []
    assert not examine(user("42").id)


@pytest.mark.usefixtures("_keys")
def test_no_answer_of_track_tells_who_is_suppressed() -> None:
    """S2: track is write-only."""
    call("POST", "/suppressions", WHO)
    later()
    for path in ("/v1/page", "/v1/batch"):
        one, other = ({"messageId": "m", "userId": name} for name in ("42", "43"))
        bodies = [{"batch": [body | {"type": "page"}]} if path == "/v1/batch" else body for body in (one, other)]
        assert track(path, bodies[0]) == track(path, bodies[1])


@pytest.mark.usefixtures("_keys")
def test_clocks_that_differ_let_nothing_pass_that_was_received_after_the_answer(aws: StrictAws) -> None:
    """A server's clock may be five seconds behind, and this one's five ahead."""
    call("POST", "/suppressions", WHO)
    Clock.now -= CLOCK_MARGIN_MS
    batch(page("p", userId="42"))
    drain_all()
    assert stored(aws) == set()


@pytest.mark.usefixtures("_keys")
def test_an_envelope_that_was_begun_before_anybody_could_know_is_finished_and_counted(aws: StrictAws) -> None:
    """A flush dies between its puts and its commit, the suppression comes, the message comes back: counters are rows."""
    batch(page("p1", userId="42"), page("p2", userId="42"))
    batch(page("late", userId="42"))
    aws.reset(Plan((Fault("UpdateItem", 0, RAISE_BEFORE),)))
    with pytest.raises(Died):
        drain_all()
    aws.reset(Plan())
    kept = stored(aws)
    assert {"p1", "p2"} <= kept
    call("POST", "/suppressions", WHO)
    visibility_expires(settings().queue_url)
    drain_all()
    assert stored(aws) == kept
    assert sum(user("42").counts.values()) == len(kept)
    assert not examine(user("42").id)


@pytest.mark.usefixtures("_keys")
def test_a_flush_that_read_the_person_before_the_suppression_finishes_what_it_began(
    aws: StrictAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The suppression never holds up a flush nor is it lost by one: they write attributes of their own."""
    fill()
    batch(page("in-flight", userId="42"))
    original = apply_leaf.store_rows

    def raced(*arguments: Any) -> Any:
        monkeypatch.setattr(apply_leaf, "store_rows", original)
        done = original(*arguments)
        call("POST", "/suppressions", WHO)
        return done

    monkeypatch.setattr(apply_leaf, "store_rows", raced)
    assert drain_all()["activities"] == 1
    assert user("42").suppressed_since is not None
    later()
    batch(page("later", userId="42"))
    assert drain_all()["suppressed"] == 1
    assert stored(aws) == {"v1", "u1", "in-flight"}
    assert not examine(user("42").id)


@pytest.mark.usefixtures("_keys")
def test_a_suppression_that_meets_a_link_takes_the_new_leaf_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Decided on one reading of the tree: the transaction's conditions say so."""
    batch(page("v1", anonymousId="anon"), page("u1", userId="42"))
    drain_all()
    original = suppressions.begin

    def raced(*arguments: Any) -> bool:
        monkeypatch.setattr(suppressions, "begin", original)
        batch(page("link", userId="42", anonymousId="anon"))
        drain_all()
        return original(*arguments)

    monkeypatch.setattr(suppressions, "begin", raced)
    made = call("POST", "/suppressions", WHO)[1]
    assert set(made["hashes"]) == {user("42").id, visitor("anon").id}
    assert visitor("anon").suppressed_since == user("42").suppressed_since is not None


@pytest.mark.usefixtures("_keys")
def test_a_suppressed_visitor_is_not_linked_by_the_event_of_another_user(aws: StrictAws) -> None:
    """The other user's event is kept, and their later claim after a lift is heard."""
    call("POST", "/suppressions", {"kind": "anonymous_id", "value": "anon"})
    later()
    batch(page("p", userId="43", anonymousId="anon"))
    drain_all()
    assert stored(aws) == {"p"}
    assert visitor("anon").parent is None
    call("DELETE", f"/suppressions/{visitor('anon').id}")
    later()
    batch(page("q", userId="43", anonymousId="anon"))
    drain_all()
    assert visitor("anon").parent == user("43").id


@pytest.mark.usefixtures("_keys")
def test_a_repeat_is_no_change_and_takes_what_was_linked_since() -> None:
    """Twice, and by every name."""
    fill()
    first = call("POST", "/suppressions", WHO)[1]
    later()
    for body in (
        WHO,
        {"profile_id": user("42").id},
        {"profile_id": "anonymous_id:anon"},
        {"profile_id": "email:a@b.c"},
        {"hash": visitor("anon").id},
    ):
        assert call("POST", "/suppressions", body) == (201, first), body
    assert len(call("GET", "/suppressions")[1]["items"]) == 1
    assert call("DELETE", f"/suppressions/{visitor('anon').id}") == (
        200,
        {"hash": user("42").id, "hashes": first["hashes"], "lifted": True},
    )
    assert call("DELETE", f"/suppressions/{user('42').id}")[0] == 404
    assert call("GET", "/suppressions")[1] == {"items": [], "cursor": None}


@pytest.mark.usefixtures("_keys")
def test_the_list_comes_in_pages_and_by_hash_and_names_nobody() -> None:
    """Latest first; a hash finds its own."""
    for n in range(7):
        call("POST", "/suppressions", {"kind": "user_id", "value": f"person-{n}", "reason": "other"})
        later(1)
    seen, cursor = [], ""
    while True:
        found = call("GET", f"/suppressions?limit=3{cursor}")[1]
        assert len(found["items"]) <= 3
        seen += found["items"]
        if found["cursor"] is None:
            break
        cursor = f"&cursor={found['cursor']}"
    assert [one["hash"] for one in seen] == [user(f"person-{n}").id for n in reversed(range(7))]
    assert "person" not in json.dumps(seen)
    wanted = user("person-3").id
    assert [one["hash"] for one in call("GET", f"/suppressions?hash={wanted}")[1]["items"]] == [wanted]
    assert call("GET", f"/suppressions?hash={user('nobody').id}")[1]["items"] == []
    assert call("GET", "/suppressions?hash=x")[0] == 400


@pytest.mark.usefixtures("_keys")
def test_what_says_nobody_or_too_much_is_refused_and_nothing_is_stored(aws: StrictAws) -> None:
    """400 names what is wrong, 404 an unknown profile or hash."""
    before = aws.items("profiles")
    for body in (
        {},
        {"kind": "user_id"},
        {"value": "42"},
        {"kind": "email", "value": "a@b.c"},
        {"kind": "user_id", "value": "null"},
        {"kind": "user_id", "value": "42", "hash": user("42").id},
        {"hash": "42"},
        {"kind": "user_id", "value": "42", "reason": "he asked me to"},
        {"kind": "user_id", "value": "x" * 201},
        {"profile_id": "phone:1"},
    ):
        status, answer = call("POST", "/suppressions", body)
        assert (status, answer["error"]["code"] in ("invalid_request", "unknown_kind")) == (400, True), body
    assert call("POST", "/suppressions", {"profile_id": "user_id:42"})[0] == 404
    for hashed in (user("42").id, "x", "%2F"):
        assert call("DELETE", f"/suppressions/{hashed}")[0] == 404
    assert aws.items("profiles") == before


@pytest.mark.usefixtures("_keys")
def test_lost_answers_are_looked_after(aws: StrictAws) -> None:
    """A transaction whose answer was lost happened once."""
    fill()
    aws.reset(Plan((Fault("TransactWriteItems", 0, LOST),)))
    status, made = call("POST", "/suppressions", WHO)
    assert status == 201
    assert call("GET", "/suppressions")[1]["items"] == [made]
    aws.reset(Plan((Fault("TransactWriteItems", 0, LOST),)))
    assert call("DELETE", f"/suppressions/{made['hash']}")[0] == 200
    aws.reset(Plan((Fault("TransactWriteItems", 0, LOST),)))
    call("DELETE", "/profiles/user_id%3A42?suppress=true")
    assert len(call("GET", "/suppressions")[1]["items"]) == 1


@pytest.mark.usefixtures("_keys")
def test_the_intervals_of_a_leaf_stay_few() -> None:
    """Bounded: beyond ten the oldest become one, and what no message can be as old as is forgotten."""
    for _ in range(14):
        call("POST", "/suppressions", WHO)
        later()
        call("DELETE", f"/suppressions/{user('42').id}")
        later()
    assert len(user("42").suppressions) == 10
    assert user("42").suppressions[0][0] == START - CLOCK_MARGIN_MS
    later(40 * DAY)
    call("POST", "/suppressions", WHO)
    assert len(user("42").suppressions) == 1


@pytest.mark.usefixtures("_keys")
def test_without_the_right_nobody_suppresses_or_reads_the_list() -> None:
    """An editor corrects people; the suppression list is for those who erase."""
    key = call("POST", "/admin-keys", {"name": "Editor", "role": "editor"})[1]["key"]
    assert call("POST", "/suppressions", WHO, key=key)[0] == 403
    assert call("GET", "/suppressions", key=key)[0] == 403
    assert call("DELETE", f"/suppressions/{user('42').id}", key=key)[0] == 403
    assert user("42").suppressed_since is None


@pytest.mark.usefixtures("_keys")
def test_a_flush_reads_nothing_more_for_suppressions(aws: StrictAws) -> None:
    """What the flush needs is in the hot item; only an event from about the moment it began is looked for."""
    call("POST", "/suppressions", WHO)
    later()
    batch(page("p", userId="42"))
    aws.reset(Plan())
    drain_all()
    made = list(aws.calls)
    assert set(made) == {"ReceiveMessage", "DeleteMessageBatch", "BatchGetItem", "Query"}  # hot items, and the types
    assert made.count("BatchGetItem") == made.count("Query") == 1


@pytest.mark.usefixtures("_keys")
def test_a_claim_while_the_visitor_was_suppressed_does_not_void_the_one_behind_it() -> None:
    """Both in one drain: the refusal speaks of its own request only."""
    call("POST", "/suppressions", {"kind": "anonymous_id", "value": "anon"})
    later()
    batch(page("p", userId="43", anonymousId="anon"))
    later()
    call("DELETE", f"/suppressions/{visitor('anon').id}")
    later()
    batch(page("q", userId="43", anonymousId="anon"))
    drain_all()
    assert visitor("anon").parent == user("43").id


@pytest.mark.usefixtures("_keys")
def test_an_admin_is_told_that_a_suppressed_person_cannot_be_changed_or_made(aws: StrictAws) -> None:
    """What is applied in process obeys too; silence would be a lie."""
    fill()
    call("POST", "/suppressions", WHO)
    call("POST", "/suppressions", {"kind": "user_id", "value": "nobody"})
    later()
    before = call("GET", "/profiles/user_id%3A42")[1]
    for method, path, body in (
        ("PATCH", "/profiles/user_id%3A42", {"contact": {"first_name": "Ann"}}),
        ("POST", "/profiles", {"user_id": "nobody", "contact": {"first_name": "Ann"}}),
    ):
        status, answer = call(method, path, body)
        assert (status, answer["error"]["code"]) == (400, "suppressed"), path
    assert call("GET", "/profiles/user_id%3A42")[1] == before
    assert "Ann" not in json.dumps(aws.items("profiles"), default=str)


@pytest.mark.usefixtures("_keys")
def test_the_time_of_receipt_alone_decides_whatever_the_order_also_after_a_lift(aws: StrictAws) -> None:
    """Order-free: an event received inside an interval is refused whenever it is processed, one before never."""
    batch(page("before", userId="42"))
    later()
    call("POST", "/suppressions", WHO)
    later()
    batch(page("inside", userId="42"))
    later()
    assert call("DELETE", f"/suppressions/{user('42').id}")[0] == 200
    later()
    batch(page("after", userId="42"))
    assert drain_all()["suppressed"] == 1
    assert stored(aws) == {"before", "after"}
    assert user("42").counts == {"pagevisit": 2}
    assert not examine(user("42").id)
