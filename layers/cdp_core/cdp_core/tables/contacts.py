"""Gateway of the contact items: a leaf's registers, one item a life, and of accounts, members and customers in the same form."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cdp_core.config import settings
from cdp_core.domain.contact import Register, Registers
from cdp_core.domain.leaf import Leaf
from cdp_core.tables import dynamo
from cdp_core.tables.codec import from_json, to_json
from cdp_core.tables.dynamo import Item, Key
from cdp_core.tables.leaves import life


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """Registers as stored, with the version that a writer must have seen; 0 if never written."""

    key: Key
    version: int = 0
    registers: Registers = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """That a leaf belongs to an account, a member or a customer, since when (ms), and in which role."""

    kind: str
    id: str
    role: str | None
    since: int


def contact_key(leaf: str, epoch: int) -> Key:
    """The primary key of a leaf's contact in one life."""
    return leaf, life(epoch) + "contact"


def record_key(kind: str, name: str) -> Key:
    """The primary key of an account, a member or a customer."""
    return f"{kind}#{name}", kind


def load(key: Key) -> Details:
    """The details under a key, strongly read."""
    return parse(key, dynamo.get(settings().profiles_table, key))


def load_many(keys: Iterable[Key]) -> dict[Key, Details]:
    """The details under these keys, strongly read, absent ones empty."""
    wanted = list(keys)
    found = dynamo.get_many(settings().profiles_table, wanted)
    return {key: parse(key, found.get(key)) for key in wanted}


def save(before: Details, registers: Registers, *, along: Sequence[dict[str, Any]] = ()) -> bool:
    """Stores the registers if nobody did since `before` was read. False if somebody did.

    What goes `along` (actions of a transaction) happens with it or not at all.
    """
    condition, was = "attribute_not_exists(v)", {}
    if before.version:
        condition, was = "v = :was", {":was": {"N": str(before.version)}}
    item = dynamo.key_of(before.key) | {
        "v": {"N": str(before.version + 1)},
        "r": {"S": to_json({name: _plain(register) for name, register in registers.items()})},
    }
    put = {"TableName": settings().profiles_table, "Item": item, "ConditionExpression": condition}
    put |= {"ExpressionAttributeValues": was} if was else {}
    if along:
        return dynamo.transact([{"Put": put}, *along])
    return dynamo.call("PutItem", **put) is not None


def join_record(leaf: str, epoch: int, record: tuple[str, str], *, received_at: int) -> None:
    """Makes the leaf belong to an account, a member or a customer, from both sides; again is no change."""
    table = settings().profiles_table
    sides = (
        {**dynamo.key_of(membership_key(leaf, epoch, record)), "at": {"N": str(received_at)}},
        dynamo.key_of(record_leaf_key(record, leaf, epoch)),
    )
    for item in sides:
        dynamo.call("PutItem", TableName=table, Item=item, ConditionExpression="attribute_not_exists(pk)")


def memberships(leaf: Leaf, kind: str = "", *, after: str = "") -> Iterator[Membership]:
    """What one life of a leaf belongs to, of one kind (behind an id) or of all, by id, strongly read, read lazily."""
    prefix = membership_key(leaf.id, leaf.epoch, ("", ""))[1].removesuffix("#")
    start = f"{prefix}{kind}#" if kind else prefix
    pages = dynamo.query(
        settings().profiles_table,
        condition="pk = :pk AND sk BETWEEN :low AND :high",
        values={
            ":pk": {"S": leaf.id},
            ":low": {"S": f"{start}{after}\0" if after else start},
            ":high": {"S": f"{start}\U0010ffff"},
        },
        ConsistentRead=True,
        Limit=100,
    )
    for page in pages:
        for item in page["Items"]:
            found, _, name = item["sk"]["S"].removeprefix(prefix).partition("#")
            yield _membership(found, name, item)


def memberships_in(record: tuple[str, str], leaves: Iterable[Leaf]) -> dict[str, Membership]:
    """How these leaves belong to one record, by leaf, strongly read; who does not is not in it."""
    keys = {membership_key(leaf.id, leaf.epoch, record): leaf.id for leaf in leaves}
    found = dynamo.get_many(settings().profiles_table, keys)
    return {keys[key]: _membership(*record, item) for key, item in found.items()}


def _membership(kind: str, name: str, item: Item) -> Membership:
    role = item["role"]["S"] if "role" in item else None
    return Membership(kind=kind, id=name, role=role, since=int(item["at"]["N"]))


def membership_key(leaf: str, epoch: int, record: tuple[str, str]) -> Key:
    """The primary key of a leaf's belonging to a record."""
    return leaf, f"{life(epoch)}membership#{record[0]}#{record[1]}"


def record_leaf_key(record: tuple[str, str], leaf: str, epoch: int) -> Key:
    """The primary key of the same belonging as the record lists it."""
    return f"{record[0]}#{record[1]}", f"leaf#{leaf}#{epoch:06d}"


def parse(key: Key, item: Item | None) -> Details:
    """The details that an item says."""
    if item is None:
        return Details(key=key)
    plain: Mapping[str, list[Any]] = from_json(item["r"]["S"])
    registers = {
        name: Register(value=value, time=time, source=source, message_id=message_id)
        for name, (value, time, source, message_id) in plain.items()
    }
    return Details(key=key, version=int(item["v"]["N"]), registers=registers)


def _plain(register: Register) -> list[Any]:
    return [register.value, register.time, register.source, register.message_id]
