"""Gateway of the catalogue: activity types, built in and discovered."""

from cdp_core.config import settings
from cdp_core.tables import dynamo

_PARTITION = "catalogue"
_COUNTER = (_PARTITION, "counter#discovered_types")
_PREFIX = "activity_type#"


def discovered_types() -> dict[str, str]:
    """Display names of the discovered activity types by code name."""
    pages = dynamo.query(
        settings().profiles_table,
        condition="pk = :pk AND begins_with(sk, :prefix)",
        values={":pk": {"S": _PARTITION}, ":prefix": {"S": _PREFIX}},
        ConsistentRead=True,
    )
    return {item["sk"]["S"][len(_PREFIX) :]: item["name"]["S"] for page in pages for item in page["Items"]}


def discover_type(code_name: str, display_name: str, *, discovered_at: int) -> bool:
    """Adds an activity type unless the deployment has its limit. False if it does, or if the type is known already."""
    table = settings().profiles_table
    limit = settings().max_discovered_types
    item = dynamo.key_of((_PARTITION, _PREFIX + code_name))
    item |= {"name": {"S": display_name}, "discovered": {"N": str(discovered_at)}}
    counter = {
        "TableName": table,
        "Key": dynamo.key_of(_COUNTER),
        "UpdateExpression": "ADD n :one",
        "ConditionExpression": "attribute_not_exists(n) OR n < :limit",
        "ExpressionAttributeValues": {":one": {"N": "1"}, ":limit": {"N": str(limit)}},
    }
    put = {"TableName": table, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}
    return limit > 0 and dynamo.transact([{"Put": put}, {"Update": counter}])
