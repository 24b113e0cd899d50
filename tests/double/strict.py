"""The strict double itself: wraps every call of the product's own client and of botocore while it is active."""

import os
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from unittest import mock

import boto3
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from moto import mock_aws

from cdp_core.aws import Client
from tests.double import faults, limits, sizes
from tests.double.faults import Plan
from tests.double.memory import Memory
from tests.double.own_client import led, named
from tests.double.stack import deploy

IN_MEMORY = {
    "PROFILES_TABLE": "ProfilesTable",
    "ACTIVITIES_TABLE": "ActivitiesTable",
    "QUEUE_URL": "events",
    "DEAD_LETTER_QUEUE_URL": "dead",
    "BUCKET": "cdp-bucket",
    "IDENTITY_SECRET": "identity",
    "ADMIN_SECRET": "admin",
}
_INDEX_KEYS = ("lpk", "lsk")
_REAL_CALL = BaseClient._make_api_call
ENVIRONMENT = {
    "ADMIN_RATE_PER_MINUTE": "60000",  # a test's own limit is asserted where it is set
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "POWERTOOLS_TRACE_DISABLED": "true",
}


@dataclass(slots=True)
class StrictAws:
    """What happened: the calls in their order, and the units by operation."""

    plan: Plan = field(default_factory=Plan)
    calls: list[str] = field(default_factory=list)
    write_units: Counter[str] = field(default_factory=Counter)
    read_units: Counter[str] = field(default_factory=Counter)
    environment: dict[str, str] = field(default_factory=dict)
    transactions: set[str] = field(
        default_factory=set
    )  # the tokens of those that happened, which moto does not look at
    lock: Any = field(default_factory=threading.RLock)
    quiet: bool = False
    backend: Any = _REAL_CALL

    def reset(self, plan: Plan | None = None) -> None:
        """Forgets what happened, and goes on with another plan."""
        self.plan = plan or Plan()
        self.calls.clear()
        self.write_units.clear()
        self.read_units.clear()

    def items(self, table: str) -> list[dict[str, Any]]:
        """Every item of a table, for oracles only: `profiles` or `activities`; requests counted and changes logged are not data."""
        return [item for item in self.everything(table) if not item["pk"]["S"].startswith(("rate#", "audit#"))]

    def everything(self, table: str) -> list[dict[str, Any]]:
        """Every item of a table without exception."""
        self.quiet = True
        try:
            pages = (
                boto3.client("dynamodb")
                .get_paginator("scan")
                .paginate(TableName=self.environment[f"{table.upper()}_TABLE"])
            )
            return [item for page in pages for item in page["Items"]]
        finally:
            self.quiet = False

    def call(self, client: Any, operation: str, arguments: dict[str, Any]) -> Any:
        """One call of the product: checked, metered, perhaps spoilt. One at a time, as moto is not safe for threads."""
        service = client.meta.service_model.service_name
        with self.lock:
            if self.quiet or service not in ("dynamodb", "sqs", "s3"):
                return self.backend(client, operation, arguments)
            limits.check(service, operation, arguments)
            self.calls.append(operation)
            kind = self.plan.next(operation)
            return faults.apply(kind, service, operation, lambda: self._do(client, operation, arguments), arguments)

    def _do(self, client: Any, operation: str, arguments: dict[str, Any]) -> Any:
        token = arguments.get("ClientRequestToken", "")
        if token in self.transactions:
            return {}
        answer = self._metered(client, operation, arguments)
        self.transactions |= {token} - {""}
        return answer

    def _metered(self, client: Any, operation: str, arguments: dict[str, Any]) -> Any:
        writes = _writes(operation, arguments)
        before = [self.backend(client, "GetItem", one).get("Item") for one in writes]
        try:
            answer = self.backend(client, operation, arguments)
        except ClientError:
            for item in before:  # a failed condition is charged all the same
                self.write_units[operation] += sizes.write_units(sizes.item_size(item))
            raise
        after = [self.backend(client, "GetItem", one).get("Item") for one in writes]
        for old, new in zip(before, after, strict=True):
            self._meter_write(operation, old, new)
        self.read_units[operation] += _read(operation, arguments, answer)
        return answer

    def _meter_write(self, operation: str, old: Any, new: Any) -> None:
        if new is not None:
            limits.check_item(operation, new)
        factor = 2 if operation == "TransactWriteItems" else 1
        self.write_units[operation] += factor * sizes.write_units(sizes.item_size(old), sizes.item_size(new))
        self.write_units["index"] += _index_units(old, new)


def _index_units(old: Any, new: Any) -> int:
    """A change of an index key is a delete and a put there; an unchanged entry costs nothing."""
    keys = [tuple(item[name]["S"] for name in _INDEX_KEYS) if item and "lpk" in item else None for item in (old, new)]
    return 0 if keys[0] == keys[1] else sum(key is not None for key in keys)


def _writes(operation: str, arguments: dict[str, Any]) -> list[dict[str, Any]]:
    """The keys that a call writes, as arguments of GetItem."""
    if operation in ("PutItem", "UpdateItem", "DeleteItem"):
        return [_get(arguments["TableName"], arguments)]
    if operation == "TransactWriteItems":
        return [_get(a["TableName"], a) for one in arguments["TransactItems"] for a in one.values()]
    if operation == "BatchWriteItem":
        many = [(t, r) for t, requests in arguments["RequestItems"].items() for one in requests for r in one.values()]
        return [_get(table, request) for table, request in many]
    return []


def _get(table: str, action: dict[str, Any]) -> dict[str, Any]:
    source = action.get("Key") or action["Item"]
    return {"TableName": table, "Key": {"pk": source["pk"], "sk": source["sk"]}, "ConsistentRead": True}


def _read(operation: str, arguments: dict[str, Any], answer: dict[str, Any]) -> float:
    strong = bool(arguments.get("ConsistentRead"))
    if operation == "GetItem":
        return sizes.read_units(sizes.item_size(answer.get("Item")), strong=strong)
    if operation == "Query":
        return sizes.read_units(sum(map(sizes.item_size, answer["Items"])), strong=strong)
    if operation == "BatchGetItem":
        found = [item for items in answer["Responses"].values() for item in items]
        absent = _keys_of(arguments["RequestItems"]) - _keys_of(answer.get("UnprocessedKeys") or {}) - len(found)
        return absent + sum(sizes.read_units(sizes.item_size(item), strong=True) for item in found)
    return 0.0


def _keys_of(requested: dict[str, Any]) -> int:
    """How many keys a batch asks for; what does not exist costs a unit like what does."""
    return sum(len(of["Keys"]) for of in requested.values())


def clear_caches() -> None:
    """Forgets every client and setting that the product has cached."""
    for name, module in list(sys.modules.items()):
        if name.startswith("cdp_core"):
            for value in vars(module).values():
                if hasattr(value, "cache_clear"):
                    value.cache_clear()


@contextmanager
def strict_aws(plan: Plan | None = None, *, memory: Memory | None = None, **environment: str) -> Iterator[StrictAws]:
    """An AWS with the product's stack in it, as strict as the real one: on moto, or on an engine in memory, which is faster.

    Settings can be given by name.
    """
    with mock.patch.dict(os.environ, ENVIRONMENT | environment), nullcontext() if memory else mock_aws():
        aws = StrictAws(plan=plan or Plan(), quiet=True)
        if memory:
            aws.backend = lambda client, operation, arguments: memory.handle(operation, arguments)
        aws.environment = IN_MEMORY if memory else deploy()
        os.environ.update(aws.environment | environment)
        clear_caches()
        aws.quiet = False

        def call(client: Any, operation: str, arguments: dict[str, Any]) -> Any:
            return aws.call(client, operation, arguments)

        sdk = named if memory else cache(lambda service: boto3.client(service))
        with (
            mock.patch.object(BaseClient, "_make_api_call", call),
            mock.patch.object(Client, "_once", led(call, sdk)),
            mock.patch("cdp_core.aws.pause"),
            mock.patch("cdp_core.tables.dynamo.pause"),
            mock.patch("cdp_core.usecases.drain.WAIT_SECONDS", 0),
        ):
            yield aws
        clear_caches()
