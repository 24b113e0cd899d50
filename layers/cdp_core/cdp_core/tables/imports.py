"""Gateway of imports: what was asked for, and the report in parts, which are the jobs' memory of what they decided."""

from typing import Any

from cdp_core.config import settings
from cdp_core.domain.import_rows import Judged, Outcome, Problem
from cdp_core.domain.imports import Import, Part
from cdp_core.domain.times import DAY_MS
from cdp_core.tables import dynamo
from cdp_core.tables.codec import from_json, to_json
from cdp_core.tables.dynamo import Item, Key

LIVES_MS = 30 * DAY_MS
_LIST = "imports"


def save(one: Import) -> None:
    """Stores what was asked for."""
    about = {name: getattr(one, name) for name in Import.__slots__ if name != "id"}
    item = dynamo.key_of(_key(one.id)) | {"d": {"S": to_json(about)}, "ttl": _ttl(one.created_at)}
    dynamo.call("PutItem", TableName=settings().profiles_table, Item=item)


def find(import_id: str) -> Import | None:
    """The import, or None."""
    item = dynamo.get(settings().profiles_table, _key(import_id))
    return _parse(item) if item else None


def page(*, before: str, limit: int) -> list[Import]:
    """At most so many of the imports that were made before one (of all if empty), latest first."""
    answer = dynamo.call(
        "Query",
        TableName=settings().profiles_table,
        KeyConditionExpression="pk = :pk AND sk BETWEEN :low AND :high",
        ExpressionAttributeValues={":pk": {"S": _LIST}, ":low": {"S": "0"}, ":high": {"S": before or ":"}},
        ScanIndexForward=False,
        ConsistentRead=True,
        Limit=limit + 1,
    )
    found = [_parse(item) for item in answer["Items"]]
    return [one for one in found if one.id != before][:limit]


def plan(import_id: str, part: Part, *, created_at: int) -> Part:
    """Stores a part as it was judged. Whoever came first judged for all: the part that is stored."""
    item = _part_item(import_id, part, created_at=created_at)
    stored = dynamo.call(
        "PutItem",
        TableName=settings().profiles_table,
        Item=item,
        ConditionExpression="attribute_not_exists(pk)",
    )
    return part if stored is not None else _existing(import_id, part)


def finish(import_id: str, part: Part, *, created_at: int) -> Part:
    """Stores a part as it was carried out; what it had to remember for that goes. The first outcome stands: the part that is stored."""
    item = _part_item(import_id, part, created_at=created_at)
    stored = dynamo.call(
        "PutItem",
        TableName=settings().profiles_table,
        Item=item,
        ConditionExpression="f = :no",
        ExpressionAttributeValues={":no": {"N": "0"}},
    )
    return part if stored is not None else _existing(import_id, part)


def load_part(import_id: str, number: int) -> Part | None:
    """A part of the report, or None if nobody has judged its rows yet."""
    item = dynamo.get(settings().profiles_table, _part_key(import_id, number))
    return _parse_part(item) if item else None


def parts(import_id: str, *, since: int, limit: int) -> list[Part]:
    """At most so many parts of the report, in the order of the file, from a number on."""
    low, high = _part_key(import_id, since), _part_key(import_id, 9_999_999)
    answer = dynamo.call(
        "Query",
        TableName=settings().profiles_table,
        KeyConditionExpression="pk = :pk AND sk BETWEEN :low AND :high",
        ExpressionAttributeValues={":pk": {"S": low[0]}, ":low": {"S": low[1]}, ":high": {"S": high[1]}},
        ConsistentRead=True,
        Limit=limit,
    )
    return [_parse_part(item) for item in answer["Items"]]


def _existing(import_id: str, part: Part) -> Part:
    return load_part(import_id, part.number) or part


def _key(import_id: str) -> Key:
    return _LIST, import_id


def _part_key(import_id: str, number: int) -> Key:
    return f"job#{import_id}", f"report#{number:07d}"


def _ttl(created_at: int) -> dict[str, str]:
    return {"N": str((created_at + LIVES_MS) // 1000)}


def _part_item(import_id: str, part: Part, *, created_at: int) -> Item:
    about: dict[str, Any] = {
        "end": part.end,
        "next": part.next_row,
        "rows": [_plain(one, is_final=part.is_final) for one in part.rows],
        "error": part.error,
    }
    item = dynamo.key_of(_part_key(import_id, part.number))
    return item | {"d": {"S": to_json(about)}, "f": {"N": str(int(part.is_final))}, "ttl": _ttl(created_at)}


def _plain(one: Judged, *, is_final: bool) -> list[Any]:
    said = [one.row, str(one.outcome), [[problem.column, problem.message] for problem in one.problems]]
    return said if is_final else [*said, one.leaf, one.epoch, one.later]


def _parse_part(item: Item) -> Part:
    about = from_json(item["d"]["S"])
    return Part(
        number=int(item["sk"]["S"].partition("#")[2]),
        end=about["end"],
        next_row=about["next"],
        rows=[_judged(*one) for one in about["rows"]],
        is_final=item["f"]["N"] == "1",
        error=about["error"],
    )


def _judged(
    row: int, outcome: str, problems: list[Any], leaf: str = "", epoch: int | None = None, later: int = 0
) -> Judged:
    told = tuple(Problem(*one) for one in problems)
    return Judged(row=row, outcome=Outcome(outcome), problems=told, leaf=leaf, epoch=epoch, later=later)


def _parse(item: Item) -> Import:
    return Import(id=item["sk"]["S"], **from_json(item["d"]["S"]))
