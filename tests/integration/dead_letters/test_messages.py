"""Messages that crashed the flush: redriven from SQS's dead-letter queue under their own keys (A8, A9)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest

from cdp_core.domain import counting
from cdp_core.errors import TryAgain, Unavailable
from cdp_core.usecases import apply_envelopes, apply_leaf, drain
from tests.double import Fault, Plan, StrictAws, strict_aws
from tests.double.faults import Died
from tests.integration.dead_letters.asking import (
    DAY,
    KINDS,
    START,
    Clock,
    ask,
    dead,
    listed,
    messages_return,
    rows,
    work,
)
from tests.integration.test_profiles_api import page
from tests.support.product import batch, drain_all, seed_keys, user


def _lose(aws: StrictAws) -> None:
    """Ten receives are over: the messages of the queue are on the dead-letter queue now, as SQS moves them."""
    client = boto3.client("sqs")
    messages_return()
    source, target = aws.environment["QUEUE_URL"], aws.environment["DEAD_LETTER_QUEUE_URL"]
    for one in client.receive_message(QueueUrl=source, MaxNumberOfMessages=10).get("Messages", []):
        client.send_message(QueueUrl=target, MessageBody=one["Body"])
        client.delete_message(QueueUrl=source, ReceiptHandle=one["ReceiptHandle"])


@contextmanager
def half_applied(monkeypatch: pytest.MonkeyPatch) -> Iterator[StrictAws]:
    """A message that crashed the flush in the middle 13 days ago: one leaf has it, the other has not."""
    Clock.now = START
    with strict_aws() as aws:
        seed_keys()
        batch(page("p1", userId="1"), page("p2", userId="2"))
        with monkeypatch.context() as broken:
            broken.setattr(apply_envelopes, "apply", _apply_only(user("1").id))
            drain.drain(lambda: 60_000)
        _lose(aws)
        for _ in range(2):
            Clock.now += 60_000
            batch(page(f"later{Clock.now}", userId="1"))
            drain_all()
        Clock.now += 13 * DAY
        yield aws


def _apply_only(leaf: str) -> Any:
    def apply(work: Any, tools: Any) -> Any:
        if work.leaf == leaf:
            return apply_leaf.apply(work, tools)
        raise TryAgain("the process died here")

    return apply


@pytest.mark.parametrize("ring", [32, 1])
def test_a_half_applied_message_is_redriven_13_days_later_under_its_own_key(
    ring: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A9."""
    monkeypatch.setattr(counting, "RING_SIZE", ring)
    with half_applied(monkeypatch) as aws:
        assert user("1").counts == {"pagevisit": 3}
        (letter,) = listed("?source=messages")
        assert (letter["reason"], letter["at"]) == ("crashed_the_flush", "2030-03-17T17:46:40.000Z")
        messages_return()
        assert work(ask(source="messages", dry_run=True))["redriven"] == 1
        assert work(ask(source="messages", per_second=2)) == {"examined": 1, "redriven": 1, "still_refused": 0}
        assert Clock.slept == [0.5]
        drain_all()
        assert (user("1").counts, user("2").counts) == ({"pagevisit": 3}, {"pagevisit": 1})
        assert len(rows("1")) == 3
        assert rows("2") == ["p2"]
        assert listed("?source=messages") == []
        aws.reset()


@pytest.mark.parametrize("kind", KINDS)
def test_a_redrive_of_messages_that_dies_at_any_call_leaves_none_behind(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message that was received and not sent is seen again: one empty receive does not end the job."""
    for nth in range(2 * KINDS.index(kind), _messages_with(None, monkeypatch), 6):
        _messages_with(Fault("*", nth, kind), monkeypatch)


def _messages_with(fault: Fault | None, monkeypatch: pytest.MonkeyPatch) -> int:
    with half_applied(monkeypatch) as aws:
        job_id = ask(source="messages")
        aws.reset(Plan(faults=(fault,)) if fault else None)
        try:
            work(job_id)
        except (Died, Unavailable):  # where not even the list of jobs can be read, Lambda reports the error
            Clock.now += 100_000
        made = len(aws.calls)
        aws.reset()
        messages_return()
        assert work(job_id)["redriven"] == 1, fault
        drain_all()
        assert (user("1").counts, user("2").counts) == ({"pagevisit": 3}, {"pagevisit": 1}), fault
        assert listed("?source=messages") == []
        return made


@pytest.mark.usefixtures("_keys")
def test_a_message_that_no_version_can_read_is_counted_and_goes_back_to_be_buried(aws: StrictAws) -> None:
    """A8: the flush keeps it as a dead letter once it was tried alone."""
    boto3.client("sqs").send_message(QueueUrl=aws.environment["DEAD_LETTER_QUEUE_URL"], MessageBody="not an envelope")
    counts = work(ask(source="messages"))
    assert (counts["redriven"], counts["undecodable"]) == (1, 1)
    for _ in range(4):
        drain.drain(lambda: 60_000)
        messages_return()
    assert dead(aws) == ["undecodable_envelope"]
    assert work(ask())["still_refused"] == 1
