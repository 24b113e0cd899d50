"""Gateway of the receipts of erasures: one chain, whose end moves in the transaction that stores a receipt."""

from collections.abc import Iterable

from cdp_core.config import settings
from cdp_core.domain.erasure_receipt import Receipt
from cdp_core.tables import dynamo
from cdp_core.tables.dynamo import Item, Key

CHAIN = "receipts"
_END = CHAIN, "end"


def load(erasure: str) -> Receipt | None:
    """The receipt of an erasure, or None while there is none."""
    item = dynamo.get(settings().profiles_table, _key(erasure))
    return _parse(item) if item else None


def last() -> Receipt | None:
    """The last link of the chain, or None before the first."""
    item = dynamo.get(settings().profiles_table, _END)
    return _parse(item) if item else None


def links(numbers: Iterable[int]) -> dict[int, Receipt]:
    """Those of these links that are stored, by number."""
    found = dynamo.get_many(settings().profiles_table, [_link_key(number) for number in numbers if number > 0])
    return {link.number: link for link in map(_parse, found.values())}


def append(receipt: Receipt, *, before: Receipt | None) -> bool:
    """Stores a receipt at the end of the chain, all or nothing. False if another one came there first, or it is stored already."""
    table, facts = settings().profiles_table, _link(receipt)
    expiry: Item = {"ttl": {"N": str(receipt.expires_at // 1000)}}
    signed: Item = {"text": {"S": receipt.text}, "sig": {"S": receipt.signature}}
    condition, was = "attribute_not_exists(pk)", {}
    if before is not None:
        condition, was = "n = :n AND dg = :dg", {":n": {"N": str(before.number)}, ":dg": {"S": before.digest}}
    end = {"TableName": table, "Item": dynamo.key_of(_END) | facts, "ConditionExpression": condition}
    return dynamo.transact(
        [
            {
                "Put": {
                    "TableName": table,
                    "Item": dynamo.key_of(_key(receipt.erasure)) | facts | signed | expiry,
                    "ConditionExpression": "attribute_not_exists(pk)",
                }
            },
            {"Put": {"TableName": table, "Item": dynamo.key_of(_link_key(receipt.number)) | facts | expiry}},
            {"Put": end | ({"ExpressionAttributeValues": was} if was else {})},
        ]
    )


def _key(erasure: str) -> Key:
    return f"receipt#{erasure}", "receipt"


def _link_key(number: int) -> Key:
    return CHAIN, f"{number:010d}"


def _link(receipt: Receipt) -> Item:
    return {
        "n": {"N": str(receipt.number)},
        "er": {"S": receipt.erasure},
        "dg": {"S": receipt.digest},
        "pv": {"S": receipt.previous},
        "at": {"N": str(receipt.issued_at)},
    }


def _parse(item: Item) -> Receipt:
    return Receipt(
        number=int(item["n"]["N"]),
        erasure=item["er"]["S"],
        digest=item["dg"]["S"],
        previous=item["pv"]["S"],
        issued_at=int(item["at"]["N"]),
        text=item["text"]["S"] if "text" in item else "",
        signature=item["sig"]["S"] if "sig" in item else "",
    )
