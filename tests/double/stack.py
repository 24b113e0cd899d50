"""The stateful part of the stack, made from template.yaml so that it cannot drift from what is deployed."""

from pathlib import Path
from typing import Any

import boto3
import yaml

ROOT = Path(__file__).parents[2]
_KEPT = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short functions as plain values."""


_Loader.add_multi_constructor("!", lambda loader, suffix, node: _short(loader, suffix, node))


def _short(loader: Any, suffix: str, node: Any) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return {suffix: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {suffix: loader.construct_sequence(node, deep=True)}
    return {suffix: loader.construct_mapping(node, deep=True)}


def template() -> dict[str, Any]:
    """template.yaml; short functions appear as one-entry mappings."""
    loaded: dict[str, Any] = yaml.load((ROOT / "template.yaml").read_text(), Loader=_Loader)  # noqa: S506
    return loaded


def create_tables(client: Any) -> dict[str, str]:
    """Creates the template's tables on any engine; their names as the functions' environment has them."""
    resources = template()["Resources"]
    for logical in ("ProfilesTable", "ActivitiesTable"):
        properties = {
            name: resources[logical]["Properties"][name] for name in _KEPT if name in resources[logical]["Properties"]
        }
        for index in properties.get("GlobalSecondaryIndexes", []):
            index.pop("OnDemandThroughput", None)
        client.create_table(TableName=logical, **properties)
    return {"PROFILES_TABLE": "ProfilesTable", "ACTIVITIES_TABLE": "ActivitiesTable"}


def deploy() -> dict[str, str]:
    """Makes tables, queue, bucket and secrets; the environment that the functions get."""
    tables = create_tables(boto3.client("dynamodb"))
    region = boto3.client("sqs").meta.region_name
    boto3.client("s3").create_bucket(Bucket="cdp-bucket", CreateBucketConfiguration={"LocationConstraint": region})
    secrets = boto3.client("secretsmanager")
    return tables | {
        "QUEUE_URL": _queue("events"),
        "DEAD_LETTER_QUEUE_URL": _queue("dead"),
        "BUCKET": "cdp-bucket",
        "IDENTITY_SECRET": secrets.create_secret(Name="identity", SecretString="identity-key")["ARN"],
        "ADMIN_SECRET": secrets.create_secret(Name="admin", SecretString="local-admin-key")["ARN"],
    }


def _queue(name: str) -> str:
    attributes = {"VisibilityTimeout": "90", "MaximumMessageSize": "1048576"}
    return boto3.client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
