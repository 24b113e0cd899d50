"""DynamoDB's keys have limits in bytes: no identifier that a client may send goes beyond them."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cdp_core.config import settings
from cdp_core.domain.accounts import MAX_NAME_KEY
from cdp_core.domain.envelope import MAX_MESSAGE_ID, MAX_RECORD_ID
from cdp_core.domain.identity import MAX_IDENTIFIER
from cdp_core.tables import contacts, dynamo
from cdp_core.tables.dynamo import StoreRefused
from cdp_core.wire import segment
from cdp_core.wire.segment import MAX_GROUP_ID
from tests.double import StrictAws, strict_aws
from tests.double.memory import Memory
from tests.integration.engines import available, running
from tests.support.product import SECRET_KEY, batch, drain_all, seed_keys, track, user

WIDE = "\U0001f600"  # four bytes


@pytest.fixture
def world() -> Iterator[StrictAws]:
    """The product in memory."""
    with strict_aws(memory=Memory()) as aws:
        seed_keys()
        yield aws


def _each_call(pk: str, sk: str) -> Iterator[Callable[[], Any]]:
    """Every kind of call that names a key, but GetItem."""
    table, key = settings().profiles_table, dynamo.key_of((pk, sk))
    named = {"TableName": table, "Key": key}
    yield lambda: dynamo.call("PutItem", TableName=table, Item=key)
    yield lambda: dynamo.call("UpdateItem", **named, UpdateExpression="REMOVE gone")
    yield lambda: dynamo.get_many(table, [(pk, sk)])
    yield lambda: dynamo.transact([{"Put": {"TableName": table, "Item": key}}])
    yield lambda: dynamo.call("DeleteItem", **named)
    yield lambda: dynamo.delete_many(table, [(pk, sk)])


@pytest.mark.parametrize("engine", available())
def test_every_engine_takes_keys_up_to_the_limits_and_no_longer_ones(engine: str) -> None:
    """2 048 bytes of a partition key, 1 024 of a sort key."""
    with running(engine):
        for call in _each_call(WIDE * 512, WIDE * 256):
            call()
        for pk, sk in ((WIDE * 512 + "a", "a"), ("a", WIDE * 256 + "a")):
            for call in _each_call(pk, sk):
                with pytest.raises(StoreRefused):
                    call()


def group(group_id: str, **more: Any) -> dict[str, Any]:
    """A group call."""
    return {"type": "group", "messageId": f"g{len(group_id)}", "userId": "1", "groupId": group_id, **more}


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("group_id", ["a" * MAX_GROUP_ID, WIDE * (MAX_RECORD_ID // 4), "漢" * (MAX_RECORD_ID // 3)])
def test_the_longest_group_ids_are_stored_and_listed_by_the_longest_names(group_id: str) -> None:
    """500 characters, 800 bytes."""
    batch(group(group_id, traits={"name": WIDE * MAX_NAME_KEY}), group("acme"))
    assert drain_all()["dead_letters"] == 0
    assert {one.id for one in contacts.memberships(user("1"))} == {group_id, "acme"}


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("group_id", [WIDE * (MAX_RECORD_ID // 4) + "a", "漢" * 342, WIDE * MAX_GROUP_ID])
def test_a_group_id_of_too_many_bytes_is_refused_in_bytes_and_costs_its_neighbours_nothing(group_id: str) -> None:
    """It would make a key that no store takes."""
    page = {"type": "page", "messageId": "p", "userId": "1"}
    status, answer = track("/v1/batch", {"batch": [group(group_id), page]}, x_strict_mode="1")
    assert (status, answer["results"][0]["code"]) == (207, "invalid_id")
    assert f"{MAX_RECORD_ID} bytes" in answer["results"][0]["message"]
    assert drain_all()["dead_letters"] == 1
    assert user("1").counts == {"pagevisit": 1}


def test_a_group_id_that_was_accepted_before_there_was_a_limit_becomes_a_dead_letter(
    world: StrictAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its message was poisoned: it came back until it was given up, with all that it held."""
    monkeypatch.setattr(segment, "MAX_RECORD_ID", 10_000)
    batch(group("漢" * 342), {"type": "page", "messageId": "p", "userId": "1"})
    assert drain_all()["dead_letters"] == 1
    assert user("1").counts == {"pagevisit": 1}
    (letter,) = [one for one in world.items("activities") if one["sk"]["S"].startswith("dead#")]
    assert letter["reason"]["S"] == "cannot_apply"


@pytest.mark.usefixtures("world")
def test_the_longest_identifiers_of_every_kind_are_stored() -> None:
    """200 characters of four bytes each: of people, messages, members and customers."""
    longest = WIDE * MAX_IDENTIFIER
    ids = {"userId": longest, "anonymousId": WIDE * (MAX_IDENTIFIER - 1) + "a", "timestamp": "2026-01-02T00:00:00Z"}
    properties = {
        "member_id": longest,
        "customer_id": longest,
        "name": WIDE * 2 * MAX_IDENTIFIER,
        "email": f"{WIDE}@b.c",
    }
    batch(
        *(
            {"type": "track", "event": event, "messageId": WIDE * (MAX_MESSAGE_ID - 1) + end, "properties": properties}
            | ids
            for event, end in (("memberregistration", "a"), ("purchase", "b"), (WIDE * 200 + "x" * 100, "c"))
        ),
        {"type": "page", "messageId": WIDE * MAX_MESSAGE_ID, "userId": longest, "timestamp": "2090-01-01"},
        {"type": "alias", "messageId": "alias", "userId": longest, "previousId": WIDE * MAX_IDENTIFIER},
        key=SECRET_KEY,
    )
    counts = drain_all()
    assert (counts["dead_letters"], counts["returned"], counts["defects"]) == (0, 0, 0)
    assert {one.kind for one in contacts.memberships(user(longest))} == {"member", "customer"}
    assert sum(user(longest).counts.values()) == 4
