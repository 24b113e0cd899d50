"""What the handler reads of API Gateway's event before a request is routed, and of an answer after it."""

import json
from collections.abc import Mapping
from typing import Any

_MAX_READ = 20_000  # characters of an answer that may name what was made; longer ones are lists and exports


def header(event: Mapping[str, Any], name: str) -> str:
    """A header's value by its name in small letters; empty if it was not sent."""
    headers = event.get("headers") or {}
    return next((str(value) for given, value in headers.items() if given.lower() == name), "")


def path_parameters(event: Mapping[str, Any]) -> dict[str, str]:
    """The variables of the path, decoded."""
    return dict(event.get("pathParameters") or {})


def names_an_address(event: Mapping[str, Any]) -> bool:
    """Whether the path names a person by an e-mail address: to ask so is to learn whose it is."""
    return any(value.casefold().startswith("email:") for value in path_parameters(event).values())


def named_in(answer: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a short JSON answer; none of any other."""
    body = answer.get("body") or ""
    try:
        found = json.loads(body) if len(body) <= _MAX_READ else None
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
