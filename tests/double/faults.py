"""Faults by plan: which call of which operation goes wrong, and how. A plan made from a seed replays."""

import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError

from tests.double.limits import refuse

THROTTLE, SERVER_ERROR, TIMEOUT, LOST, PARTIAL, EXIT_BEFORE, EXIT_AFTER, RAISE_BEFORE, RAISE_AFTER = (
    "throttle server_error timeout lost partial exit_before exit_after raise_before raise_after"
).split()
_WRITES = {"PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem", "SendMessageBatch",
           "DeleteMessageBatch", "PutObject"}  # fmt: skip
_CODES = {"sqs": "ThrottlingException", "dynamodb": "ProvisionedThroughputExceededException"}


class Died(BaseException):
    """Stands for the death of the process where a test must go on; not an Exception, so no handler catches it."""


@dataclass(frozen=True, slots=True)
class Fault:
    """The `nth` call (from 0) of an operation (or of all, as `*`) goes wrong in one way."""

    operation: str
    nth: int
    kind: str


@dataclass(slots=True)
class Plan:
    """Which calls go wrong: the listed ones, and a share of all others, drawn from a seed."""

    faults: tuple[Fault, ...] = ()
    share: float = 0.0
    kinds: tuple[str, ...] = (THROTTLE, SERVER_ERROR, TIMEOUT, LOST, PARTIAL)
    seed: int = 0
    seen: dict[str, int] = field(default_factory=dict)
    dice: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)

    def next(self, operation: str) -> str | None:
        """The way in which this call goes wrong, or None."""
        found = None
        for name in (operation, "*"):
            nth = self.seen[name] = self.seen.get(name, -1) + 1
            found = found or next((f.kind for f in self.faults if (f.operation, f.nth) == (name, nth)), None)
        if found is None and self.share and self.dice.random() < self.share:
            return self.dice.choice(self.kinds)
        return found


def apply(kind: str | None, service: str, operation: str, call: Callable[[], Any], arguments: dict[str, Any]) -> Any:
    """Makes the call, with its fault."""
    if kind is None:
        return call()
    if kind in (THROTTLE, SERVER_ERROR, TIMEOUT):
        raise _error(kind, service, operation)
    if kind == LOST:
        call()
        raise ReadTimeoutError(endpoint_url="lost answer")
    if kind in (EXIT_BEFORE, EXIT_AFTER, RAISE_BEFORE, RAISE_AFTER):
        return _die(kind, call)
    return _partial(operation, call, arguments)


def _error(kind: str, service: str, operation: str) -> Exception:
    if kind == TIMEOUT:
        return ConnectTimeoutError(endpoint_url="not reached")
    if kind == THROTTLE:
        return refuse(operation, _CODES.get(service, "ThrottlingException"), "Rate exceeded")
    return refuse(operation, "InternalServerError", "Internal server error")


def _die(kind: str, call: Callable[[], Any]) -> Any:
    if kind in (EXIT_AFTER, RAISE_AFTER):
        call()
    if kind in (EXIT_BEFORE, EXIT_AFTER):
        os._exit(86)
    raise Died


def _partial(operation: str, call: Callable[[], Any], arguments: dict[str, Any]) -> Any:
    """Half of a batch is done, the other half is left over, as AWS reports it for this operation."""
    if operation in ("BatchWriteItem", "BatchGetItem"):
        return _partial_items(operation, call, arguments)
    if operation in ("SendMessageBatch", "DeleteMessageBatch"):
        entries = arguments["Entries"]
        left = entries[len(entries) // 2 :]
        arguments["Entries"] = entries[: len(entries) // 2]
        answer = call() if arguments["Entries"] else {"Successful": []}
        failed = [{"Id": one["Id"], "Code": "InternalError", "SenderFault": False} for one in left]
        return {**answer, "Failed": failed}
    return call()


def _partial_items(operation: str, call: Callable[[], Any], arguments: dict[str, Any]) -> Any:
    ((table, request),) = arguments["RequestItems"].items()
    many = request["Keys"] if operation == "BatchGetItem" else request
    done, left = many[: len(many) // 2], many[len(many) // 2 :]
    name = "UnprocessedKeys" if operation == "BatchGetItem" else "UnprocessedItems"
    rest = {table: {**request, "Keys": left} if operation == "BatchGetItem" else left}
    if not done:
        return {"Responses": {}, name: rest}
    arguments["RequestItems"] = {table: {**request, "Keys": done} if operation == "BatchGetItem" else done}
    return {**call(), name: rest}
