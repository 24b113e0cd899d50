"""Invariant 4: the state depends on the set of accepted events, not on order, batching or repeats."""

import random
from typing import Any

import boto3
import pytest

from cdp_core.tables import activities
from cdp_core.usecases import profiles
from cdp_core.usecases.drain import drain
from tests.campaign.test_process_death import visibility_expires
from tests.double import Plan, StrictAws, strict_aws
from tests.double.faults import LOST, PARTIAL, SERVER_ERROR, THROTTLE, TIMEOUT
from tests.support.product import batch, drain_all, seed_keys, user, visitor

EVENTS: list[dict[str, Any]] = [
    {"type": "page", "messageId": "p1", "anonymousId": "anon", "timestamp": "2026-01-02T00:00:01.000Z"},
    {"type": "identify", "messageId": "i1", "anonymousId": "anon", "userId": "42", "traits": {"name": "A", "email": "a@b.c"},
     "timestamp": "2026-01-02T00:00:02.000Z"},
    {"type": "track", "messageId": "t1", "userId": "42", "event": "Song Played", "timestamp": "2025-01-02T00:00:03.000Z"},
    {"type": "identify", "messageId": "i2", "userId": "42", "traits": {"name": "B", "plan": "pro"}, "timestamp": "2026-01-02T00:00:01.000Z"},
    {"type": "page", "messageId": "p2", "userId": "42", "anonymousId": "anon", "timestamp": "2026-01-02T00:00:05.000Z"},
    {"type": "identify", "messageId": "i3", "userId": "43", "anonymousId": "anon", "traits": {}, "timestamp": "2026-01-02T00:00:06.000Z"},
]  # fmt: skip


def queued() -> list[str]:
    """The envelopes of EVENTS, one each, received in this order, taken off the queue again."""
    for event in EVENTS:
        assert batch(event) == 200
    client, url = boto3.client("sqs"), _url()
    bodies: list[str] = []
    while messages := client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        bodies += [message["Body"] for message in messages]
        entries: Any = [{"Id": str(n), "ReceiptHandle": one["ReceiptHandle"]} for n, one in enumerate(messages)]
        client.delete_message_batch(QueueUrl=url, Entries=entries)
    return bodies


def _url() -> str:
    from cdp_core.config import settings

    return settings().queue_url


def send(bodies: list[str]) -> None:
    entries: Any = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(bodies)]
    boto3.client("sqs").send_message_batch(QueueUrl=_url(), Entries=entries)


def state() -> dict[str, Any]:
    """What people see, and the forest."""
    return {
        "profiles": [profiles.show(profiles.find(f"user_id:{one}")) for one in ("42", "43")],
        "parent": visitor("anon").parent,
        "rows": sorted(
            row.message_id for leaf in (user("42"), visitor("anon")) for row in activities.all_rows(leaf.id, 0)
        ),
    }


@pytest.mark.parametrize("seed", range(8))
def test_any_order_any_batching_and_any_repeats_give_the_same_state(seed: int) -> None:
    dice = random.Random(seed)
    with strict_aws():
        seed_keys()
        bodies = queued()
        send(bodies)
        drain_all()
        expected = state()
    assert expected["rows"] == ["p1", "p2", "t1"]
    with strict_aws():
        seed_keys()
        shuffled = bodies + dice.choices(bodies, k=3)
        dice.shuffle(shuffled)
        while shuffled:
            size = dice.randint(1, 4)
            send(shuffled[:size])
            shuffled = shuffled[size:]
            drain(lambda: 60_000)
        drain_all()
        assert state() == expected


@pytest.mark.parametrize("seed", range(6))
def test_a_faulty_aws_delays_and_never_falsifies(seed: int) -> None:
    """A1, A2: 20 % of all calls go wrong in every way there is."""
    kinds = (THROTTLE, SERVER_ERROR, TIMEOUT, LOST, PARTIAL)
    with strict_aws() as aws:
        seed_keys()
        bodies = queued()
        send(bodies)
        drain_all()
        expected = state()
    with strict_aws() as aws:
        seed_keys()
        send(bodies)
        aws.reset(Plan(share=0.2, kinds=kinds, seed=seed))
        _struggle(aws)
        aws.reset()
        for _ in range(3):
            visibility_expires(aws)
            drain_all()
        assert state() == expected


def _struggle(aws: StrictAws) -> None:
    from cdp_core.errors import TryAgain

    for _ in range(6):
        visibility_expires(aws)
        try:
            drain(lambda: 60_000)
        except TryAgain:
            continue
