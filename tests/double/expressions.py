"""DynamoDB's expressions, as far as the product writes them; each text is read once."""

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

Item = Mapping[str, Any]
_TERM = re.compile(r"\s*(?:attribute_(not_)?exists\(([#\w]+)\)|([#\w]+) (=|<|>) (:\w+))\s*")
_UNLESS_THERE = re.compile(r"if_not_exists\([#\w]+, (:\w+)\)")
_CLAUSE = re.compile(r"\b(SET|REMOVE|ADD|DELETE)\b ")
_RANGE = re.compile(
    r"(?:pk|lpk) = (:\w+)(?: AND (?:sk|lsk) BETWEEN (:\w+) AND (:\w+)| AND sk < (:\w+)| AND begins_with\(sk, (:\w+)\))?"
)
_LAST = "\U0010ffff\U0010ffff"


def holds(action: Mapping[str, Any], item: Item | None) -> bool:
    """Whether the action's condition holds of the item that is there."""
    text = action.get("ConditionExpression")
    if text is None:
        return True
    names, values = action.get("ExpressionAttributeNames", {}), action.get("ExpressionAttributeValues", {})
    return any(all(_term(term, item or {}, names, values) for term in group) for group in _groups(text))


@cache
def _groups(text: str) -> list[list[tuple[str, ...]]]:
    """Alternatives of terms that hold together; OR binds less than AND."""
    groups = []
    for part in text.split(" OR "):
        matches = [_TERM.fullmatch(term) for term in part.split(" AND ")]
        groups.append([match.groups(default="") for match in matches if match])
        assert all(matches), f"not understood: {text}"
    return groups


def _term(term: tuple[str, ...], item: Item, names: Item, values: Item) -> bool:
    absent, existing, name, comparison, value = term
    if existing:
        return (names.get(existing, existing) in item) is not bool(absent)
    found = item.get(names.get(name, name))
    if found is None:
        return False
    if comparison == "=":
        return bool(found == values[value])
    left, right = int(found["N"]), int(values[value]["N"])
    return left < right if comparison == "<" else left > right


def updated(action: Mapping[str, Any], item: Item | None) -> dict[str, Any]:
    """The item after an update; an absent one begins with its key."""
    names, values = action.get("ExpressionAttributeNames", {}), action.get("ExpressionAttributeValues", {})
    new = dict(item) if item is not None else dict(action["Key"])
    for verb, arguments in _clauses(action["UpdateExpression"]):
        for argument in arguments:
            name = names.get(argument[0], argument[0])
            if "unless_there" not in argument or name not in new:
                _VERBS[verb](new, name, values.get(argument[-1]))
    return new


@cache
def _clauses(text: str) -> list[tuple[str, list[list[str]]]]:
    parts = _CLAUSE.split(_UNLESS_THERE.sub(r"unless_there \1", text))[1:]
    return [
        (verb, [re.split(r" = | ", one.strip()) for one in parts[at + 1].split(",")])
        for at, verb in enumerate(parts)
        if at % 2 == 0
    ]


def _set(item: dict[str, Any], name: str, value: Any) -> None:
    item[name] = value


def _remove(item: dict[str, Any], name: str, value: Any) -> None:
    item.pop(name, None)


def _add(item: dict[str, Any], name: str, value: Any) -> None:
    if "N" in value:
        item[name] = {"N": str(int(item.get(name, {"N": "0"})["N"]) + int(value["N"]))}
    else:
        item[name] = {"SS": sorted({*item.get(name, {"SS": []})["SS"], *value["SS"]})}


def _delete(item: dict[str, Any], name: str, value: Any) -> None:
    left = sorted({*item.get(name, {"SS": []})["SS"]} - {*value["SS"]})
    item.pop(name, None)
    if left:  # a set is never empty: its attribute goes with its last member
        item[name] = {"SS": left}


_VERBS: dict[str, Callable[[dict[str, Any], str, Any], None]] = {
    "SET": _set,
    "REMOVE": _remove,
    "ADD": _add,
    "DELETE": _delete,
}


def key_range(arguments: Mapping[str, Any]) -> tuple[str, str, str]:
    """The partition and the sort keys, both included, between which a query's items lie."""
    match = _RANGE.fullmatch(arguments["KeyConditionExpression"])
    assert match, arguments["KeyConditionExpression"]
    values = {name: value["S"] for name, value in arguments["ExpressionAttributeValues"].items()}
    partition, low, high, below, prefix = match.groups()
    if low:
        return values[partition], values[low], values[high]
    if below:
        return values[partition], "", _just_below(values[below])
    return values[partition], values.get(prefix, ""), values.get(prefix, "") + _LAST


def _just_below(text: str) -> str:
    """The greatest key that sorts before a text of one character."""
    return chr(ord(text[0]) - 1) + _LAST
