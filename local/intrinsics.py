"""The few CloudFormation functions that can stand in an API's definition, resolved against parameter values."""

from collections.abc import Mapping
from typing import Any

_NO_VALUE = {"Ref": "AWS::NoValue"}


def resolve(value: Any, *, parameters: Mapping[str, str], conditions: Mapping[str, Any]) -> Any:
    """The value with Fn::If, Fn::Equals, Fn::Not, Fn::And, Fn::Or, Fn::Join and references to parameters resolved.

    What the template removes (AWS::NoValue) is None; everything else stays as it is.
    """

    def inner(part: Any) -> Any:
        return resolve(part, parameters=parameters, conditions=conditions)

    if value == _NO_VALUE:
        return None
    if isinstance(value, list):
        return [inner(part) for part in value]
    if not isinstance(value, Mapping):
        return value
    if len(value) == 1:
        name, argument = next(iter(value.items()))
        if name == "Ref" and argument in parameters:
            return parameters[argument]
        if name == "Condition":
            return inner(conditions[argument])
        if name == "Fn::If":
            return inner(argument[1] if inner(conditions[argument[0]]) else argument[2])
        if name in _FUNCTIONS:
            return _FUNCTIONS[name](inner(argument))
    return {name: inner(part) for name, part in value.items()}


def _join(argument: Any) -> str:
    separator, parts = argument
    return str(separator).join(_list(parts))


def _list(parts: Any) -> list[str]:
    """A CommaDelimitedList parameter arrives as one text."""
    return parts.split(",") if isinstance(parts, str) else parts


_FUNCTIONS = {
    "Fn::Equals": lambda pair: pair[0] == pair[1],
    "Fn::Not": lambda one: not one[0],
    "Fn::And": all,
    "Fn::Or": any,
    "Fn::Join": _join,
}
