"""Gateway that reads a leaf's hot item and contact together: one query for most profiles, one batch for a list of them."""

from collections.abc import Iterable

from cdp_core.config import settings
from cdp_core.domain.leaf import Leaf
from cdp_core.tables import contacts, dynamo, leaves
from cdp_core.tables.contacts import Details

# The hot item sorts first and the current contact soon after; lists like memberships come behind and are not wanted.
_FIRST_ITEMS = 8


def load(leaf: str) -> tuple[Leaf, Details]:
    """The leaf and the contact of its current life, strongly read."""
    answer = dynamo.call(
        "Query",
        TableName=settings().profiles_table,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": leaf}},
        ConsistentRead=True,
        Limit=_FIRST_ITEMS,
    )
    items = {item["sk"]["S"]: item for item in answer["Items"]}
    hot = leaves.parse(leaf, items.get(leaves.HOT))
    key = contacts.contact_key(leaf, hot.epoch)
    if key[1] not in items and len(items) == _FIRST_ITEMS:
        return hot, contacts.load(key)
    return hot, contacts.parse(key, items.get(key[1]))


def load_many(lives: Iterable[tuple[str, int]]) -> list[tuple[Leaf, Details]]:
    """Each leaf with the contact of the given epoch, strongly read; whether that epoch is current is the caller's to check."""
    wanted = [(leaves.hot_key(leaf), contacts.contact_key(leaf, epoch)) for leaf, epoch in lives]
    found = dynamo.get_many(settings().profiles_table, (key for keys in wanted for key in keys))
    return [(leaves.parse(hot[0], found.get(hot)), contacts.parse(key, found.get(key))) for hot, key in wanted]
