"""Gateway of labels: short lists that admins define to sort things by, such as contact statuses and roles in accounts."""

from dataclasses import dataclass

from cdp_core.config import settings
from cdp_core.tables import dynamo
from cdp_core.tables.codec import from_json, to_json
from cdp_core.tables.dynamo import Item

STATUSES, ACCOUNT_ROLES = "statuses", "account-roles"
MAX_LABELS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """One entry of a list."""

    code_name: str
    name: str
    description: str = ""


def all_of(kind: str) -> dict[str, Label]:
    """The labels of a kind by code name, strongly read; there are at most MAX_LABELS."""
    pages = dynamo.query(
        settings().profiles_table,
        condition="pk = :pk",
        values={":pk": {"S": f"labels#{kind}"}},
        ConsistentRead=True,
    )
    return {item["sk"]["S"]: _parse(item) for page in pages for item in page["Items"]}


def save(kind: str, label: Label) -> None:
    """Stores a label as it is defined now."""
    item = dynamo.key_of((f"labels#{kind}", label.code_name))
    item |= {"d": {"S": to_json({"name": label.name, "description": label.description})}}
    dynamo.call("PutItem", TableName=settings().profiles_table, Item=item)


def remove(kind: str, code_name: str) -> None:
    """Removes a label; what carries it keeps its code."""
    key = dynamo.key_of((f"labels#{kind}", code_name))
    dynamo.call("DeleteItem", TableName=settings().profiles_table, Key=key)


def _parse(item: Item) -> Label:
    return Label(code_name=item["sk"]["S"], **from_json(item["d"]["S"]))
