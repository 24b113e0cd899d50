"""How the gateways speak DynamoDB: one client, low-level values, batches that finish, errors in our own words."""

import random
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from cdp_core.errors import CdpError, Unavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient


Item = dict[str, dict[str, Any]]
Key = tuple[str, str]

BATCH_GET = 100
BATCH_WRITE = 25
MAX_CONNECTIONS = 32
_ATTEMPTS = 6  # rounds over what a batch left unprocessed, about 3 s with full jitter
_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 3},
    connect_timeout=1,
    read_timeout=3,
    max_pool_connections=MAX_CONNECTIONS,
)


class StoreRefused(CdpError):
    """DynamoDB called the request itself invalid: repeating it cannot help."""

    code = "refused_by_store"


@cache
def client() -> "DynamoDBClient":
    """The process's DynamoDB client; the SDK's own settings (region, AWS_ENDPOINT_URL) apply."""
    return boto3.client("dynamodb", config=_CONFIG)


def key_of(key: Key) -> Item:
    """A primary key in DynamoDB's notation."""
    return {"pk": {"S": key[0]}, "sk": {"S": key[1]}}


def error_code(error: ClientError) -> str:
    """The error's code, such as ConditionalCheckFailedException."""
    return error.response.get("Error", {}).get("Code", "")


def our_error(error: Exception) -> CdpError:
    """StoreRefused for a request that can never work, Unavailable for everything else."""
    if isinstance(error, ClientError) and error_code(error) == "ValidationException":
        return StoreRefused(str(error))
    return Unavailable(f"DynamoDB gave no certain answer: {type(error).__name__}")


def call(operation: str, **arguments: Any) -> Any:
    """One call. A failed condition comes back as None; raises Unavailable or StoreRefused."""
    try:
        return getattr(client(), operation)(**arguments)
    except ClientError as error:
        if error_code(error) == "ConditionalCheckFailedException":
            return None
        raise our_error(error) from error
    except BotoCoreError as error:
        raise our_error(error) from error


def get(table: str, key: Key, *, strong: bool = True) -> Item | None:
    """One item, or None."""
    answer = call("get_item", TableName=table, Key=key_of(key), ConsistentRead=strong)
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
    left: list[Item] = [key_of(key) for key in keys]
    for attempt in range(_ATTEMPTS):
        answer = call("batch_get_item", RequestItems={table: {"Keys": left, "ConsistentRead": True}})
        found |= {(item["pk"]["S"], item["sk"]["S"]): item for item in answer["Responses"].get(table, [])}
        left = answer.get("UnprocessedKeys", {}).get(table, {}).get("Keys", [])
        if not left:
            return found
        pause(attempt)
    raise Unavailable("DynamoDB left keys unread after all attempts")


def delete_many(table: str, keys: Sequence[Key]) -> None:
    """Deletes these keys, 25 a call, until none is left unprocessed. Raises Unavailable if some stay."""
    for start in range(0, len(keys), BATCH_WRITE):
        _delete_batch(table, keys[start : start + BATCH_WRITE])


def _delete_batch(table: str, keys: Sequence[Key]) -> None:
    left: Any = [{"DeleteRequest": {"Key": key_of(key)}} for key in keys]
    for attempt in range(_ATTEMPTS):
        left = call("batch_write_item", RequestItems={table: left}).get("UnprocessedItems", {}).get(table, [])
        if not left:
            return
        pause(attempt)
    raise Unavailable("DynamoDB left items undeleted after all attempts")


def query(table: str, *, condition: str, values: Item, **options: Any) -> Iterator[dict[str, Any]]:
    """The pages of a query, one answer each; `options` are the SDK's own."""
    while True:
        page = call(
            "query",
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
    for attempt in range(_ATTEMPTS):
        reasons = _transact_once(actions)
        if reasons <= {"None", "ConditionalCheckFailed"}:
            return not reasons
        if "ValidationError" in reasons:
            raise StoreRefused("a transaction held an invalid item")
        pause(attempt)
    raise Unavailable("a transaction met others too often")


def _transact_once(actions: list[dict[str, Any]]) -> set[str]:
    """The reasons for which it was cancelled; none if it happened."""
    try:
        client().transact_write_items(TransactItems=actions)  # type: ignore[arg-type]
    except ClientError as error:
        if error_code(error) != "TransactionCanceledException":
            raise our_error(error) from error
        return {str(reason.get("Code")) for reason in error.response.get("CancellationReasons", [])} | {"None"}
    except BotoCoreError as error:
        raise our_error(error) from error
    return set()


def pause(attempt: int) -> None:
    """Exponential backoff with full jitter: at most 50 ms at first, doubling."""
    time.sleep(random.uniform(0, 0.05 * 2**attempt))
