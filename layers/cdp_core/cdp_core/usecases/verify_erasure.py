"""Proves an erasure: its receipt is genuine and in the chain, and every key of the erased lives is asked for once more."""

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from cdp_core import clock
from cdp_core.domain import erasure_receipt as rules
from cdp_core.domain.erasure import PARTS, STORES
from cdp_core.domain.erasure_receipt import Receipt
from cdp_core.domain.identity import LEAF_KINDS, Identifier, leaf_id, parse_identifier
from cdp_core.domain.times import iso
from cdp_core.errors import InvalidInput
from cdp_core.secrets import identity_key
from cdp_core.tables import consents, erasure_receipts, erasures, leaves
from cdp_core.usecases.erasure_receipts import find, signing_key

_THREADS = 8


def verify(erasure: str, ids: Sequence[str] = ()) -> dict[str, Any]:
    """What is left of an erasure's lives, and whether its receipt is genuine.

    `ids` are identifiers that the receipt must cover. Consents lie under a hash that no receipt keeps, so they are looked for under
    these only. Raises NotFound without a receipt, InvalidInput for what is no identifier.
    """
    named = [_identifier(position, text) for position, text in enumerate(ids)]
    receipt, now = find(erasure), clock.now_ms()
    lives = rules.ended_lives(receipt)
    known = leaves.load_many(lives)
    anew = {leaf.id for leaf in known.values() if leaf.is_live and leaf.epoch <= lives[leaf.id]}
    left = _left({leaf: life for leaf, life in lives.items() if leaf not in anew})
    left["consents"] = _consents(named, lives)
    remaining = {store: left[store] for store in STORES}
    is_signed = rules.is_signed(receipt, signing_key())
    is_chained = _is_chained(receipt, now)
    covers = all(_leaf(one) in lives for one in named) if named else None
    total = sum(remaining.values())
    return {
        "erasure": erasure,
        "verified": is_signed and is_chained and covers is not False and total == 0,
        "signature_valid": is_signed,
        "chain_valid": is_chained,
        "covers": covers,
        "remaining": remaining,
        "remaining_total": total,
        "begun_anew": len(anew),
        "checked_at": iso(now),
    }


def _identifier(position: int, text: str) -> Identifier:
    found = parse_identifier(text)
    if found is None or found.kind not in LEAF_KINDS:
        raise InvalidInput(f"ids.{position}: must be one of {', '.join(LEAF_KINDS)}, a colon and a value")
    return found


def _leaf(identifier: Identifier) -> str:
    return leaf_id(identity_key(), identifier)


def _left(lives: Mapping[str, int]) -> Counter[str]:
    """What these lives still have, by store: of each leaf and part a page at most, for one item is too many already."""
    asked = [(leaf, life, part) for leaf, life in lives.items() for part in PARTS]
    with ThreadPoolExecutor(_THREADS) as pool:
        pages = pool.map(lambda one: next(erasures.pages(*one), None), asked)
        return sum((page.counts for page in pages if page is not None), Counter())


def _consents(named: Sequence[Identifier], lives: Mapping[str, int]) -> int:
    stored = consents.load_many(named)
    return sum(one.epoch <= lives.get(_leaf(identifier), -1) for identifier, one in stored.items())


def _is_chained(receipt: Receipt, now: int) -> bool:
    last = erasure_receipts.last()
    links = erasure_receipts.links(range(receipt.number - 1, receipt.number + 2))
    return last is not None and rules.is_chained(receipt, links, last=last.number, now=now)
