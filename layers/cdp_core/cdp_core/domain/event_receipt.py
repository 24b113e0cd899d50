"""Receipts of events: where an event is, and why not. What is stored is known for certain, what was dropped follows from the rules."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cdp_core.domain.admission import TYPE_DISABLED
from cdp_core.domain.channels import Channel
from cdp_core.domain.consent import CONSENT_WITHHELD, Entry, deciding, verdict
from cdp_core.domain.leaf import Leaf
from cdp_core.domain.suppression import is_suppressed
from cdp_core.domain.times import iso

STORED, DUPLICATE, DROPPED, DEAD_LETTERED = "stored", "duplicate", "dropped", "dead_lettered"
SUPPRESSED, WITHHELD, ERASED, UNKNOWN, UNKNOWN_IN_WINDOW = (
    "suppressed",
    "consent_withheld",
    "erased",
    "unknown",
    "unknown_in_window",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What became of an event. `rule` kept it out, `reason` is its dead letter's; `certain` is false where it only follows from
    what held when it must have been received. `fields` are the details and links that it is the source of.
    """

    status: str
    explanation: str
    certain: bool
    rule: str | None = None
    reason: str | None = None
    profile_id: str | None = None
    activity: Mapping[str, Any] | None = None
    fields: tuple[str, ...] = ()
    detail: str | None = None


def is_of(original: str, message_id: str) -> bool:
    """Whether a dead letter's original, a client's words or an event of ours, has this message id."""
    try:
        said = json.loads(original)
    except (ValueError, RecursionError):  # cut, or never JSON
        return json.dumps(message_id, ensure_ascii=False) in original
    named = [said.get(name) for name in ("messageId", "message_id")] if isinstance(said, dict) else []
    return message_id in [str(one) for one in named if one is not None]


def erased(leaf: Leaf, at: int | None) -> Finding | None:
    """The finding where an erasure voids what was received then (ms); without a time, where nobody came back since."""
    is_void = leaf.epoch > 0 and (not leaf.is_live if at is None else at <= leaf.erased_until)
    return over(leaf, certain=False) if is_void else None


def over(leaf: Leaf, *, certain: bool) -> Finding:
    """The finding about an event of a life that an erasure ended."""
    until = iso(leaf.erased_until)
    return Finding(
        status=ERASED,
        rule=ERASED,
        certain=certain,
        explanation=f"the person was erased: what was received up to {until} is gone, or is dropped when its turn comes",
    )


def suppressed(members: Iterable[Leaf], at: int) -> Finding | None:
    """The finding where the person was suppressed then (ms)."""
    if not any(is_suppressed(leaf.suppressions, at) for leaf in members):
        return None
    return Finding(
        status=SUPPRESSED,
        rule=SUPPRESSED,
        certain=False,
        explanation=f"the person was suppressed at {iso(at)}: events received then are dropped, and leave nothing",
    )


def withheld(history: Iterable[Entry], channels: Iterable[Channel], at: int) -> Finding | None:
    """The finding where consents withheld events received then (ms), on some channel whose consent the person had withdrawn, or
    on every channel.
    """
    last = deciding(entry for entry in history if entry.rank <= at)
    enabled = [one for one in channels if one.enabled]
    decided = {one.code_name: last[one.tracking_consent].agreed for one in enabled if one.tracking_consent in last}
    refusing = [one for one in enabled if verdict(one, decided=decided.get(one.code_name), claimed=None) is None]
    withdrawn = [one for one in refusing if decided.get(one.code_name) is False]
    if not withdrawn and (not refusing or len(refusing) < len(enabled)):
        return None
    names = ", ".join(one.code_name for one in withdrawn or refusing)
    return Finding(
        status=WITHHELD,
        rule=CONSENT_WITHHELD,
        certain=False,
        explanation=f"at {iso(at)} consents withheld the person's events on {names}: they are neither queued nor stored",
    )


def disabled(wanted: str) -> Finding:
    """The finding where activities of the event's type are disabled now."""
    return Finding(
        status=DROPPED,
        rule=TYPE_DISABLED,
        certain=False,
        explanation=f"activities of type {wanted} are disabled: they are neither queued nor stored",
    )


def unknown(*, in_window: bool, looked: str, disabled_types: Iterable[str]) -> Finding:
    """The finding where no trace and no rule explains it."""
    types = ", ".join(sorted(disabled_types))
    dropped = f" Activities of disabled types ({types}) leave no trace: name its type to be sure." if types else ""
    return Finding(
        status=UNKNOWN_IN_WINDOW if in_window else UNKNOWN,
        certain=False,
        explanation=(
            f"{looked} It was never received for this person, its details were replaced by later ones, or it is still queued: a "
            f"flush stores it within a minute, and within 14 days if our side is in trouble.{dropped}"
        ),
    )
