"""Invariant 4, at a size for every run; and the same through the real SDK on moto."""

import random
from typing import Any

import boto3
import pytest

from cdp_core.tables import activities
from cdp_core.usecases import profiles
from cdp_core.usecases.drain import drain
from tests.campaign import order, tasks
from tests.double import Plan, StrictAws, strict_aws
from tests.double.faults import LOST, PARTIAL, SERVER_ERROR, THROTTLE, TIMEOUT
from tests.support.product import batch, drain_all, seed_keys, user, visibility_expires, visitor

EVENTS = order.six()


def test_every_order_of_six_envelopes_ends_in_the_same_state() -> None:
    """F8: all 720."""
    result = tasks.orders()
    assert result.figures["permutations"] == 720
    assert result.violations == []


def test_shuffles_of_two_hundred_envelopes_end_in_the_same_state() -> None:
    """F8: batched at random, some repeated."""
    assert tasks.shuffles(20, 200, 1).violations == []


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
            visibility_expires(aws.environment["QUEUE_URL"])
            drain_all()
        assert state() == expected


def _struggle(aws: StrictAws) -> None:
    from cdp_core.errors import TryAgain

    for _ in range(6):
        visibility_expires(aws.environment["QUEUE_URL"])
        try:
            drain(lambda: 60_000)
        except TryAgain:
            continue
