"""Messages and events that no version can read: they cost nobody else anything, and the flush goes on."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from cdp_core import queue
from cdp_core.domain.activity import describe
from cdp_core.domain.contact import contact_fields
from cdp_core.tables import activities, contacts, dead_letters
from cdp_core.usecases import redrive
from cdp_core.usecases.drain import ALONE_FROM, drain
from cdp_core.usecases.messages import envelope_of
from tests.double import StrictAws, strict_aws
from tests.double.memory import Memory
from tests.support.product import batch, drain_all, leaf_of, seed_keys, track, user

GOOD = {"type": "page", "messageId": "m", "userId": "1"}
TIMED, TIME_MS = GOOD | {"timestamp": "2026-01-02T03:04:05.678Z"}, 1_767_323_045_678
DEEP = '{"v":1,"x":' + "[" * 5_000 + "]" * 5_000 + "}"


@pytest.fixture
def memory() -> Memory:
    """Where everything is."""
    return Memory()


@pytest.fixture(autouse=True)
def world(memory: Memory) -> Iterator[StrictAws]:
    """The product in memory."""
    with strict_aws(memory=memory) as aws:
        seed_keys()
        yield aws


def message(said: list[Any], **more: Any) -> str:
    """A message as track makes it of plain events."""
    plain = {"v": 2, "key": "0000000000010203040506ff"[:24], "received_at": 1, "channel": "website", "write_key": "k"}
    return json.dumps(plain | {"legal_basis": "consent", "events": [], "refused": [], "said": said} | more)


def deliver(memory: Memory, *, times: int) -> None:
    """So many drains; what stays is visible again before the next."""
    for now in range(times):
        memory.now = lambda now=now: now * 1_000.0  # type: ignore[misc]
        drain(lambda: 60_000)


@pytest.mark.parametrize(
    "bad",
    [
        {"type": "page", "userId": "1"},
        {"type": "group", "messageId": "m", "groupId": "g", "userId": "1"},
        {"messageId": "m", "userId": "1"},
        {"type": "page", "messageId": 5, "userId": "1"},
        {"type": "page", "messageId": "x", "userId": "1", "timestamp": 5},
    ],
)
def test_an_unreadable_event_is_refused_with_its_person_and_its_neighbour_is_read(bad: dict[str, Any]) -> None:
    """As `decode` promises, for what clients said too."""
    envelope = envelope_of(message([GOOD, bad], authority=True))
    assert [one.message_id for one in envelope.events] == ["m"]
    (refusal,) = envelope.refused
    assert (refusal.reason, refusal.user_id, refusal.authority) == ("undecodable_event", "1", True)
    assert json.loads(refusal.original) == bad


@pytest.mark.parametrize("bad", [5, None, ["page"], {"type": "page", "messageId": "m", "userId": 5}])
def test_an_unreadable_event_of_nobody_is_refused_too(bad: Any) -> None:
    """What names nobody has no person."""
    for envelope in (envelope_of(message([bad])), envelope_of(message([], events=[bad]))):
        (refusal,) = envelope.refused
        assert (refusal.reason, refusal.user_id, envelope.events) == ("undecodable_event", None, ())


def test_a_huge_number_is_null_wherever_it_stands_and_an_event_that_lost_one_says_so() -> None:
    """No store takes an infinite number. Version 1 has nothing that was said."""
    huge = "e99999999999999999999"
    ours = {"type": "page", "message_id": "o", "user_id": "1", "body": {"properties": {"n": "HUGE"}}}
    text = message([GOOD | {"properties": {"n": "HUGE"}}, GOOD], events=[ours]).replace('"HUGE"', "1" + huge)
    own, lost, kept = envelope_of(text).events
    assert own.body == {"properties": {"n": None}}
    assert lost.body == {"properties": {"n": None}, "note": "NaN or Infinity became null"}
    assert kept.body == {}
    first = json.loads(message([])) | {"v": 1, "events": [ours]}
    del first["said"]
    assert len(envelope_of(json.dumps(first).replace('"HUGE"', "1" + huge)).events) == 1


@pytest.mark.parametrize("body", [DEEP, "not an envelope", "[]", "5", '{"v": 1}', message([], received_at=[])])
def test_an_unreadable_message_costs_the_others_nothing_and_is_buried_in_the_end(body: str, memory: Memory) -> None:
    """A8: once it was tried alone."""
    queue.send([body])
    batch(TIMED)
    deliver(memory, times=1)
    assert user("1").counts == {"pagevisit": 1}
    deliver(memory, times=ALONE_FROM)
    assert queue.backlog() == 0


def test_a_redrive_tells_what_is_an_envelope_from_what_is_none() -> None:
    """By the same rules as the flush."""
    endless = message([GOOD]).replace('"received_at": 1', '"received_at": 1e99999999999999999999')
    assert [redrive._is_envelope(one) for one in (DEEP, endless, message([GOOD]))] == [False, False, True]


@pytest.mark.parametrize(("characters", "left"), [(99_000, 0), (120_000, 1)])
def test_an_unreadable_message_beyond_the_bytes_of_a_dead_letter_is_left_to_sqs(
    characters: int, left: int, memory: Memory
) -> None:
    """DynamoDB counts bytes: a character may have three."""
    queue.send(["漢" * characters])
    batch(TIMED)
    deliver(memory, times=ALONE_FROM + 1)
    assert queue.backlog() == left
    assert user("1").counts == {"pagevisit": 1}


@pytest.mark.parametrize("error", [dead_letters.dynamo.StoreRefused("invalid"), dead_letters.dynamo.Unavailable("no")])
def test_an_unreadable_message_that_cannot_be_buried_stays_and_the_drain_goes_on(
    error: Exception, memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the end it is on the dead-letter queue of SQS."""

    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(dead_letters, "bury", fail)
    queue.send(["not an envelope"])
    deliver(memory, times=ALONE_FROM)
    batch(TIMED)
    deliver(memory, times=1)
    assert user("1").counts == {"pagevisit": 1}
    assert queue.backlog() == 1


def test_a_dead_letter_is_cut_by_bytes_at_a_whole_character(world: StrictAws) -> None:
    """An original of 200 000 characters that have three bytes fits an item."""
    letter = dead_letters.DeadLetter(
        envelope=b"k" * 12, index=0, reason="r", message="m", at=1, attempts=1, original="漢" * 200_000, form="sent"
    )
    dead_letters.bury(letter)
    (stored,) = [one for one in world.items("activities") if one["pk"]["S"] == dead_letters.NOBODY]
    assert stored["original"]["S"] == "漢" * 100_000


def test_an_event_too_deep_to_be_compared_is_buried_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """It costs its neighbours nothing."""
    from cdp_core.domain import work

    real = work.row_of

    def row_of(envelope: Any, event: Any) -> Any:
        if event.message_id == "deep":
            raise RecursionError
        return real(envelope, event)

    monkeypatch.setattr(work, "row_of", row_of)
    batch({**GOOD, "messageId": "deep"}, GOOD)
    assert drain_all()["dead_letters"] == 1
    assert user("1").counts == {"pagevisit": 1}


def test_a_number_longer_than_python_reads_is_stored_and_shown_exactly() -> None:
    """`1…1e0` is a fraction to the reader, and a whole number once it is written."""
    digits = "1" * 5_000
    said = json.dumps(
        {"batch": [{**TIMED, "properties": {"n": "HERE"}}, {**TIMED, "type": "identify", "traits": {"n": "HERE"}}]}
    )
    assert track("/v1/batch", said.replace('"HERE"', digits + "e0").encode())[0] == 200
    drain_all()
    ((_, row),) = activities.load_many([(leaf_of("user_id", "1"), 0)], [(TIME_MS, "m")])
    assert str(describe(row)["properties"]["n"]) == digits
    details = contacts.load(contacts.contact_key(leaf_of("user_id", "1"), 0))
    assert str(contact_fields(details.registers)["custom"]["n"]) == digits
