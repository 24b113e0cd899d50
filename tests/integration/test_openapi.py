"""The OpenAPI document: complete, true to what is deployed, and readable."""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from cdp_core.routes.scopes import PUBLIC, SCOPES
from tests.double.stack import template
from tests.support.product import function

Operation = tuple[str, dict[str, Any]]


@cache
def document() -> dict[str, Any]:
    """The document as the API serves it."""
    app = function("profiles_api")
    found: dict[str, Any] = json.loads(app.app.get_openapi_json_schema(**app.DOCUMENT))
    return found


def operations() -> list[Operation]:
    """Every documented operation by its route."""
    return [
        (f"{method.upper()} {path}", operation)
        for path, methods in document()["paths"].items()
        for method, operation in methods.items()
    ]


def deployed() -> set[str]:
    """Every route of the template."""
    paths = template()["Resources"]["AdminApi"]["Properties"]["DefinitionBody"]["paths"]
    return {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}


def test_it_is_a_valid_document_of_version_3_1() -> None:
    assert re.fullmatch(r"3\.1\.\d+", document()["openapi"])
    validate(document())


def test_what_is_deployed_what_may_be_asked_and_what_is_documented_are_the_same() -> None:
    """A route that is missing anywhere is named here."""
    documented = {route for route, _ in operations()}
    assert deployed() == SCOPES.keys() | PUBLIC
    assert documented == SCOPES.keys()


def test_every_operation_says_what_it_is_for() -> None:
    names = [operation["operationId"] for _, operation in operations()]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z][a-z_]+", name) for name in names), names
    for route, operation in operations():
        assert operation.get("summary"), route
        assert operation.get("description"), route
        assert operation.get("tags"), route


def test_every_operation_says_what_it_answers() -> None:
    """Success, and what may go wrong on every route; routes with a variable or a body say what is wrong input."""
    for route, operation in operations():
        statuses = set(operation["responses"])
        assert {"401", "403", "429", "503"} <= statuses, route
        assert statuses & {"200", "201", "202"}, route
        assert "422" not in statuses, route
        if "requestBody" in operation and not route.startswith("POST /erasures/replay"):
            assert "400" in statuses, route


def _schemas(operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The schema of the body, and of each success."""
    bodies = [operation["requestBody"]] if "requestBody" in operation else []
    bodies += [answer for status, answer in operation["responses"].items() if status.startswith("2")]
    for body in bodies:
        for content in body.get("content", {}).values():
            yield content["schema"]


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    schema = schema.get("anyOf", [schema])[0]  # a body that may be left out
    if "$ref" in schema:
        found: dict[str, Any] = document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return found
    return schema


# Lists that are never long show no example of their own: that of an item stands for them.
_PLAIN = {"Removed"}


@pytest.mark.parametrize("route", sorted(SCOPES))
def test_every_body_and_answer_has_an_example_that_fits_its_schema(route: str) -> None:
    operation = dict(operations()).get(route)
    assert operation is not None, f"{route} is not documented"
    for schema in map(_resolved, _schemas(operation)):
        if schema.get("title") in _PLAIN:
            continue
        example = schema.get("example") or next(iter(schema.get("examples", [])), None) or _from_items(schema)
        assert example is not None, (route, schema.get("title"))
        validator = Draft202012Validator(schema | {"components": document()["components"]})
        assert not list(validator.iter_errors(example)), (route, [e.message for e in validator.iter_errors(example)])


def _from_items(schema: dict[str, Any]) -> Any:
    """A list of the example of its items."""
    items = schema.get("properties", {}).get("items", {}).get("items")
    example = _resolved(items).get("example") if items else None
    return {"items": [example], "cursor": None} if example else None


def test_every_parameter_is_described_or_speaks_for_itself() -> None:
    """A name with a list of values, a number with its bounds, or words."""
    for route, operation in operations():
        for parameter in operation.get("parameters", []):
            schema = parameter["schema"]
            speaks = {"enum", "minimum", "maximum"} & schema.keys() or schema.get("type") == "boolean"
            assert parameter.get("description") or speaks, (route, parameter["name"])


def test_keys_and_tokens_are_the_way_in() -> None:
    assert document()["components"]["securitySchemes"]["admin_key"]["scheme"] == "bearer"
    assert document()["security"] == [{"admin_key": []}]
