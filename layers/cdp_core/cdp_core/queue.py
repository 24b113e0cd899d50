"""Gateway of the queue: the only way to SQS."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

from cdp_core.aws import CallRefused, Client, NoAnswer
from cdp_core.config import settings
from cdp_core.errors import Unavailable
from cdp_core.observability import logger

BATCH = 10
MAX_BATCH_BYTES = 1_048_576  # SQS's limit for one message and for one batch
MAX_WAIT_SECONDS = 1  # that a receive may ask SQS to wait for messages
_READ_SECONDS = MAX_WAIT_SECONDS + 2
_ROUNDS = 2


class Message(NamedTuple):
    """A received message: its body, the handle that deletes it, and how often it was received so far."""

    id: str
    body: str
    handle: str
    attempts: int


@cache
def _client() -> Client:
    return Client("sqs", read_seconds=_READ_SECONDS)


def send(bodies: Sequence[str]) -> list[bool]:
    """Puts the messages on the queue; per message, whether SQS certainly took it.

    What SQS says it could not take is sent once more. After a call that failed as a whole, the others are not begun.
    """
    taken = [False] * len(bodies)
    url = settings().queue_url
    try:
        for batch in _batches(bodies):
            entries = [{"Id": str(index), "MessageBody": bodies[index]} for index in batch]
            for name in _done("SendMessageBatch", url, entries):
                taken[int(name)] = True
    except (CallRefused, NoAnswer):  # the client has logged it
        pass
    return taken


def _done(operation: str, url: str, entries: Any) -> Iterator[str]:
    """The ids of the entries for which it certainly happened. What SQS says it could not do is asked for once more."""
    for _ in range(_ROUNDS):
        answer = _client().call(operation, {"QueueUrl": url, "Entries": entries})
        yield from (one["Id"] for one in answer.get("Successful") or ())
        failed = {one["Id"]: str(one.get("Code")) for one in answer.get("Failed") or ()}
        if not failed:
            return
        entries = [one for one in entries if one["Id"] in failed]
    _log_failed(operation, failed.values())


def _log_failed(operation: str, codes: Iterable[str]) -> None:
    every = sorted(codes)
    logger().warning(
        "SQS did not do all of a batch",
        extra={"operation": operation, "entries": len(every), "codes": sorted(set(every)), "tries": _ROUNDS},
    )


def _batches(bodies: Sequence[str]) -> Iterator[list[int]]:
    """The messages' indices, in batches within SQS's limits of entries and bytes."""
    batch: list[int] = []
    size = 0
    for index, body in enumerate(bodies):
        length = len(body.encode())
        if batch and (len(batch) == BATCH or size + length > MAX_BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(index)
        size += length
    if batch:
        yield batch


def receive(
    *, visibility_seconds: int, wait_seconds: int = 0, maximum: int = BATCH, dead: bool = False
) -> list[Message]:
    """At most ten messages, hidden from others for `visibility_seconds`; with `dead` of the dead-letter queue. Raises Unavailable.

    SQS waits for a first one for `wait_seconds`, which is MAX_WAIT_SECONDS at most.
    """
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
    return [_message(entry) for entry in answer.get("Messages") or ()]


def _message(entry: Any) -> Message:
    attempts = int(entry.get("Attributes", {}).get("ApproximateReceiveCount", 1))
    return Message(entry["MessageId"], entry["Body"], entry["ReceiptHandle"], attempts)


def _url(dead: bool) -> str:
    return settings().dead_letter_queue_url if dead else settings().queue_url


def delete(handles: Sequence[str], *, dead: bool = False) -> int:
    """Deletes messages; how many are gone for certain. The others come back, which is harmless.

    After a call that failed as a whole, the others are not begun.
    """
    gone = 0
    try:
        for start in range(0, len(handles), BATCH):
            batch = enumerate(handles[start : start + BATCH])
            entries = [{"Id": str(n), "ReceiptHandle": handle} for n, handle in batch]
            gone += sum(1 for _ in _done("DeleteMessageBatch", _url(dead), entries))
    except (CallRefused, NoAnswer):  # the client has logged it
        pass
    return gone


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
