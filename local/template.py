"""template.yaml as the local stack uses it: translated from SAM, with its packages on the engine's S3, and its routes."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

from local.gateway import Api, Cors, Route
from local.intrinsics import resolve
from local.settings import REGION

Template = dict[str, Any]
_FUNCTION_OF_URI = re.compile(r"\$\{(\w+)(?:\.Arn|Alias)\}")


def read(path: Path) -> Template:
    """The template as it is written, CloudFormation's short forms expanded. Raises OSError, or yaml's own errors."""
    return dict(yaml_parse(path.read_text()))


def with_packages(template: Template, *, bucket: str, keys: Mapping[str, str]) -> Template:
    """The template with each function's and layer's local folder replaced by its package on S3.

    `keys` maps the folder's name (`track`, `cdp_core`) to the key.
    """
    resources = dict(template["Resources"])
    for name, resource in resources.items():
        source = {"AWS::Serverless::Function": "CodeUri", "AWS::Serverless::LayerVersion": "ContentUri"}.get(
            resource["Type"]
        )
        if source is not None:
            key = keys[Path(resource["Properties"][source]).name]
            package = {"Bucket": bucket, "Key": key}
            resources[name] = {**resource, "Properties": {**resource["Properties"], source: package}}
    return {**template, "Resources": resources}


def parameters(template: Template, given: Mapping[str, str]) -> dict[str, str]:
    """The values of all parameters: what is given, else the defaults. Raises KeyError for one that does not exist."""
    declared = template["Parameters"]
    if unknown := given.keys() - declared.keys():
        raise KeyError(f"template.yaml has no parameter {', '.join(sorted(unknown))}")
    return {name: given.get(name, str(one["Default"])) for name, one in declared.items()}


def translate(template: Template, values: Mapping[str, str]) -> Template:
    """Plain CloudFormation for these parameter values. Raises samtranslator's errors, which name the resource."""
    translator = Translator(None, Parser(), boto_session=boto3.Session(region_name=REGION))
    return dict(translator.translate(template, parameter_values=dict(values)))


def apis(translated: Template, *, values: Mapping[str, str], functions: Mapping[str, str]) -> list[Api]:
    """The HTTP APIs with their routes. `functions` maps logical to deployed names."""
    conditions = translated.get("Conditions", {})
    found = []
    for name, resource in translated["Resources"].items():
        if resource["Type"] == "AWS::ApiGatewayV2::Api":
            body = resolve(resource["Properties"]["Body"], parameters=values, conditions=conditions)
            found.append(Api(name, _routes(body, functions), _cors(body.get("x-amazon-apigateway-cors"))))
    # The tracking API first: it is the one that answers for paths that nobody has.
    return sorted(found, key=lambda api: "*" not in api.cors.origins)


def _routes(body: Mapping[str, Any], functions: Mapping[str, str]) -> list[Route]:
    return [
        Route(
            "ANY" if method == "x-amazon-apigateway-any-method" else method.upper(),
            path,
            functions[_target(route["x-amazon-apigateway-integration"], body)],
        )
        for path, methods in body["paths"].items()
        for method, route in methods.items()
    ]


def _target(integration: Mapping[str, Any], body: Mapping[str, Any]) -> str:
    """The logical name of the function behind a route, whose integration may be one that several share."""
    for part in integration["$ref"].removeprefix("#/").split("/") if "$ref" in integration else ():
        body = body[part]
    uri = (body if "$ref" in integration else integration)["uri"]["Fn::Sub"]
    found = _FUNCTION_OF_URI.search(uri)
    if found is None:
        raise ValueError(f"no function in the integration {uri}")
    return found[1]


def _cors(given: Mapping[str, Any] | None) -> Cors:
    if not given:
        return Cors()
    return Cors(
        origins=_texts(given.get("allowOrigins")),
        methods=_texts(given.get("allowMethods")),
        headers=_texts(given.get("allowHeaders")),
        exposed=_texts(given.get("exposeHeaders")),
        max_age=int(given["maxAge"]) if "maxAge" in given else None,
        credentials=bool(given.get("allowCredentials")),
    )


def _texts(given: Any) -> list[str]:
    """A list, or a CommaDelimitedList parameter's text."""
    return [part.strip() for part in given.split(",")] if isinstance(given, str) else list(given or [])
