"""Receipts of erasures: what was removed, from whose leaves, when and by whom; signed, and each chained to the one before."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from cdp_core.domain.audit import KEPT_MS
from cdp_core.domain.erasure import asked_of, lives
from cdp_core.domain.jobs import Job
from cdp_core.domain.times import iso

PURPOSE = b"erasure receipts"  # what the signing key is derived for


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A receipt in the chain: its number from 1 on, the erasure's job, the signed text, its digest, the digest before, when (ms).

    A link of the chain is a receipt without text and signature.
    """

    number: int
    erasure: str
    digest: str
    previous: str
    issued_at: int
    text: str = ""
    signature: str = ""

    @property
    def expires_at(self) -> int:
        """Until when it is kept (ms)."""
        return self.issued_at + KEPT_MS


def signing_key(identity_key: bytes) -> bytes:
    """The key that signs receipts; whoever has it could sign anything, so it never leaves the functions."""
    return hmac.new(identity_key, PURPOSE, hashlib.sha256).digest()


def composed(job: Job, previous: Receipt | None, *, issued_at: int, code: str, key: bytes) -> Receipt:
    """The receipt of an erasure behind the last one of the chain (None for the first). `code` is which code did it."""
    before = previous and {
        "number": previous.number,
        "digest": previous.digest,
        "issued_at": iso(previous.issued_at),
    }
    asked = asked_of(job.request)
    number = previous.number + 1 if previous else 1
    said = {
        "erasure": job.id,
        "number": number,
        "requested_at": iso(job.created_at),
        "requested_by": asked.by or None,
        "reason": asked.reason or None,
        "suppress": asked.suppress,
        "lives": [{"hash": leaf, "life": epoch - 1} for leaf, epoch in sorted(lives(job).items())],
        "counts": dict(job.counts),
        "phases": {phase: iso(at) for phase, at in job.place.get("ended", {}).items()},
        "issued_at": iso(issued_at),
        "code_version": code,
        "previous": before,
    }
    text = json.dumps(said, sort_keys=True, separators=(",", ":"))
    return Receipt(
        number=number,
        erasure=job.id,
        digest=hashlib.sha256(text.encode()).hexdigest(),
        previous=previous.digest if previous else "",
        issued_at=issued_at,
        text=text,
        signature=_signature(text, key),
    )


def shown(receipt: Receipt) -> dict[str, Any]:
    """The receipt as the profiles API answers it."""
    said: dict[str, Any] = json.loads(receipt.text)
    return {**said, "digest": receipt.digest, "signature": receipt.signature}


def ended_lives(receipt: Receipt) -> dict[str, int]:
    """The life of each leaf that the receipt says is gone."""
    return {one["hash"]: int(one["life"]) for one in json.loads(receipt.text)["lives"]}


def is_signed(receipt: Receipt, key: bytes) -> bool:
    """Whether the text is the one that was signed, and its digest and number are its own."""
    digest = hashlib.sha256(receipt.text.encode()).hexdigest()
    said = json.loads(receipt.text)
    is_its_own = (said["erasure"], said["number"]) == (receipt.erasure, receipt.number) and digest == receipt.digest
    return hmac.compare_digest(_signature(receipt.text, key), receipt.signature) and is_its_own


def is_chained(receipt: Receipt, links: Mapping[int, Receipt], *, last: int, now: int) -> bool:
    """Whether the chain holds at this receipt: its own link, the one before, and the one behind unless it is the last.

    `links` are those that are stored, by number. The one before may be gone once it was kept long enough.
    """
    own, after = links.get(receipt.number), links.get(receipt.number + 1)
    if own is None or own != link_of(receipt):
        return False
    is_followed = receipt.number == last or (after is not None and after.previous == receipt.digest)
    return is_followed and receipt.number <= last and _has_predecessor(receipt, links.get(receipt.number - 1), now)


def link_of(receipt: Receipt) -> Receipt:
    """A receipt's link: without text and signature."""
    return replace(receipt, text="", signature="")


def _has_predecessor(receipt: Receipt, before: Receipt | None, now: int) -> bool:
    said = json.loads(receipt.text)["previous"]
    if said is None:
        return receipt.number == 1 and before is None
    if before is not None:
        return (said["digest"], said["number"]) == (before.digest, before.number) and before.digest == receipt.previous
    return str(said["issued_at"]) < iso(now - KEPT_MS)


def _signature(text: str, key: bytes) -> str:
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
