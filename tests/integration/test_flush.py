"""From a tracking request to profiles and activities, on the strict double."""

from typing import Any

import pytest

from cdp_core.domain.contact import contact_fields
from cdp_core.tables import activities, contacts
from tests.double import StrictAws
from tests.support.product import batch, drain_all, leaf_of, seed_keys, user, visitor

TIME = "2026-01-02T03:04:05.678Z"


@pytest.fixture(autouse=True)
def _keys(aws: StrictAws) -> None:
    seed_keys()


def event(type_: str, message_id: str, **fields: Any) -> dict[str, Any]:
    """One SDK event at a fixed time."""
    return {"type": type_, "messageId": message_id, "timestamp": TIME, **fields}


def rows(leaf: str, epoch: int = 0) -> list[str]:
    """The message ids stored under a leaf."""
    return sorted(row.message_id for row in activities.all_rows(leaf, epoch))


def state(aws: StrictAws) -> list[Any]:
    """Everything in both tables but rings and versions, for comparison."""
    hidden = {"v", "ring", "hz", "e", "lv"}
    items = [*aws.items("profiles"), *aws.items("activities")]
    return sorted(str(sorted((k, str(v)) for k, v in item.items() if k not in hidden)) for item in items)


def test_page_screen_and_track_become_activities_and_counters_equal_rows() -> None:
    """Invariants 2 and 3."""
    batch(
        event("page", "p1", userId="42", name="Home"),
        event("screen", "s1", userId="42", name="Start"),
        event("track", "t1", userId="42", event="Song Played", properties={"n": 1}),
    )
    drain_all()
    assert user("42").counts == {"pagevisit": 1, "screen": 1, "song_played": 1}
    assert rows(user("42").id) == ["p1", "s1", "t1"]


def test_identify_traits_become_the_contact_and_no_activity() -> None:
    """Last writer wins by event time."""
    batch(event("identify", "i1", userId="42", traits={"email": "a@b.c", "plan": "pro"}))
    drain_all()
    details = contacts.load(contacts.contact_key(user("42").id, 0))
    assert contact_fields(details.registers) == {"email": "a@b.c", "custom": {"plan": "pro"}}
    assert rows(user("42").id) == []
    assert user("42").is_live


def test_group_traits_are_the_accounts_and_the_leaf_becomes_a_member() -> None:
    """Design section 4."""
    batch(event("group", "g1", userId="42", groupId="acme", traits={"name": "Acme"}))
    drain_all()
    account = contacts.load(contacts.record_key("account", "acme"))
    assert contact_fields(account.registers) == {"name": "Acme"}


def test_an_event_with_both_ids_puts_the_anonymous_history_under_the_user() -> None:
    """Design section 5."""
    batch(event("page", "p1", anonymousId="anon"))
    batch(event("identify", "i1", anonymousId="anon", userId="42"))
    drain_all()
    assert visitor("anon").parent == user("42").id
    assert user("42").children == 1
    assert visitor("anon").counts == {"pagevisit": 1}


def test_the_earliest_received_claim_on_an_anonymous_id_wins() -> None:
    """Shared device: the second user does not take the first one's visitor."""
    batch(event("identify", "i1", anonymousId="anon", userId="first"))
    drain_all()
    batch(event("identify", "i2", anonymousId="anon", userId="second"))
    drain_all()
    assert visitor("anon").parent == user("first").id
    assert user("second").children == 0


def test_the_same_events_sent_again_count_once() -> None:
    """F5: a client's retry comes in another envelope."""
    events = [event("page", f"p{n}", userId="42") for n in range(5)]
    batch(*events)
    drain_all()
    batch(*events)
    counts = drain_all()
    assert user("42").counts == {"pagevisit": 5}
    assert counts["duplicates"] == 5


def test_the_same_envelope_delivered_again_changes_nothing(aws: StrictAws) -> None:
    """SQS delivers at least once."""
    import boto3

    batch(event("page", "p1", userId="42"), event("identify", "i1", userId="42", anonymousId="a", traits={"name": "A"}))
    client, url = boto3.client("sqs"), aws.environment["QUEUE_URL"]
    (message,) = client.receive_message(QueueUrl=url, VisibilityTimeout=0)["Messages"]
    drain_all()
    before = state(aws)
    client.send_message_batch(QueueUrl=url, Entries=[{"Id": "1", "MessageBody": message["Body"]}])
    drain_all()
    assert state(aws) == before


def test_unseen_event_names_become_discovered_types_up_to_the_limit(
    aws: StrictAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten thousand names from one sender cannot fill the catalogue."""
    from cdp_core.config import settings

    monkeypatch.setenv("MAX_DISCOVERED_TYPES", "2")
    settings.cache_clear()
    batch(*(event("track", f"t{n}", userId="42", event=f"Name {n}") for n in range(4)))
    drain_all()
    assert user("42").counts == {"name_0": 1, "name_1": 1, "custom": 2}
    settings.cache_clear()


def test_an_event_far_in_the_future_is_shown_at_its_receipt_and_counted_once() -> None:
    """Protocol section 8: a stub at the claim, a copy in the timeline."""
    odd = {**event("page", "p1", userId="42"), "timestamp": "2090-01-01T00:00:00Z"}
    batch(odd)
    drain_all()
    batch(odd)
    drain_all()
    leaf = user("42")
    assert leaf.counts == {"pagevisit": 1}
    shown = activities.timeline(
        leaf.id,
        0,
        low=activities.sort_key(946_684_800_000),
        high=activities.sort_key(3_000_000_000_000),
        newest_first=True,
        limit=9,
    )
    assert [row.message_id for row in shown] == ["p1"]


def test_refused_events_become_dead_letters_while_their_neighbours_go_through(aws: StrictAws) -> None:
    """A bad event never takes its neighbours with it."""
    batch(event("page", "p1", userId="42"), event("track", "bad", userId="42"), event("page", "p2", userId="42"))
    counts = drain_all()
    assert user("42").counts == {"pagevisit": 2}
    assert counts["dead_letters"] == 1
    (letter,) = [item for item in aws.items("activities") if item["sk"]["S"].startswith("dead#")]
    assert letter["reason"]["S"] == "missing_event_name"
    assert letter["pk"]["S"] == activities.partition(leaf_of("user_id", "42"), 0)


def test_an_undecodable_message_does_not_stop_the_others(aws: StrictAws) -> None:
    """A8: it is set aside once it was tried alone."""
    import boto3

    client, url = boto3.client("sqs"), aws.environment["QUEUE_URL"]
    client.send_message_batch(QueueUrl=url, Entries=[{"Id": "1", "MessageBody": "not an envelope"}])
    batch(event("page", "p1", userId="42"))
    from cdp_core.usecases.drain import drain

    drain(lambda: 60_000)
    assert user("42").counts == {"pagevisit": 1}


def test_nothing_is_begun_when_the_time_is_up(aws: StrictAws) -> None:
    """F11: the messages stay."""
    from cdp_core import queue
    from cdp_core.usecases.drain import drain

    batch(event("page", "p1", userId="42"))
    assert drain(lambda: 3_000).messages == 0
    assert queue.backlog() == 1
