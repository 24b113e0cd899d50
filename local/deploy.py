"""Deploys template.yaml to an engine as a CloudFormation stack: created once, updated from then on, so data stays."""

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from localstack_client.session import Session

from local import template as templates
from local.gateway import Api
from local.packages import file_digest
from local.settings import REGION
from local.template import Template

STACK = "cdp-local"
_BUCKET = "cdp-local-packages"
_SECONDS = 120


class DeploymentFailed(Exception):
    """The engine refused the stack; the message holds its reasons."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """What stands after a deployment: the physical name of each resource by its logical name, and the HTTP APIs."""

    names: Mapping[str, str]
    apis: list[Api]


def deploy(path: Path, *, packages: Mapping[str, Path], given: Mapping[str, str]) -> Deployment:
    """Deploys the template at `path` with these packages and parameter values. Raises DeploymentFailed."""
    session = Session(region_name=REGION)
    raw = templates.read(path)
    values = templates.parameters(raw, given)
    s3 = session.client("s3")
    keys = _upload(s3, packages)
    translated = templates.translate(templates.with_packages(raw, bucket=_BUCKET, keys=keys), values)
    formation = session.client("cloudformation")
    _put_stack(formation, _upload_template(s3, translated), given)
    _wait(formation)
    names = _names(formation)
    _set_time_to_live(session.client("dynamodb"), translated, names)
    return Deployment(names, templates.apis(translated, values=values, functions=names))


def _upload(s3: Any, packages: Mapping[str, Path]) -> dict[str, str]:
    """Puts each package under the digest of its content: a changed package is a changed template."""
    s3.create_bucket(Bucket=_BUCKET)
    keys = {name: f"{name}-{file_digest(package)[:16]}.zip" for name, package in packages.items()}
    for name, package in packages.items():
        s3.put_object(Bucket=_BUCKET, Key=keys[name], Body=package.read_bytes())
    return keys


def _upload_template(s3: Any, translated: Template) -> str:
    """The template's address in the bucket: a request itself holds 51 200 bytes at most."""
    body = json.dumps(translated, default=str).encode()
    key = f"template-{hashlib.sha256(body).hexdigest()[:16]}.json"
    s3.put_object(Bucket=_BUCKET, Key=key, Body=body)
    return f"{s3.meta.endpoint_url}/{_BUCKET}/{key}"


def _put_stack(formation: Any, template_url: str, given: Mapping[str, str]) -> None:
    request = {
        "StackName": STACK,
        "TemplateURL": template_url,
        "Parameters": [{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()],
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    }
    try:
        if _status(formation) is None:
            formation.create_stack(**request)
        else:
            formation.update_stack(**request)
    except ClientError as error:
        if "No updates" not in str(error):
            raise DeploymentFailed(str(error)) from error


def _status(formation: Any) -> str | None:
    try:
        return str(formation.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"])
    except ClientError:
        return None


def _wait(formation: Any) -> None:
    deadline = time.monotonic() + _SECONDS
    while (status := _status(formation) or "").endswith("IN_PROGRESS") and time.monotonic() < deadline:
        time.sleep(0.2)
    if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        events = formation.describe_stack_events(StackName=STACK)["StackEvents"]
        reasons = [
            f"{event['LogicalResourceId']}: {event['ResourceStatusReason']}"
            for event in events
            if event["ResourceStatus"].endswith("FAILED") and event.get("ResourceStatusReason")
        ]
        raise DeploymentFailed(f"the stack is {status or 'gone'}: " + "; ".join(reasons[:5]))


def _names(formation: Any) -> dict[str, str]:
    pages = formation.get_paginator("list_stack_resources").paginate(StackName=STACK)
    resources = [one for page in pages for one in page["StackResourceSummaries"]]
    return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in resources if "PhysicalResourceId" in one}


def _set_time_to_live(dynamodb: Any, translated: Template, names: Mapping[str, str]) -> None:
    """The engine's CloudFormation passes over it."""
    for logical, resource in translated["Resources"].items():
        wanted = resource["Properties"].get("TimeToLiveSpecification") if "Properties" in resource else None
        if resource["Type"] != "AWS::DynamoDB::Table" or not wanted:
            continue
        table = names[logical]
        found = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
        if found["TimeToLiveStatus"] == "DISABLED":
            dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=wanted)
