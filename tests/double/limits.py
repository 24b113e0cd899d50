"""AWS's documented limits where moto is lenient. Each check raises what AWS would answer."""

import re
from decimal import Decimal
from typing import Any

from botocore.exceptions import ClientError

from tests.double import sizes

MAX_ITEM = 400 * 1024
MAX_TRANSACTION = 4 * 1024 * 1024
MAX_BODY = 1024 * 1024
MAX_KEYS = {"pk": 2048, "sk": 1024, "lpk": 2048, "lsk": 1024}  # bytes
_XML_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PLACEHOLDER = re.compile(r"[#:][A-Za-z0-9_]+")


def refuse(operation: str, code: str, message: str) -> ClientError:
    """The error that AWS answers."""
    return ClientError({"Error": {"Code": code, "Message": message}, "ResponseMetadata": {}}, operation)


def check(service: str, operation: str, arguments: dict[str, Any]) -> None:
    """Raises ClientError if AWS would refuse this call for a limit."""
    checks = _SQS if service == "sqs" else _DYNAMODB if service == "dynamodb" else {}
    if operation in checks:
        checks[operation](operation, arguments)


def check_item(operation: str, item: sizes.Item) -> None:
    """The limits of one stored item: 400 KB, 32 levels, numbers of 38 digits, no empty sets, keys neither empty nor too long."""
    _check_key(operation, item)
    if sizes.item_size(item) > MAX_ITEM:
        raise refuse(operation, "ValidationException", "Item size has exceeded the maximum allowed size")
    for name, value in item.items():
        _check_value(operation, name, value)


def _check_key(operation: str, key: sizes.Item) -> None:
    for name in MAX_KEYS.keys() & key.keys():
        if len(key[name]["S"].encode()) > MAX_KEYS[name]:
            raise refuse(operation, "ValidationException", f"Size of {name} has exceeded {MAX_KEYS[name]} bytes")


def _check_value(operation: str, name: str, value: dict[str, Any]) -> None:
    if sizes.depth(value) > 32:
        raise refuse(operation, "ValidationException", "Nesting Levels have exceeded supported limits")
    ((kind, content),) = value.items()
    if kind in ("SS", "NS", "BS") and (not content or len(set(content)) != len(content)):
        raise refuse(operation, "ValidationException", "An AttributeValue may not contain an empty or repeating set")
    if name in ("pk", "sk", "lpk", "lsk") and content == "":
        raise refuse(
            operation, "ValidationException", f"The AttributeValue for a key attribute cannot be empty: {name}"
        )
    for number in sizes.numbers(value):
        _check_number(operation, number)


def _check_number(operation: str, text: str) -> None:
    number = Decimal(text)
    if len("".join(map(str, number.as_tuple().digits)).strip("0")) > 38:
        raise refuse(
            operation, "ValidationException", "Attempting to store more than 38 significant digits in a Number"
        )
    if number and not -130 <= number.adjusted() <= 125:
        raise refuse(operation, "ValidationException", "Number overflow or underflow")


def _check_put(operation: str, arguments: dict[str, Any]) -> None:
    check_item(operation, arguments["Item"])
    _check_expressions(operation, arguments)


def _check_expressions(operation: str, arguments: dict[str, Any]) -> None:
    """The key of a write; every placeholder that is used is defined, and every one that is defined is used."""
    _check_key(operation, arguments.get("Key", {}))
    used = {
        name
        for key, text in arguments.items()
        if key.endswith("Expression") and isinstance(text, str)
        for name in _PLACEHOLDER.findall(text)
    }
    defined = {*arguments.get("ExpressionAttributeNames", {}), *arguments.get("ExpressionAttributeValues", {})}
    if used != defined:
        raise refuse(operation, "ValidationException", f"Placeholders unused or undefined: {sorted(used ^ defined)}")
    for value in arguments.get("ExpressionAttributeValues", {}).values():
        _check_value(operation, "", value)


def _check_batch_write(operation: str, arguments: dict[str, Any]) -> None:
    requests = [request for many in arguments["RequestItems"].values() for request in many]
    if not 1 <= len(requests) <= 25:
        raise refuse(operation, "ValidationException", "Too many items requested for the BatchWriteItem call")
    for request in requests:
        if "PutRequest" in request:
            check_item(operation, request["PutRequest"]["Item"])
        else:
            _check_key(operation, request["DeleteRequest"]["Key"])


def _check_batch_get(operation: str, arguments: dict[str, Any]) -> None:
    keys = [key for request in arguments["RequestItems"].values() for key in request["Keys"]]
    if not 1 <= len(keys) <= 100:
        raise refuse(operation, "ValidationException", "Too many items requested for the BatchGetItem call")
    for key in keys:
        _check_key(operation, key)


def _check_transaction(operation: str, arguments: dict[str, Any]) -> None:
    actions = [action for one in arguments["TransactItems"] for action in one.values()]
    if not 1 <= len(actions) <= 100:
        raise refuse(operation, "ValidationException", "Member must have length less than or equal to 100")
    if sum(sizes.item_size(action.get("Item")) for action in actions) > MAX_TRANSACTION:
        raise refuse(operation, "ValidationException", "Collection size exceeded")
    keys = [(action["TableName"], *_key(action)) for action in actions]
    if len(set(keys)) != len(keys):
        raise refuse(
            operation, "ValidationException", "Transaction request cannot include multiple operations on one item"
        )
    for action in actions:
        (_check_put if "Item" in action else _check_expressions)(operation, action)


def _key(action: dict[str, Any]) -> tuple[str, str]:
    key = action.get("Key") or action["Item"]
    return key["pk"]["S"], key["sk"]["S"]


def _check_send(operation: str, arguments: dict[str, Any]) -> None:
    entries = arguments["Entries"]
    if len(entries) > 10:
        raise refuse(operation, "TooManyEntriesInBatchRequest", "Maximum number of entries per request are 10")
    if len({entry["Id"] for entry in entries}) != len(entries):
        raise refuse(operation, "BatchEntryIdsNotDistinct", "Id repeated")
    if sum(len(entry["MessageBody"].encode()) for entry in entries) > MAX_BODY:
        raise refuse(operation, "BatchRequestTooLong", "Batch requests cannot be longer than 1048576 bytes")
    for entry in entries:
        if not entry["MessageBody"] or _XML_FORBIDDEN.search(entry["MessageBody"]):
            raise refuse(operation, "InvalidMessageContents", "Invalid characters or empty body")


def _check_delete_messages(operation: str, arguments: dict[str, Any]) -> None:
    if not 1 <= len(arguments["Entries"]) <= 10:
        raise refuse(operation, "TooManyEntriesInBatchRequest", "Maximum number of entries per request are 10")


def _check_receive(operation: str, arguments: dict[str, Any]) -> None:
    if not 1 <= arguments.get("MaxNumberOfMessages", 1) <= 10 or not 0 <= arguments.get("WaitTimeSeconds", 0) <= 20:
        raise refuse(operation, "InvalidParameterValue", "MaxNumberOfMessages or WaitTimeSeconds out of range")
    if not 0 <= arguments.get("VisibilityTimeout", 30) <= 43_200:
        raise refuse(operation, "InvalidParameterValue", "VisibilityTimeout out of range")


_DYNAMODB = {
    "PutItem": _check_put,
    "UpdateItem": _check_expressions,
    "DeleteItem": _check_expressions,
    "Query": _check_expressions,
    "GetItem": _check_expressions,
    "BatchWriteItem": _check_batch_write,
    "BatchGetItem": _check_batch_get,
    "TransactWriteItems": _check_transaction,
}
_SQS = {
    "SendMessageBatch": _check_send,
    "DeleteMessageBatch": _check_delete_messages,
    "ReceiveMessage": _check_receive,
}
