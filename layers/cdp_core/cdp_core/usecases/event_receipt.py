"""Where an event is, and why not: looks where it must be, then at what must have kept it out. Nothing is written for a receipt."""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Any

from cdp_core import clock
from cdp_core.domain import event_receipt as rules
from cdp_core.domain.activity import Row, code_name, describe
from cdp_core.domain.envelope import MAX_MESSAGE_ID
from cdp_core.domain.event_receipt import Finding
from cdp_core.domain.identity import profile_id
from cdp_core.domain.leaf import Leaf
from cdp_core.domain.links import Tree
from cdp_core.domain.times import CLOCK_MARGIN_MS, DAY_MS, FUTURE_MS, NO_TIME, iso
from cdp_core.domain.work import ACCOUNT
from cdp_core.errors import InvalidInput
from cdp_core.tables import activities, catalogue, channels, contacts, dead_letters, links
from cdp_core.tables.dead_letters import DeadLetter
from cdp_core.usecases import resolve, shared_consents
from cdp_core.usecases.resolve import Named

WINDOW_DAYS = 14
_ROWS = 1_000  # examined at most without a timestamp
_LETTERS, _LETTER_BYTES = 200, 4_000_000
_ACCOUNTS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which event is meant: its message id, any identifier or id of the person, and what else is known of it.

    `timestamp` is the client's (ms), `received_at` when the request came (ms), `type` its activity type or event name.
    """

    message_id: str
    id: str
    timestamp: int | None = None
    received_at: int | None = None
    type: str | None = None


def receipt(asked: Asked) -> dict[str, Any]:
    """Where the event is. Raises InvalidInput for what cannot be a message id, and what `resolve.name` raises."""
    if len(asked.message_id) > MAX_MESSAGE_ID:
        raise InvalidInput(f"message_id: must have at most {MAX_MESSAGE_ID} characters")
    named = resolve.name(asked.id)
    tree = links.load_tree(named.leaf)
    finding = _find(asked, named, tree)
    return {
        "message_id": asked.message_id,
        "status": finding.status,
        "profile_id": finding.profile_id,
        "activity": finding.activity,
        "fields": list(finding.fields),
        "rule": finding.rule,
        "reason": finding.reason,
        "detail": finding.detail,
        "explanation": finding.explanation,
        "certain": finding.certain,
    }


def _find(asked: Asked, named: Named, tree: Tree) -> Finding:
    leaf = tree.leaves[named.leaf]
    if named.epoch is not None and named.epoch < leaf.epoch:
        return rules.over(leaf, certain=True)
    owner = profile_id(tree.root, tree.leaves[tree.root].epoch)
    found = _stored(asked, tree, owner) or _details(asked, tree, owner) or _dead(asked, tree, owner)
    return found or _kept_out(asked, leaf, tree) or _unknown(asked)


def _stored(asked: Asked, tree: Tree, owner: str) -> Finding | None:
    """The activity, under its exact key where the client's timestamp is known; events without a usable one lie at time 0."""
    lives = [(leaf.id, leaf.epoch) for leaf in tree.leaves.values()]
    times = {asked.timestamp if asked.timestamp is not None else NO_TIME, NO_TIME}
    found = activities.load_many(lives, [(time, asked.message_id) for time in sorted(times, reverse=True)])
    if not found and asked.timestamp is None:
        found = list(islice(_window(asked.message_id, tree), 1))
    if not found:
        return None
    name, row = found[0]
    if row.position is not None:
        row = activities.load_copy(name, tree.leaves[name].epoch, row) or row
    shown = describe(row, catalogue.remembered().type_names())
    first = Finding(
        status=rules.STORED,
        certain=True,
        profile_id=owner,
        activity=shown,
        explanation=f"it is stored as an activity since {shown['received_at']}; a repeat of it changes nothing",
    )
    if asked.received_at is None or iso(asked.received_at - CLOCK_MARGIN_MS) <= shown["received_at"]:
        return first
    said = f"the same message id and timestamp had been received at {shown['received_at']}: the repeat changes nothing"
    return replace(first, status=rules.DUPLICATE, rule=rules.DUPLICATE, explanation=said, certain=False)


def _window(message_id: str, tree: Tree) -> Iterator[tuple[str, Row]]:
    """The rows with this message id among the latest of the last days."""
    now = clock.now_ms()
    low, high = activities.sort_key(now - WINDOW_DAYS * DAY_MS), activities.sort_key(now + FUTURE_MS)
    chunk = max(10, _ROWS // len(tree.leaves))

    def rows(leaf: Leaf) -> Iterator[tuple[str, Row]]:
        found = activities.timeline(leaf.id, leaf.epoch, low=low, high=high, newest_first=True, limit=chunk)
        return ((leaf.id, row) for row in found)

    newest = heapq.merge(*map(rows, tree.leaves.values()), key=lambda one: one[1].time, reverse=True)
    return (one for one in islice(newest, _ROWS) if one[1].message_id == message_id)


def _details(asked: Asked, tree: Tree, owner: str) -> Finding | None:
    """What an event without an activity left: details of the person or an account, a link. They say which event they are from."""
    members = list(tree.leaves.values())
    found = contacts.load_many(contacts.contact_key(leaf.id, leaf.epoch) for leaf in members)
    joined = islice(chain.from_iterable(contacts.memberships(leaf, ACCOUNT) for leaf in members), _ACCOUNTS)
    accounts = contacts.load_many(contacts.record_key(ACCOUNT, one.id) for one in joined)
    fields = [
        f"{where}{name}"
        for where, many in (("", found), ("account.", accounts))
        for one in many.values()
        for name, register in one.registers.items()
        if register.message_id == asked.message_id
    ]
    fields += ["link" for leaf in members if leaf.link_key is not None and leaf.link_key[1] == asked.message_id]
    if not fields:
        return None
    said = "it is no activity; what it said is stored, as far as no later event said something else"
    names = tuple(sorted(set(fields)))
    return Finding(status=rules.STORED, certain=True, profile_id=owner, fields=names, explanation=said)


def _dead(asked: Asked, tree: Tree, owner: str) -> Finding | None:
    every = chain.from_iterable(dead_letters.of_life(leaf.id, leaf.epoch) for leaf in tree.leaves.values())
    for letter in _bounded(every):
        if rules.is_of(letter.original, asked.message_id):
            return Finding(
                status=rules.DEAD_LETTERED,
                certain=True,
                reason=letter.reason,
                detail=letter.message,
                profile_id=owner,
                explanation=f"it was refused at {iso(letter.at)} and has no effect; GET /dead-letters shows it for 30 days",
            )
    return None


def _bounded(letters: Iterable[DeadLetter]) -> Iterator[DeadLetter]:
    size = 0
    for letter in islice(letters, _LETTERS):
        yield letter
        size += len(letter.original)
        if size > _LETTER_BYTES:
            return


def _kept_out(asked: Asked, leaf: Leaf, tree: Tree) -> Finding | None:
    """The rule that must have kept it out, judged by when it was received, or by its own timestamp where that is not known."""
    known = asked.received_at if asked.received_at is not None else asked.timestamp
    at = known if known is not None else clock.now_ms()
    if (found := rules.erased(leaf, known) or rules.suppressed(tree.leaves.values(), at)) is not None:
        return found
    if asked.type is not None and catalogue.load().is_disabled(code_name(asked.type)):
        return rules.disabled(code_name(asked.type))
    history = shared_consents.history_of(shared_consents.identified(list(tree.leaves.values())))
    return rules.withheld(history, channels.all_channels(), at)


def _unknown(asked: Asked) -> Finding:
    in_window = asked.timestamp is None
    disabled = [code for code, one in catalogue.load().types.items() if not one.enabled]
    looked = (
        f"It is not among the latest {_ROWS} activities of the last {WINDOW_DAYS} days; with its timestamp the look is exact."
        if in_window
        else "It is not stored."
    )
    return rules.unknown(in_window=in_window, looked=looked, disabled_types=disabled)
