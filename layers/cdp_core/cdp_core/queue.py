"""Gateway of the queue: the only way to SQS."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

from cdp_core.aws import CallRefused, Client, NoAnswer
from cdp_core.config import settings
from cdp_core.errors import Unavailable

BATCH = 10
MAX_BATCH_BYTES = 1_048_576  # SQS's limit for one message and for one batch
_SEND_TRIES = 2
_READ_SECONDS, _SEND_SECONDS = 25, 3  # a receive may wait for 20


class Message(NamedTuple):
    """A received message: its body, the handle that deletes it, and how often it was received so far."""

    id: str
    body: str
    handle: str
    attempts: int


@cache
def _client() -> Client:
    return Client("sqs", read_seconds=_READ_SECONDS)


@cache
def _sender() -> Client:
    return Client("sqs", read_seconds=_SEND_SECONDS)


def send(bodies: Sequence[str]) -> list[bool]:
    """Puts the messages on the queue; per message, whether SQS certainly took it. What failed is tried once more."""
    taken = [False] * len(bodies)
    for _ in range(_SEND_TRIES):
        left = [index for index, done in enumerate(taken) if not done]
        for batch in _batches(left, bodies):
            for index in _send_batch(batch, bodies):
                taken[index] = True
        if all(taken):
            break
    return taken


def _batches(indices: Sequence[int], bodies: Sequence[str]) -> Iterator[list[int]]:
    """Batches within SQS's limits of entries and bytes."""
    batch: list[int] = []
    size = 0
    for index in indices:
        length = len(bodies[index].encode())
        if batch and (len(batch) == BATCH or size + length > MAX_BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(index)
        size += length
    if batch:
        yield batch


def _send_batch(batch: list[int], bodies: Sequence[str]) -> list[int]:
    entries: Any = [{"Id": str(index), "MessageBody": bodies[index]} for index in batch]
    try:
        answer = _sender().call("SendMessageBatch", {"QueueUrl": settings().queue_url, "Entries": entries})
    except (CallRefused, NoAnswer):
        return []
    return [int(entry["Id"]) for entry in answer.get("Successful", [])]


def receive(
    *, visibility_seconds: int, wait_seconds: int = 0, maximum: int = BATCH, dead: bool = False
) -> list[Message]:
    """At most ten messages, hidden from others for `visibility_seconds`; with `dead` of the dead-letter queue. Raises Unavailable."""
    try:
        answer = _client().call(
            "ReceiveMessage",
            {
                "QueueUrl": _url(dead),
                "MaxNumberOfMessages": maximum,
                "VisibilityTimeout": visibility_seconds,
                "WaitTimeSeconds": wait_seconds,
                "MessageSystemAttributeNames": ["ApproximateReceiveCount"],
            },
        )
    except (CallRefused, NoAnswer) as error:
        raise Unavailable("the queue could not be read") from error
    return [_message(entry) for entry in answer.get("Messages", [])]


def _message(entry: Any) -> Message:
    attempts = int(entry.get("Attributes", {}).get("ApproximateReceiveCount", 1))
    return Message(entry["MessageId"], entry["Body"], entry["ReceiptHandle"], attempts)


def _url(dead: bool) -> str:
    return settings().dead_letter_queue_url if dead else settings().queue_url


def delete(handles: Sequence[str], *, dead: bool = False) -> int:
    """Deletes messages; how many are gone for certain. The others come back, which is harmless."""
    gone = 0
    for start in range(0, len(handles), BATCH):
        entries: Any = [{"Id": str(n), "ReceiptHandle": one} for n, one in enumerate(handles[start : start + BATCH])]
        for _ in range(2):
            failed = _delete_batch(entries, _url(dead))
            gone += len(entries) - len(failed)
            entries = failed
            if not entries:
                break
    return gone


def _delete_batch(entries: Any, url: str) -> Any:
    """The entries that are not certainly deleted."""
    try:
        answer = _client().call("DeleteMessageBatch", {"QueueUrl": url, "Entries": entries})
    except (CallRefused, NoAnswer):
        return entries
    done = {entry["Id"] for entry in answer.get("Successful", [])}
    return [entry for entry in entries if entry["Id"] not in done]


def backlog() -> int:
    """About how many messages wait. Raises Unavailable."""
    try:
        answer = _client().call(
            "GetQueueAttributes",
            {"QueueUrl": settings().queue_url, "AttributeNames": ["ApproximateNumberOfMessages"]},
        )
    except (CallRefused, NoAnswer) as error:
        raise Unavailable("the queue could not be read") from error
    return int(answer["Attributes"]["ApproximateNumberOfMessages"])
