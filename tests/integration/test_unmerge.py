"""Unmerge: both profiles are then what they would have been without the merge, and stay so; a merge writes next to nothing."""

from typing import Any

import boto3
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdp_core import clock
from cdp_core.errors import Unavailable
from cdp_core.usecases import check
from tests.double import Fault, Plan, StrictAws, strict_aws
from tests.double.faults import LOST, RAISE_AFTER, RAISE_BEFORE, Died
from tests.double.memory import Memory
from tests.integration.dead_letters.asking import messages_return
from tests.integration.test_profiles_api import call, identify, page
from tests.support.product import batch, drain_all, seed_keys, user, visitor

START = 1_900_000_000_000
MINUTE = 60_000
MERGE = "/profiles/user_id%3A42/merges/anonymous_id%3Aanon"


class Clock:
    """The time of this test (ms)."""

    now = START


@pytest.fixture(autouse=True)
def _time(monkeypatch: pytest.MonkeyPatch) -> None:
    Clock.now = START
    monkeypatch.setattr(clock, "now_ms", lambda: Clock.now)


def seen() -> list[Any]:
    """What people see of both, by name and in the list."""
    found: list[Any] = []
    for name in ("user_id%3A42", "anonymous_id%3Aanon", "email%3Au%40b.c", "email%3Av%40b.c"):
        status, profile = call("GET", f"/profiles/{name}")
        found.append((status, profile))
        if status == 200:
            found.append(call("GET", f"/profiles/{name}/activities?limit=100")[1]["items"])
    for query in ("verification=all", "verification=verified", "verification=all&q=name", "verification=all&q=u%40"):
        found.append(call("GET", f"/profiles?{query}")[1]["items"])
    return found


# Events of the user, of the visitor, and of both, which link; `{n}` makes each its own. With the user id only there is no link.
KINDS: dict[str, dict[str, Any]] = {
    "user visits": {"type": "page", "userId": "42"},
    "visitor visits": {"type": "page", "anonymousId": "anon"},
    "user tells": {"type": "identify", "userId": "42", "traits": {"email": "u@b.c", "firstName": "Name"}},
    "visitor tells": {"type": "identify", "anonymousId": "anon", "traits": {"email": "v@b.c", "plan": "pro"}},
    "visitor registers elsewhere": {"type": "track", "anonymousId": "anon", "event": "Member registration"},
    "user registers": {"type": "track", "userId": "42", "event": "memberregistration"},
    "links by a visit": {"type": "page", "userId": "42", "anonymousId": "anon"},
    "links by a detail": {"type": "identify", "userId": "42", "anonymousId": "anon", "traits": {"company": "C"}},
    "links by alias": {"type": "alias", "userId": "42", "previousId": "anon"},
}
Step = tuple[str, int]
steps = st.lists(st.tuples(st.sampled_from(sorted(KINDS)), st.integers(0, 3)), min_size=1, max_size=7)


def event(number: int, step: Step, *, is_twin: bool) -> dict[str, Any]:
    """The event of a step, some days off; in the twin world it names nobody but the one who stores it."""
    kind, day = step
    made = {**KINDS[kind], "messageId": f"m{number}", "timestamp": f"2030-03-{10 + day}T00:00:0{number % 10}.000Z"}
    if is_twin and "userId" in made:
        made.pop("anonymousId", None)
        made = {"type": "alias", **made, "previousId": "null"} if made["type"] == "alias" else made
    return made


def send(number: int, step: Step, *, is_twin: bool) -> None:
    """Sends one event with the secret key, and lets a minute pass."""
    batch(event(number, step, is_twin=is_twin), key="local-secret-key")
    Clock.now += MINUTE


def world(before: list[Step], after: list[Step], repeats: int, *, is_twin: bool) -> list[Any]:
    """Events, an unmerge (not in the twin world), later events and redeliveries; what is seen at the end."""
    Clock.now = START
    with strict_aws(memory=Memory()):
        seed_keys()
        events = list(enumerate(before))
        for number, step in events:
            send(number, step, is_twin=is_twin)
            drain_all()
        status = call("DELETE", MERGE)[0]
        is_linked = any(step[0].startswith("links") for step in before)
        assert status == (200 if is_linked and not is_twin else 404)
        Clock.now += MINUTE
        for number, step in [*enumerate(after, len(before)), *events[:repeats]]:
            send(number, step, is_twin=is_twin or not is_linked)
            drain_all()
        assert check.examine(user("42").id) | check.examine(visitor("anon").id) == set()
        return seen()


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=steps, after=steps, repeats=st.integers(0, 3))
def test_an_unmerge_leaves_both_as_if_they_had_never_been_linked(
    before: list[Step], after: list[Step], repeats: int
) -> None:
    """Invariant 9, against a twin world where no event names both."""
    assert world(before, after, repeats, is_twin=False) == world(before, after, repeats, is_twin=True)


def merged() -> None:
    """A visitor's visit, then a user who is the visitor."""
    seed_keys()
    batch(page("v1", anonymousId="anon"))
    drain_all()
    batch(page("u1", userId="42", anonymousId="anon"), identify("42", email="u@b.c"))
    drain_all()
    Clock.now += MINUTE


def test_merges_are_listed_and_an_unmerge_can_be_repeated_by_any_name(aws: StrictAws) -> None:
    """The history says when, by which event, and into what."""
    merged()
    child, parent = visitor("anon").id, user("42").id
    (one,) = call("GET", f"/profiles/{child}/merges")[1]["items"]
    assert one == {
        "merged_id": child, "into": parent, "identifier": "anonymous_id:anon", "merged_at": "2030-03-17T17:46:40.000Z",
        "message_id": "u1", "by": None, "reason": None,
    }  # fmt: skip
    answer = (200, {"profile_id": parent, "unmerged_id": child})
    assert call("DELETE", MERGE) == answer
    assert call("DELETE", MERGE) == answer
    assert call("DELETE", f"/profiles/{parent}/merges/{child}") == answer
    assert call("GET", f"/profiles/{parent}/merges") == (200, {"items": []})
    assert {one["profile_id"] for one in call("GET", "/profiles?verification=all")[1]["items"]} == {parent, child}


def test_an_unmerged_pair_is_not_merged_by_redelivery_by_late_or_by_new_events(aws: StrictAws) -> None:
    """Protocol 2b: the pair is remembered, and the floor voids what was received before."""
    merged()
    batch(page("queued", userId="42", anonymousId="anon"))
    call("DELETE", MERGE)
    drain_all()
    Clock.now += MINUTE
    batch(page("u1", userId="42", anonymousId="anon"), page("new", userId="42", anonymousId="anon"))
    drain_all()
    assert visitor("anon").parent is None
    assert user("42").counts == {"pagevisit": 3}
    batch(page("other", userId="43", anonymousId="anon"))
    drain_all()
    assert visitor("anon").parent == user("43").id  # another person may claim the device


@pytest.mark.parametrize(
    "path",
    [
        "/profiles/user_id%3A42/merges/anonymous_id%3Aother", "/profiles/user_id%3A43/merges/anonymous_id%3Aanon",
        "/profiles/user_id%3A42/merges/user_id%3A42", "/profiles/user_id%3Anobody/merges/anonymous_id%3Aanon",
        "/profiles/user_id%3A42/merges/nonsense",
    ],
)  # fmt: skip
def test_what_is_not_merged_cannot_be_unmerged(aws: StrictAws, path: str) -> None:
    """404, and nothing is written."""
    merged()
    batch(page("x", userId="43"), page("y", anonymousId="other"))
    drain_all()
    before = aws.items("profiles")
    assert call("DELETE", path)[0] == 404
    assert aws.items("profiles") == before


def test_an_erased_id_unmerges_nothing_of_the_next_life(aws: StrictAws) -> None:
    """D7: the old ids stay unknown."""
    merged()
    old_parent, old_child = user("42").id, visitor("anon").id
    call("DELETE", "/profiles/user_id%3A42")
    Clock.now += MINUTE
    batch(page("again", userId="42", anonymousId="anon"))
    drain_all()
    assert call("DELETE", f"/profiles/{old_parent}/merges/{old_child}.1")[0] == 404
    assert call("DELETE", f"/profiles/{old_parent}.1/merges/{old_child}")[0] == 404
    assert call("DELETE", f"/profiles/{old_parent}.1/merges/{old_child}.1")[0] == 200


def test_a_visitor_that_was_only_named_by_the_merge_is_nobody_afterwards(aws: StrictAws) -> None:
    """As without the merge: nothing was ever stored under it."""
    seed_keys()
    batch(page("u1", userId="42", anonymousId="anon"))
    drain_all()
    assert call("DELETE", MERGE)[0] == 200
    assert call("GET", "/profiles/anonymous_id%3Aanon")[0] == 404
    assert len(call("GET", "/profiles?verification=all")[1]["items"]) == 1
    assert check.examine(visitor("anon").id) == set()


def test_an_id_remembers_so_many_pairs_and_no_more(aws: StrictAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Invariant 10: the hot item is bounded."""
    from cdp_core.usecases import unmerge

    monkeypatch.setattr(unmerge, "MAX_UNLINKED", 1)
    merged()
    call("DELETE", MERGE)
    Clock.now += MINUTE
    batch(page("x", userId="43", anonymousId="anon"))
    drain_all()
    status, answer = call("DELETE", "/profiles/user_id%3A43/merges/anonymous_id%3Aanon")
    assert (status, answer["error"]["code"]) == (400, "invalid_request")


def _unmerge_with(fault: Fault | None) -> int:
    """An unmerge in a world of its own that perhaps dies once, asked for again; how many calls the first one made."""
    Clock.now = START
    with strict_aws(memory=Memory()) as aws:
        merged()
        aws.reset(Plan(faults=(fault,)) if fault else None)
        try:
            call("DELETE", MERGE)
        except Died:
            pass
        made = len(aws.calls)
        aws.reset()
        expected = (200, {"profile_id": user("42").id, "unmerged_id": visitor("anon").id})
        assert call("DELETE", MERGE) == expected, fault
        assert check.examine(user("42").id) | check.examine(visitor("anon").id) == set(), fault
        assert len(call("GET", "/profiles?verification=all")[1]["items"]) == 2
        return made


@pytest.mark.parametrize("kind", [RAISE_BEFORE, RAISE_AFTER, LOST])
def test_an_unmerge_that_dies_at_any_call_is_finished_by_a_repeat(kind: str) -> None:
    """M1, the way back: every call."""
    for nth in range(_unmerge_with(None)):
        _unmerge_with(Fault("*", nth, kind))


def _activities(leaf: str, number: int) -> None:
    """So many activities, as the hot item knows them: a merge reads nothing else of them."""
    boto3.client("dynamodb").update_item(
        TableName="ProfilesTable", Key={"pk": {"S": leaf}, "sk": {"S": "hot"}},
        UpdateExpression="SET n.pagevisit = :n", ExpressionAttributeValues={":n": {"N": str(number)}},
    )  # fmt: skip


class Written:
    """The keys that a merge's calls wrote, seen through the double."""

    def __init__(self, aws: StrictAws, monkeypatch: pytest.MonkeyPatch) -> None:
        self.transactions: list[list[tuple[str, str]]] = []
        real = aws.call

        def call(client: Any, operation: str, arguments: dict[str, Any]) -> Any:
            if operation == "TransactWriteItems":
                actions = [action for one in arguments["TransactItems"] for action in one.values()]
                keys = [action.get("Key") or action["Item"] for action in actions]
                self.transactions.append([(key["pk"]["S"], key["sk"]["S"]) for key in keys])
            return real(client, operation, arguments)

        monkeypatch.setattr(StrictAws, "call", lambda _, *arguments: call(*arguments))


def test_a_merge_of_two_profiles_of_100000_activities_is_at_most_four_writes(
    aws: StrictAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """M4: no activity is written; one of the four takes the merged profile out of the listing."""
    seed_keys()
    batch(page("v1", anonymousId="anon"), page("u1", userId="42"))
    drain_all()
    for leaf in (user("42").id, visitor("anon").id):
        _activities(leaf, 100_000)
    batch({"type": "alias", "messageId": "a", "userId": "42", "previousId": "anon"})
    written = Written(aws, monkeypatch)
    aws.reset()
    drain_all()
    assert visitor("anon").parent == user("42").id
    assert _items_written(written, aws) <= 4
    assert call("GET", "/profiles/user_id%3A42")[1]["activity_counts"]["total"] == 200_000
    written.transactions.clear()
    aws.reset()
    assert call("DELETE", MERGE)[0] == 200
    assert _items_written(written, aws) <= 4 + 3, "three are the request's count and its entry in the audit log"


def _items_written(written: Written, aws: StrictAws) -> int:
    """Every item that was written, alone or in a transaction; none came in a batch."""
    assert "BatchWriteItem" not in aws.calls
    alone = sum(aws.calls.count(one) for one in ("PutItem", "UpdateItem", "DeleteItem"))
    return alone + sum(map(len, written.transactions))


@pytest.mark.parametrize("kind", [RAISE_BEFORE, RAISE_AFTER, LOST])
def test_a_merge_that_dies_at_any_call_is_made_good_and_can_be_undone(kind: str) -> None:
    """M1: each kind at every third call of the flush that links."""
    offset = [RAISE_BEFORE, RAISE_AFTER, LOST].index(kind)
    for nth in range(offset, _merge_with(None), 3):
        _merge_with(Fault("*", nth, kind))


def _merge_with(fault: Fault | None) -> int:
    Clock.now = START
    with strict_aws() as aws:
        seed_keys()
        batch(page("v1", anonymousId="anon"))
        drain_all()
        batch(page("u1", userId="42", anonymousId="anon"))
        aws.reset(Plan(faults=(fault,)) if fault else None)
        try:
            drain_all()
        except (Died, Unavailable):
            pass
        made = len(aws.calls)
        aws.reset()
        messages_return()
        drain_all()
        assert call("GET", "/profiles/user_id%3A42")[1]["activity_counts"]["total"] == 2, fault
        Clock.now += MINUTE
        assert call("DELETE", MERGE)[0] == 200
        assert check.examine(user("42").id) | check.examine(visitor("anon").id) == set()
        return made
