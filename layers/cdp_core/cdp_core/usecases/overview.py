"""A profile on one page: who the person is, what they did in figures, what they agreed to, what was noted about them."""

from collections import Counter
from itertools import islice
from typing import Any

from cdp_core.domain.contact import CUSTOMER, MEMBER, contact_fields, registration
from cdp_core.domain.edits import marketing_state
from cdp_core.domain.leaf import earliest, latest
from cdp_core.domain.times import DAY_MS, iso
from cdp_core.domain.work import ACCOUNT
from cdp_core.tables import catalogue, contacts, labels
from cdp_core.usecases import notes, profiles, timeline
from cdp_core.usecases.profiles import Profile

FORM = "bizformsubmit"
_LATEST_NOTES, _FORMS_EXAMINED, _ACCOUNTS = 5, 100, 100


def overview(profile: Profile) -> dict[str, Any]:
    """The overview as the API answers it."""
    registers = profile.registers
    shown = profiles.show(profile)
    first = earliest(*(leaf.first_seen for leaf in profile.leaves))
    last = latest(*(leaf.last_seen for leaf in profile.leaves))
    return {
        **{name: shown[name] for name in ("profile_id", "display_name", "verified", "created_at", "identities")},
        "contact": contact_fields(registers),
        "member": registration(registers, MEMBER),
        "customer": registration(registers, CUSTOMER),
        "status": _status(shown["status"]),
        "owner": shown["owner"],
        "marketing_email": marketing_state(registers),
        "journey_days": 0 if first is None or last is None else (last - first) // DAY_MS,
        "first_activity_at": None if first is None else iso(first),
        "last_activity_at": None if last is None else iso(last),
        "activities": _activities(profile),
        "forms": _forms(profile),
        "consents": _consents(shown["consents"]),
        "accounts": _accounts(profile),
        "notes": notes.read(profile.leaves, limit=_LATEST_NOTES, position=None).items,
    }


def _accounts(profile: Profile) -> list[dict[str, Any]]:
    """The accounts of all identifiers, each once, _ACCOUNTS an identifier at most."""
    found = (one for leaf in profile.leaves for one in islice(contacts.memberships(leaf, ACCOUNT), _ACCOUNTS))
    roles = {one.id: one.role for one in sorted(found, key=lambda one: (one.id, one.role or ""))}
    return [{"id": name, "role": role} for name, role in roles.items()]


def _status(code: str | None) -> dict[str, Any] | None:
    label = labels.all_of(labels.STATUSES).get(code) if code else None
    return {"code_name": code, "name": label.name if label else code} if code else None


def _activities(profile: Profile) -> dict[str, Any]:
    counts: Counter[str] = Counter()
    for leaf in profile.leaves:
        counts.update(leaf.counts)
    names = catalogue.remembered().type_names()
    by_type = [{"type": code, "name": names.get(code, code), "count": n} for code, n in counts.most_common() if n]
    return {"total": counts.total(), "by_type": by_type}


def _forms(profile: Profile) -> dict[str, Any]:
    """The latest submissions by form; `complete` says whether there are no earlier ones."""
    if not any(leaf.counts.get(FORM) for leaf in profile.leaves):
        return {"items": [], "complete": True}
    page = timeline.read(profile.leaves, timeline.Ask(type=FORM, limit=_FORMS_EXAMINED))
    forms = catalogue.remembered().forms
    found: dict[str, dict[str, Any]] = {}
    for one in page.items:
        code = str(one["properties"].get("form") or "")
        shown = {"code_name": code, "name": forms[code].name if code in forms else code}
        form = found.setdefault(code, shown | {"count": 0, "last_submitted_at": one["occurred_at"]})
        form["count"] += 1
    return {"items": list(found.values()), "complete": page.position is None}


def _consents(decided: list[dict[str, Any]]) -> list[dict[str, Any]]:
    names = {one.code_name: one.name for one in catalogue.all_consents()} if decided else {}
    kept = ("code", "agreed", "decided_at")
    return [{"name": names.get(one["code"], one["code"]), **{name: one[name] for name in kept}} for one in decided]
