"""Defines the labels that profiles and contacts in accounts carry: contact statuses, roles in accounts."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from cdp_core.errors import InvalidInput, NotFound
from cdp_core.tables import labels
from cdp_core.tables.labels import MAX_LABELS, Label


def all_labels(kind: str) -> list[dict[str, Any]]:
    """Every label of a kind, by code name."""
    return [asdict(one) for _, one in sorted(labels.all_of(kind).items())]


def define(kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """A new label. Raises InvalidInput if its code name is taken, or beyond MAX_LABELS."""
    known, label = labels.all_of(kind), Label(**given)
    if label.code_name in known:
        raise InvalidInput(f"code_name: {label.code_name} exists already", code="already_exists")
    if len(known) >= MAX_LABELS:
        raise InvalidInput(f"there are {MAX_LABELS} of them already, which is as many as there may be")
    labels.save(kind, label)
    return asdict(label)


def change(kind: str, code_name: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The label with its changes. Raises NotFound."""
    label = replace(_find(kind, code_name), **changes)
    labels.save(kind, label)
    return asdict(label)


def remove(kind: str, code_name: str) -> None:
    """Removes a label; what carries it keeps its code. Raises NotFound."""
    _find(kind, code_name)
    labels.remove(kind, code_name)


def _find(kind: str, code_name: str) -> Label:
    found = labels.all_of(kind).get(code_name)
    if found is None:
        raise NotFound("there is none of this code name")
    return found
