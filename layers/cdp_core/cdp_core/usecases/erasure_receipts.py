"""Receipts of erasures: issued once at the end of each, and shown to whoever has to prove it."""

from typing import Any

from cdp_core import clock
from cdp_core.config import code_version
from cdp_core.domain import erasure_receipt as rules
from cdp_core.domain.bulk_erasure import BULK_ERASURE, group_ids
from cdp_core.domain.counting import TRIES
from cdp_core.domain.erasure_receipt import Receipt
from cdp_core.domain.jobs import Job
from cdp_core.errors import Contended, NotFound
from cdp_core.secrets import identity_key
from cdp_core.tables import erasure_receipts, jobs


def issue(job: Job) -> None:
    """Appends the receipt of an erasure to the chain, once however often it is asked for. Raises Contended, Unavailable."""
    for _ in range(TRIES):
        if erasure_receipts.load(job.id) is not None:
            return
        last = erasure_receipts.last()
        receipt = rules.composed(job, last, issued_at=clock.now_ms(), code=code_version(), key=signing_key())
        if erasure_receipts.append(receipt, before=last):
            return
    raise Contended("other erasures ended at the same time; the receipt follows")


def read(erasure: str) -> dict[str, Any]:
    """The receipt as the profiles API shows it. Raises NotFound while there is none."""
    return rules.shown(find(erasure))


def find(erasure: str) -> Receipt:
    """The receipt of an erasure. Raises NotFound while there is none, naming the groups of a bulk erasure."""
    found = erasure_receipts.load(erasure)
    if found is not None:
        return found
    job = jobs.load(erasure)
    groups = group_ids(job) if job is not None and job.type == BULK_ERASURE else []
    if groups:
        raise NotFound(f"each group of a bulk erasure has a receipt of its own: {groups[0]} to {groups[-1]}")
    raise NotFound("there is no receipt of such an erasure, or not yet")


def signing_key() -> bytes:
    """The key that signs receipts. Raises Unavailable."""
    return rules.signing_key(identity_key())
