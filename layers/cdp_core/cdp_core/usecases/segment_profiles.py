"""Profiles and accounts in the words of Segment's Profile API (P-01 to P-06). One deployment is one space, whatever it is called."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cdp_core import clock
from cdp_core.domain.contact import (
    CUSTOM_PREFIX,
    FIELD_OF_TRAIT,
    STANDARD,
    Register,
    Registers,
    contact_fields,
    effective,
    email,
)
from cdp_core.domain.identity import LEAF_KINDS, Identifier, parse_identifier
from cdp_core.domain.leaf import Leaf
from cdp_core.domain.times import DAY_MS, iso
from cdp_core.domain.work import ACCOUNT
from cdp_core.errors import Ambiguous, InvalidInput, NotFound
from cdp_core.tables import contacts
from cdp_core.tables.contacts import Details
from cdp_core.usecases import profiles, timeline, unmerge
from cdp_core.usecases.paging import Position
from cdp_core.usecases.profiles import Profile
from cdp_core.usecases.resolve import of_identifier

EVENTS_DAYS = 14
NOT_FOUND = "Profile was not found."
USERS, ACCOUNTS, GROUP_ID = "users", "accounts", "group_id"
_TRAIT_OF = {field: trait for trait, field in reversed(FIELD_OF_TRAIT.items()) if not trait.startswith("Contact")}
_TYPES = {"pagevisit": "page", "screen": "screen"}
_MAX_EVENT_IDS = 10  # identifiers that stand at each event, so that an answer stays far below Lambda's 6 MB


@dataclass(frozen=True, slots=True)
class Part:
    """Some of a list, and where the rest begins; None at its end."""

    data: Any
    position: Position | None


def profile_of(text: str) -> Profile:
    """The profile of `id_type:value`; the value as it is, or else in small letters. Raises NotFound in Segment's words."""
    named = parse_identifier(text)
    if named is None or named.kind not in (*LEAF_KINDS, "email"):
        raise NotFound(NOT_FOUND)
    for value in dict.fromkeys((named.value, named.value.lower())):
        try:
            return profiles.load(of_identifier(Identifier(named.kind, value)))
        except (NotFound, Ambiguous):
            continue
    raise NotFound(NOT_FOUND)


def account_of(text: str) -> tuple[str, Details]:
    """The account of `group_id:value`. Raises NotFound in Segment's words."""
    named = parse_identifier(text)
    details = contacts.load(contacts.record_key(ACCOUNT, named.value)) if named and named.kind == GROUP_ID else None
    if named is None or details is None or not details.version:
        raise NotFound(NOT_FOUND)
    return named.value, details


@dataclass(frozen=True, slots=True, kw_only=True)
class TraitsAsk:
    """Which traits: all, or those named; at most `limit` behind the name in `position`; with their origins where `verbose`."""

    include: Collection[str] = ()
    verbose: bool = False
    limit: int = 10
    position: Position | None = None


def traits(registers: Registers, ask: TraitsAsk) -> Part:
    """P-01: traits under Segment's names, in their order."""
    shown = _traits(registers)
    after = ask.position[0] if ask.position else ""
    names = [name for name in sorted(shown) if name > after and (not ask.include or name in ask.include)]
    kept = names[: ask.limit]
    found = {name: _verbose(shown[name]) if ask.verbose else shown[name].value for name in kept}
    return Part(found, (kept[-1], "") if len(names) > len(kept) else None)


def _traits(registers: Registers) -> dict[str, Register]:
    said = {name: register for name, register in effective(registers).items() if register.value is not None}
    found = {name.removeprefix(CUSTOM_PREFIX): one for name, one in said.items() if name.startswith(CUSTOM_PREFIX)}
    found |= {_TRAIT_OF.get(name, name): said[name] for name in STANDARD if name in said}
    address = contact_fields(registers).get("email")
    typed = [one for one in registers.values() if one.value == address]
    return found | ({"email": typed[0]} if address is not None and "email" not in found and typed else {})


def _verbose(register: Register) -> dict[str, Any]:
    return {"value": register.value, "source_id": register.source, "updated_at": iso(register.time)}


def external_ids(profile: Profile) -> list[dict[str, Any]]:
    """P-02: every identifier, the address included."""
    found = [external_id(leaf.identifier, one["first_seen_at"], (leaf.link_key or (0, ""))[1])
             for leaf, one in zip(sorted(profile.leaves, key=lambda leaf: leaf.id), profiles.identities(profile), strict=True)]  # fmt: skip
    address = email(profile.registers)
    register = _traits(profile.registers).get("email")
    if address and register:
        shown = external_id(f"email:{address}", iso(register.time), register.message_id)
        found.append(shown | {"source_id": register.source})
    return [one for one in found if one["id"]]


def account_external_ids(account_id: str) -> list[dict[str, Any]]:
    """P-02 of an account: its one id."""
    return [external_id(f"{GROUP_ID}:{account_id}", None, "") | {"collection": ACCOUNTS}]


def external_id(identifier: str, created_at: str | None, message_id: str) -> dict[str, Any]:
    """An identifier (`kind:value`) of a person as these tools know it."""
    kind, _, value = identifier.partition(":")
    return {
        "id": value,
        "type": kind,
        "collection": USERS,
        "source_id": "",
        "created_at": created_at,
        "encoding": "none",
        "first_message_id": message_id,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsAsk:
    """Which events: by name, between two times (ms) of the last 14 days, in which order."""

    include: Collection[str] = ()
    exclude: Collection[str] = ()
    start: int | None = None
    end: int | None = None
    newest_first: bool = True
    limit: int = 10
    position: Position | None = None


def events(profile: Profile, ask: EventsAsk) -> Part:
    """P-03: what the person did in the last 14 days. A part may be short: follow it while there is more."""
    oldest = clock.now_ms() - EVENTS_DAYS * DAY_MS
    page = timeline.read(
        profile.leaves,
        timeline.Ask(
            since=max(oldest, ask.start or 0),
            until=ask.end,
            newest_first=ask.newest_first,
            limit=ask.limit,
            position=ask.position,
        ),
    )
    ids = external_ids(profile)[:_MAX_EVENT_IDS]
    shown = [_event(one, ids) for one in page.items]
    return Part([one for one in shown if _is_wanted(one, ask)], page.position)


def _is_wanted(event: Mapping[str, Any], ask: EventsAsk) -> bool:
    return (not ask.include or event["event"] in ask.include) and event["event"] not in ask.exclude


def _event(activity: Mapping[str, Any], ids: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "external_ids": ids,
        "context": activity["context"],
        "type": _TYPES.get(activity["type"], "track") if activity["event"] is None else "track",
        "message_id": activity["message_id"],
        "source_id": activity["channel"],
        "timestamp": activity["occurred_at"],
        "properties": activity["properties"],
        "event": activity["event"],
        "related": {"users": []},
    }


def metadata(profile: Profile) -> dict[str, Any]:
    """P-04: since when, until when, and by which messages and sources first and last."""
    shown = profiles.show(profile)
    ends = [timeline.read(profile.leaves, timeline.Ask(newest_first=newest, limit=1)).items for newest in (False, True)]
    first, last = (items[0] if items else {} for items in ends)
    said = (iso(register.time) for register in profile.registers.values())
    changes = [time for time in (shown["created_at"], shown["last_seen_at"], *said) if time]
    return {
        "created_at": shown["created_at"],
        "updated_at": max(changes, default=None),
        "expires_at": None,
        "first_message_id": first.get("message_id"),
        "first_source_id": first.get("channel"),
        "last_message_id": last.get("message_id"),
        "last_source_id": last.get("channel"),
    }


def account_metadata(details: Details) -> dict[str, Any]:
    """P-04 of an account: when it was said first and last what it is now."""
    said = sorted(details.registers.values(), key=lambda one: one.time)
    first, last = (said[0], said[-1]) if said else (None, None)
    return {
        "created_at": iso(first.time) if first else None,
        "updated_at": iso(last.time) if last else None,
        "expires_at": None,
        "first_message_id": first.message_id if first else None,
        "first_source_id": first.source if first else None,
        "last_message_id": last.message_id if last else None,
        "last_source_id": last.source if last else None,
    }


def delete_external_ids(profile: Profile, wanted: Sequence[tuple[str, str]]) -> None:
    """P-06: these identifiers (type, value) lead to the profile no more; what was stored under them goes with them.

    Raises InvalidInput or NotFound in Segment's words, and then nothing has changed.
    """
    removed = {leaf.id: leaf for leaf in (_removable(profile, kind, value) for kind, value in wanted)}
    # Farthest from the root first: once its parent is gone, an identifier is no part of this profile any more.
    for leaf in sorted(removed.values(), key=lambda leaf: _steps_up(leaf, profile), reverse=True):
        unmerge.unmerge(profile.id, leaf.id)


def _steps_up(leaf: Leaf, profile: Profile) -> int:
    """How many links there are between a leaf and the root."""
    parents = {one.id: one.parent for one in profile.leaves}
    steps, at = 0, parents[leaf.id]
    while at is not None:
        steps, at = steps + 1, parents.get(at)
    return steps


def _removable(profile: Profile, kind: str, value: str) -> Leaf:
    if kind not in LEAF_KINDS:
        raise InvalidInput(f"{kind} identifies nobody that could be taken away", code="unsupported_eid_type")
    found = next((leaf for leaf in profile.leaves if leaf.identifier == f"{kind}:{value}"), None)
    if found is None:
        error = NotFound("the profile has no such external id")
        error.code = "eid_not_found"
        raise error
    if found.id == profile.root.id:
        # A user id wherever the profile has one: so its last user id stays, too.
        raise InvalidInput("the identifier that the profile is named by cannot be removed", code="bad_request")
    return found
