"""An AWS in this process's memory, as far as the product uses it: each call is one atomic step, so thousands of schedules run a minute.

The gateways' contract (tests/integration/test_gateways.py) holds it to what the other engines do.
"""

import hashlib
import itertools
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

from sortedcontainers import SortedDict

from tests.double import expressions
from tests.double.limits import refuse

Item = dict[str, Any]
_INDEX = {"listing": ("lpk", "lsk")}


class Table:
    """Items by partition and sort key, and the same by the keys of the one index."""

    def __init__(self) -> None:
        self.partitions: dict[str, SortedDict] = {}
        self.index: dict[str, SortedDict] = {}

    def get(self, key: Item) -> Item | None:
        """The item, or None."""
        found: Item | None = self.partitions.get(key["pk"]["S"], {}).get(key["sk"]["S"])
        return found

    def set(self, key: Item, item: Item | None) -> None:
        """Replaces the item; None removes it."""
        pk, sk = key["pk"]["S"], key["sk"]["S"]
        self._unlist(self.get(key), pk, sk)
        if item is None:
            self.partitions.get(pk, {}).pop(sk, None)
            return
        self.partitions.setdefault(pk, SortedDict())[sk] = item
        if "lpk" in item:
            self.index.setdefault(item["lpk"]["S"], SortedDict())[item["lsk"]["S"], pk, sk] = item

    def _unlist(self, old: Item | None, pk: str, sk: str) -> None:
        if old is not None and "lpk" in old:
            del self.index[old["lpk"]["S"]][old["lsk"]["S"], pk, sk]

    def items(self) -> Iterator[Item]:
        """All items, by partition and sort key."""
        for pk in sorted(self.partitions):
            yield from self.partitions[pk].values()


class Memory:
    """Tables, queues, a bucket and secrets. `page_items` is how many items a page of a query has at most."""

    def __init__(self, *, page_items: int = 1_000, secrets: dict[str, str] | None = None) -> None:
        self.page_items = page_items
        self.secrets = secrets or {"identity": "identity-key", "admin": "local-admin-key"}
        self.tables: dict[str, Table] = {}
        self.queues: dict[str, dict[str, Any]] = {}
        self.objects: dict[str, bytes] = SortedDict()
        self.transactions: set[str] = set()  # the tokens of those that happened
        self.numbers = itertools.count(1)
        self.now: Callable[[], float] = lambda: 0.0
        self.written: Callable[[str, Item | None, Item | None], None] = lambda table, old, new: None

    def handle(self, operation: str, arguments: dict[str, Any]) -> Any:
        """The answer to one call. Raises ClientError as AWS does."""
        return getattr(self, f"_{operation}")(arguments)

    def table(self, name: str) -> Table:
        """The table of this name; it is made when it is first spoken of."""
        return self.tables.setdefault(name, Table())

    # DynamoDB: single items

    def _GetItem(self, arguments: dict[str, Any]) -> Any:  # noqa: N802
        item = self.table(arguments["TableName"]).get(arguments["Key"])
        return {"Item": item} if item is not None else {}

    def _PutItem(self, arguments: dict[str, Any]) -> Any:  # noqa: N802
        self._apply("Put", arguments, alone=True)
        return {}

    def _UpdateItem(self, arguments: dict[str, Any]) -> Any:  # noqa: N802
        return {"Attributes": self._apply("Update", arguments, alone=True)}

    def _DeleteItem(self, arguments: dict[str, Any]) -> Any:  # noqa: N802
        self._apply("Delete", arguments, alone=True)
        return {}

    def _apply(self, kind: str, action: dict[str, Any], *, alone: bool = False) -> Item | None:
        table = self.table(action["TableName"])
        key = action.get("Key") or action["Item"]
        old = table.get(key)
        if alone and not expressions.holds(action, old):
            error = refuse(kind + "Item", "ConditionalCheckFailedException", "The conditional request failed")
            if action.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" and old is not None:
                error.response["Item"] = old  # type: ignore[typeddict-unknown-key]
            raise error
        new = {
            "Put": lambda: dict(action["Item"]),
            "Update": lambda: expressions.updated(action, old),
            "Delete": lambda: None,
        }[kind]()
        table.set(key, new)
        self.written(action["TableName"], old, new)
        return new

    def _TransactWriteItems(self, arguments: dict[str, Any]) -> Any:  # noqa: N802
        if arguments.get("ClientRequestToken") in self.transactions:
            return {}
        actions = [(kind, action) for one in arguments["TransactItems"] for kind, action in one.items()]
        held = [
            expressions.holds(action, self.table(action["TableName"]).get(action.get("Key") or action["Item"]))
            for _, action in actions
        ]
        if not all(held):
            error = refuse("TransactWriteItems", "TransactionCanceledException", "Transaction cancelled")
            reasons = [{"Code": "None" if one else "ConditionalCheckFailed"} for one in held]
            error.response["CancellationReasons"] = reasons  # type: ignore[typeddict-unknown-key]
            raise error
        for kind, action in actions:
            self._apply(kind, action)
        self.transactions |= {arguments["ClientRequestToken"]} if "ClientRequestToken" in arguments else set()
        return {}

    # DynamoDB: many items

    def _BatchGetItem(self, arguments: dict[str, Any]) -> Any:  # noqa: N802
        ((name, request),) = arguments["RequestItems"].items()
        found = [self.table(name).get(key) for key in request["Keys"]]
        return {"Responses": {name: [item for item in found if item is not None]}, "UnprocessedKeys": {}}

    def _BatchWriteItem(self, arguments: dict[str, Any]) -> Any:  # noqa: N802
        ((name, requests),) = arguments["RequestItems"].items()
        for request in requests:
            self._apply("Delete", {"TableName": name, **request["DeleteRequest"]})
        return {"UnprocessedItems": {}}

    def _Query(self, arguments: dict[str, Any]) -> Any:  # noqa: N802
        table = self.table(arguments["TableName"])
        index = _INDEX.get(arguments.get("IndexName", ""))
        partition, low, high = expressions.key_range(arguments)
        rows = (table.index if index else table.partitions).get(partition, SortedDict())
        bounds = ((low, "", ""), (high, "\U0010ffff", "")) if index else (low, high)
        backwards = not arguments.get("ScanIndexForward", True)
        keys = rows.irange(*bounds, reverse=backwards)
        start = arguments.get("ExclusiveStartKey")
        if start is not None:
            behind = (start["lsk"]["S"], start["pk"]["S"], start["sk"]["S"]) if index else start["sk"]["S"]
            edges = (bounds[0], behind) if backwards else (behind, bounds[1])
            keys = rows.irange(*edges, inclusive=(backwards, not backwards), reverse=backwards)
        return self._page([rows[key] for key in itertools.islice(keys, self._limit(arguments))], arguments, index)

    def _Scan(self, arguments: dict[str, Any]) -> Any:  # noqa: N802
        start = arguments.get("ExclusiveStartKey")
        behind = (start["pk"]["S"], start["sk"]["S"]) if start else ("", "")
        items = (one for one in self.table(arguments["TableName"]).items() if (one["pk"]["S"], one["sk"]["S"]) > behind)
        return self._page(list(itertools.islice(items, self._limit(arguments))), arguments, None)

    def _limit(self, arguments: dict[str, Any]) -> int:
        return min(int(arguments.get("Limit", self.page_items)), self.page_items)

    def _page(self, items: list[Item], arguments: dict[str, Any], index: tuple[str, str] | None) -> Any:
        """AWS names a last key whenever it stopped at a limit, even if nothing comes behind."""
        answer: dict[str, Any] = {"Items": [] if arguments.get("Select") == "COUNT" else items, "Count": len(items)}
        if len(items) >= self._limit(arguments):
            answer["LastEvaluatedKey"] = {name: items[-1][name] for name in ("pk", "sk", *(index or ()))}
        return answer

    # SQS

    def queue(self, url: str) -> dict[str, Any]:
        """The messages of a queue by id."""
        return self.queues.setdefault(url, {})

    def _SendMessage(self, arguments: dict[str, Any]) -> Any:  # noqa: N802
        entries = [{"Id": "0", "MessageBody": arguments["MessageBody"]}]
        self._SendMessageBatch({"QueueUrl": arguments["QueueUrl"], "Entries": entries})
        return {"MessageId": "m"}

    def _SendMessageBatch(self, arguments: dict[str, Any]) -> Any:  # noqa: N802
        for entry in arguments["Entries"]:
            message_id = f"m{next(self.numbers)}"
            message = {"MessageId": message_id, "Body": entry["MessageBody"], "visible": 0.0, "received": 0}
            self.queue(arguments["QueueUrl"])[message_id] = message
        return {"Successful": [{"Id": entry["Id"]} for entry in arguments["Entries"]]}

    def _ReceiveMessage(self, arguments: dict[str, Any]) -> Any:  # noqa: N802
        waiting = [one for one in self.queue(arguments["QueueUrl"]).values() if one["visible"] <= self.now()]
        return {
            "Messages": [self._received(one, arguments) for one in waiting[: arguments.get("MaxNumberOfMessages", 1)]]
        }

    def _received(self, message: dict[str, Any], arguments: dict[str, Any]) -> dict[str, Any]:
        message["visible"] = self.now() + arguments.get("VisibilityTimeout", 90)
        message["received"] += 1
        attributes = {"ApproximateReceiveCount": str(message["received"])}
        return {
            "MessageId": message["MessageId"],
            "Body": message["Body"],
            "ReceiptHandle": message["MessageId"],
            "Attributes": attributes,
        }

    def _DeleteMessageBatch(self, arguments: dict[str, Any]) -> Any:  # noqa: N802
        for entry in arguments["Entries"]:
            self.queue(arguments["QueueUrl"]).pop(entry["ReceiptHandle"], None)
        return {"Successful": [{"Id": entry["Id"]} for entry in arguments["Entries"]]}

    def _GetQueueAttributes(self, arguments: dict[str, Any]) -> Any:  # noqa: N802
        return {"Attributes": {"ApproximateNumberOfMessages": str(len(self.queue(arguments["QueueUrl"])))}}

    # S3, Secrets Manager, Lambda

    def _PutObject(self, arguments: dict[str, Any]) -> Any:  # noqa: N802
        self.objects[arguments["Key"]] = arguments["Body"]
        return {}

    def _GetObject(self, arguments: dict[str, Any]) -> Any:  # noqa: N802
        if arguments["Key"] not in self.objects:
            raise refuse("GetObject", "NoSuchKey", "The specified key does not exist.")
        data = self.objects[arguments["Key"]]
        version = f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'
        if "Range" not in arguments:
            return {"Body": BytesIO(data), "ETag": version}
        first, _, last = arguments["Range"].removeprefix("bytes=").partition("-")
        if int(first) >= len(data):
            raise refuse("GetObject", "InvalidRange", "The requested range is not satisfiable")
        part = data[int(first) : int(last) + 1]
        whole = f"bytes {first}-{int(first) + len(part) - 1}/{len(data)}"
        return {"Body": BytesIO(part), "ETag": version, "ContentRange": whole}

    def _ListObjectsV2(self, arguments: dict[str, Any]) -> Any:  # noqa: N802
        after = arguments.get("StartAfter", "")
        keys = [key for key in self.objects if key.startswith(arguments["Prefix"]) and key > after]
        return {
            "Contents": [{"Key": key} for key in keys[: self.page_items]],
            "IsTruncated": len(keys) > self.page_items,
        }

    def _GetSecretValue(self, arguments: dict[str, Any]) -> Any:  # noqa: N802
        return {"SecretString": self.secrets[arguments["SecretId"]]}
