"""Gateway of the checker alone: goes through whole tables page by page. No request is ever served by it."""

from dataclasses import dataclass

from cdp_core.config import settings
from cdp_core.domain.identity import is_leaf_id
from cdp_core.tables import activities, dynamo, leaves
from cdp_core.tables.dynamo import Key
from cdp_core.tables.leaves import HOT

PROFILES, ACTIVITIES = "profiles", "activities"


@dataclass(frozen=True, slots=True)
class Page:
    """The partitions met on a page, each once, and the key behind which to go on; none at the end."""

    partitions: list[str]
    last: Key | None


def page(table: str, *, start: Key | None, limit: int) -> Page:
    """The next page of a table: leaves of the profiles table, or the partitions of activities that leaves own.

    A partition in whose middle the page before ended is not named again.
    """
    name = settings().profiles_table if table == PROFILES else settings().activities_table
    answer = dynamo.call(
        "Scan",
        TableName=name,
        ProjectionExpression="pk, sk",
        Limit=limit,
        ConsistentRead=True,
        **({"ExclusiveStartKey": dynamo.key_of(start)} if start else {}),
    )
    found = dict.fromkeys(item["pk"]["S"] for item in answer["Items"])
    if start:
        found.pop(start[0], None)
    last = answer.get("LastEvaluatedKey")
    wanted = [one for one in found if is_leaf_id(one.partition("#")[0])]
    return Page(wanted, (last["pk"]["S"], last["sk"]["S"]) if last else None)


def hot_size(leaf: str) -> int:
    """About how many bytes a leaf's hot item has, as DynamoDB counts them."""
    item = dynamo.get(settings().profiles_table, leaves.hot_key(leaf)) or {}
    return sum(len(name) + _size(value) for name, value in item.items())


def _size(value: object) -> int:
    if isinstance(value, dict):
        return sum(len(str(name).encode()) + _size(part) for name, part in value.items())
    if isinstance(value, list):
        return sum(map(_size, value))
    return len(value) if isinstance(value, bytes) else len(str(value).encode())


def old_details(leaf: str, epoch: int) -> int:
    """How many items of lives before `epoch` a leaf still has in the profiles table (at most a page of them)."""
    answer = dynamo.call(
        "Query",
        TableName=settings().profiles_table,
        KeyConditionExpression="pk = :pk AND sk BETWEEN :low AND :high",
        ExpressionAttributeValues={":pk": {"S": leaf}, ":low": {"S": f"{HOT}\0"}, ":high": {"S": leaves.life(epoch)}},
        ConsistentRead=True,
        ProjectionExpression="pk",
        Limit=100,
    )
    return len(answer["Items"])


def rows_of(leaf: str, epoch: int) -> int:
    """How many items a life of a leaf has in the activities table (at most a page of them)."""
    answer = dynamo.call(
        "Query",
        TableName=settings().activities_table,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": activities.partition(leaf, epoch)}},
        ConsistentRead=True,
        ProjectionExpression="pk",
        Limit=100,
    )
    return len(answer["Items"])
