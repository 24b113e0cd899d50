"""How the gateways speak DynamoDB: one client, low-level values, batches that finish, errors in our own words."""

import os
from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from cdp_core.aws import CONDITIONS, CallRefused, Client, NoAnswer
from cdp_core.aws import pause as pause
from cdp_core.errors import CdpError, Unavailable
from cdp_core.observability import logger

Item = dict[str, dict[str, Any]]
Key = tuple[str, str]

BATCH_GET = 100
BATCH_WRITE = 25
_ATTEMPTS = 6  # rounds over what a batch left unprocessed, about 3 s with full jitter
_READ_SECONDS = 3
_SORRY = "a table did not answer with certainty; send the request again"  # anybody may read this


class StoreRefused(CdpError):
    """DynamoDB called the request itself invalid: repeating it cannot help."""

    code = "refused_by_store"


@cache
def _client() -> Client:
    return Client("dynamodb", read_seconds=_READ_SECONDS)


def key_of(key: Key) -> Item:
    """A primary key in DynamoDB's notation."""
    return {"pk": {"S": key[0]}, "sk": {"S": key[1]}}


def bytes_of(attribute: Mapping[str, Any]) -> bytes:
    """What a binary attribute of an answer holds."""
    return b64decode(attribute["B"])


def call(operation: str, **arguments: Any) -> Any:
    """One call by its name in DynamoDB's API. A failed condition comes back as None; raises Unavailable or StoreRefused."""
    answer, refused = asked(operation, **arguments)
    return None if refused else answer


def asked(operation: str, **arguments: Any) -> tuple[Mapping[str, Any], bool]:
    """One call's answer, and whether a condition failed: the answer says which. Raises Unavailable or StoreRefused."""
    try:
        return _client().call(operation, arguments), False
    except CallRefused as error:
        return _unmet(error).answer, True
    except NoAnswer as error:
        raise Unavailable(_SORRY) from error


def delete(table: str, key: Key) -> bool:
    """Deletes an item. False if there was none; what an earlier try of this call may have deleted was there."""
    try:
        _client().call(
            "DeleteItem", {"TableName": table, "Key": key_of(key), "ConditionExpression": "attribute_exists(pk)"}
        )
    except CallRefused as error:
        return _unmet(error).in_doubt
    except NoAnswer as error:
        raise Unavailable(_SORRY) from error
    return True


def _unmet(error: CallRefused) -> CallRefused:
    """The error, if it says that a condition failed. Raises Unavailable or StoreRefused for all others."""
    if error.name in CONDITIONS:
        return error
    if error.name == "ValidationException":
        raise StoreRefused(str(error)) from error
    raise Unavailable(_SORRY) from error


def get(table: str, key: Key, *, strong: bool = True) -> Item | None:
    """One item, or None."""
    answer = call("GetItem", TableName=table, Key=key_of(key), ConsistentRead=strong)
    found: Item | None = answer.get("Item")
    return found


def get_many(table: str, keys: Iterable[Key]) -> dict[Key, Item]:
    """The items that exist among these keys, strongly read, 100 a call, leftovers asked for again."""
    wanted = list(dict.fromkeys(keys))
    found: dict[Key, Item] = {}
    for start in range(0, len(wanted), BATCH_GET):
        found.update(_get_batch(table, wanted[start : start + BATCH_GET]))
    return found


def _get_batch(table: str, keys: list[Key]) -> dict[Key, Item]:
    found: dict[Key, Item] = {}
    left: Any = [{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in keys]  # as key_of, without its calls
    for _ in _rounds("BatchGetItem"):
        answer = call("BatchGetItem", RequestItems={table: {"Keys": left, "ConsistentRead": True}})
        found |= {(item["pk"]["S"], item["sk"]["S"]): item for item in answer["Responses"].get(table, [])}
        left = ((answer.get("UnprocessedKeys") or {}).get(table) or {}).get("Keys")
        if not left:
            return found
    raise Unavailable(_SORRY)


def delete_many(table: str, keys: Sequence[Key]) -> None:
    """Deletes these keys, 25 a call, until none is left unprocessed. Raises Unavailable if some stay."""
    for start in range(0, len(keys), BATCH_WRITE):
        _delete_batch(table, keys[start : start + BATCH_WRITE])


def _delete_batch(table: str, keys: Sequence[Key]) -> None:
    left: Any = [{"DeleteRequest": {"Key": key_of(key)}} for key in keys]
    for _ in _rounds("BatchWriteItem"):
        answer = call("BatchWriteItem", RequestItems={table: left})
        left = (answer.get("UnprocessedItems") or {}).get(table)
        if not left:
            return
    raise Unavailable(_SORRY)


def _rounds(operation: str) -> Iterator[int]:
    """The rounds over what an operation leaves undone, with pauses between them. Whoever needs more than all has given up."""
    for attempt in range(_ATTEMPTS):
        if attempt:
            pause(attempt)
        yield attempt
    logger().warning("DynamoDB left something undone", extra={"operation": operation, "tries": _ATTEMPTS})


def query(table: str, *, condition: str, values: Item, **options: Any) -> Iterator[dict[str, Any]]:
    """The pages of a query, one answer each; `options` are the SDK's own."""
    while True:
        page = call(
            "Query",
            TableName=table,
            KeyConditionExpression=condition,
            ExpressionAttributeValues=values,
            **options,
        )
        yield page
        if "LastEvaluatedKey" not in page:
            return
        options["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def transact(actions: list[dict[str, Any]]) -> bool:
    """All or nothing. False if a condition failed; raises Unavailable if it conflicted too often or nobody knows.

    A cancelled transaction has certainly not happened, so one that met another is tried again at once.
    """
    for _ in _rounds("TransactWriteItems"):
        reasons = _transact_once(actions)
        if reasons <= {"None", "ConditionalCheckFailed"}:
            return not reasons
        if "ValidationError" in reasons:
            raise StoreRefused("a transaction held an invalid item")
    raise Unavailable(_SORRY)


def _transact_once(actions: list[dict[str, Any]]) -> set[str]:
    """The reasons for which it was cancelled; none if it happened. The token makes a repeated request the same transaction."""
    token = os.urandom(16).hex()
    answer, refused = asked("TransactWriteItems", TransactItems=actions, ClientRequestToken=token)
    return (
        {str(reason.get("Code")) for reason in answer.get("CancellationReasons") or ()} | {"None"} if refused else set()
    )
