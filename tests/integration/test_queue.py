"""The contract of the queue's gateway: the same on every engine that has queues."""

import os
from collections.abc import Iterator
from unittest import mock

import boto3
import pytest

from cdp_core import config, queue
from cdp_core.errors import Unavailable
from tests.double.strict import IN_MEMORY
from tests.integration.engines import available, running


@pytest.fixture(scope="module", params=[name for name in available() if name != "dynamodb-local"], autouse=True)
def _engine(request: pytest.FixtureRequest) -> Iterator[None]:
    with running(request.param), mock.patch.dict(os.environ):
        if request.param not in ("moto", "memory"):
            attributes = {"MaximumMessageSize": "1048576"}
            made = boto3.client("sqs").create_queue(QueueName="contract", Attributes=attributes)
            os.environ["QUEUE_URL"] = made["QueueUrl"]
        config.settings.cache_clear()
        yield
    config.settings.cache_clear()


def received() -> dict[str, queue.Message]:
    """Everything that waits, by body."""
    found: dict[str, queue.Message] = {}
    while messages := queue.receive(visibility_seconds=60):
        found |= {message.body: message for message in messages}
    return found


def test_what_was_taken_is_received_once_and_gone_when_deleted() -> None:
    bodies = [f'{{"n": {n}, "text": "ü \\" \\\\ \U0001f600"}}' for n in range(23)] + ["x" * 900_000]
    assert queue.send(bodies) == [True] * 24
    found = received()
    assert sorted(found) == sorted(bodies)
    assert {message.attempts for message in found.values()} == {1}
    assert queue.receive(visibility_seconds=60) == []
    assert queue.delete([message.handle for message in found.values()]) == 24
    assert queue.backlog() == 0


def test_a_queue_that_is_not_there_takes_nothing_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine in memory makes a queue of whatever is named, as it does with tables."""
    if os.environ["QUEUE_URL"] == IN_MEMORY["QUEUE_URL"]:
        return
    monkeypatch.setenv("QUEUE_URL", os.environ["QUEUE_URL"] + "-unknown")
    config.settings.cache_clear()
    try:
        assert queue.send(["x"]) == [False]
        with pytest.raises(Unavailable):
            queue.receive(visibility_seconds=1)
    finally:
        monkeypatch.undo()
        config.settings.cache_clear()
