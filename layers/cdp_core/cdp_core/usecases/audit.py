"""Keeps and shows the audit log: an entry begins before a change and is finished after it."""

import hashlib
import hmac
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from cdp_core import clock
from cdp_core.domain import audit as rules
from cdp_core.domain.access import Caller
from cdp_core.domain.audit import Entry
from cdp_core.domain.identity import leaf_id
from cdp_core.domain.times import iso
from cdp_core.errors import CdpError
from cdp_core.observability import logger
from cdp_core.secrets import identity_key
from cdp_core.tables import audit
from cdp_core.usecases.paging import Candidate, Page, Position, take

_WINDOW_MS = 31 * 86_400_000  # what is shown without `since`


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Which entries: between two times (ms), of a caller or route or about a subject, at most `limit`."""

    since: int | None = None
    until: int | None = None
    caller: str | None = None
    route: str | None = None
    subject: str | None = None
    limit: int = 25
    position: Position | None = None


def begin(caller: Caller, route: str, parameters: Mapping[str, str]) -> Entry:
    """The entry of what is about to happen, stored. Raises Unavailable: what cannot be logged is not done."""
    entry = Entry(
        id=uuid.uuid4().hex[:12],
        at=clock.now_ms(),
        caller=caller.id,
        role=caller.role,
        route=route,
        subjects=rules.subjects_of(parameters, lambda one: leaf_id(identity_key(), one), _hash),
    )
    audit.begin(entry)
    return entry


def finish(entry: Entry, status: int, answer: Mapping[str, Any]) -> None:
    """Adds how it ended. A failure is logged and not raised: the change has happened, and its entry says that it began."""
    try:
        audit.finish(replace(entry, status=status, result=rules.result_of(answer)))
    except CdpError:
        logger().exception("an entry of the audit log could not be finished", extra={"entry": entry.id})


def read(ask: Ask) -> Page:
    """One page of the log, latest first."""
    return take(_candidates(ask), limit=ask.limit, start=ask.position)


def _candidates(ask: Ask) -> Iterator[Candidate]:
    now = clock.now_ms()
    until = min(now + 1, ask.until if ask.until is not None else now + 1)
    since = max(now - rules.KEPT_MS, ask.since if ask.since is not None else until - _WINDOW_MS)
    high = ask.position[0] if ask.position else f"{until:013d}"
    for month in rules.months(since, int(high[:13])):
        for entry in audit.of_month(month, low=f"{since:013d}", high=high):
            yield (audit.place(entry), ""), _view(entry) if _is_wanted(entry, ask) else None


def _is_wanted(entry: Entry, ask: Ask) -> bool:
    return (
        ask.caller in (None, entry.caller)
        and ask.route in (None, entry.route)
        and (ask.subject is None or ask.subject in (*entry.subjects.values(), entry.result))
    )


def _view(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "at": iso(entry.at),
        "caller": entry.caller,
        "role": entry.role,
        "route": entry.route,
        "subjects": dict(entry.subjects),
        "status": entry.status or None,
        "result": entry.result or None,
    }


def _hash(text: str) -> str:
    return hmac.new(identity_key(), b"audit\0" + text.encode(), hashlib.sha256).hexdigest()[:16]
