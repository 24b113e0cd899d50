"""Admin keys: made, listed, renewed, revoked. A key is shown once, and stored as a hash only."""

import secrets
from collections.abc import Sequence
from typing import Any

from cdp_core import clock
from cdp_core.domain.access import Caller
from cdp_core.domain.times import iso
from cdp_core.errors import InvalidInput, NotFound
from cdp_core.tables import admin_keys
from cdp_core.tables.admin_keys import MAX_KEYS, AdminKey

_KEY_BYTES = 32


def create(caller: Caller, *, name: str, role: str, grants: Sequence[str], expires_at: int | None) -> dict[str, Any]:
    """A new key with the rights of a role and those granted besides; the only time it is shown.

    Raises InvalidInput for an end in the past, or beyond MAX_KEYS.
    """
    now = clock.now_ms()
    if expires_at is not None and expires_at <= now:
        raise InvalidInput("expires_at must be in the future")
    about = AdminKey(
        id="",
        name=name,
        role=role,
        grants=tuple(sorted(set(grants))),
        created_at=now,
        created_by=caller.id,
        expires_at=expires_at,
    )
    return _made(about)


def _made(about: AdminKey) -> dict[str, Any]:
    if len(admin_keys.all_keys()) >= MAX_KEYS:
        raise InvalidInput(f"there are {MAX_KEYS} admin keys already, which is as many as there may be")
    key = f"ak_{secrets.token_urlsafe(_KEY_BYTES)}"
    return view(admin_keys.save(key, about)) | {"key": key}


def all_keys() -> list[dict[str, Any]]:
    """Every key, newest first, revoked ones included."""
    return [view(key) for key in sorted(admin_keys.all_keys(), key=lambda key: key.created_at, reverse=True)]


def rotate(caller: Caller, key_id: str, *, grace_seconds: int) -> dict[str, Any]:
    """A new key in the place of one that works, with its name and rights; the former one ends after the grace. Raises NotFound."""
    former, now = admin_keys.load(key_id), clock.now_ms()
    if former is None or former.revoked_at is not None or (former.expires_at or now + 1) <= now:
        raise NotFound("there is no such admin key, or it works no longer")
    about = AdminKey(
        id="",
        name=former.name,
        role=former.role,
        grants=former.grants,
        created_at=now,
        created_by=caller.id,
        expires_at=former.expires_at,
    )
    made = _made(about)
    admin_keys.end(key_id, expires_at=now + grace_seconds * 1000)
    return made


def revoke(key_id: str) -> dict[str, Any]:
    """Takes a key's rights, everywhere within a minute; again is no change. Raises NotFound."""
    if not admin_keys.end(key_id, revoked_at=clock.now_ms()):
        raise NotFound("there is no such admin key")
    key = admin_keys.load(key_id)
    if key is None:
        raise NotFound("there is no such admin key")
    return view(key)


def view(key: AdminKey) -> dict[str, Any]:
    """The key as the API shows it."""
    return {
        "id": key.id,
        "name": key.name,
        "role": key.role,
        "grants": list(key.grants),
        "created_at": iso(key.created_at),
        "created_by": key.created_by,
        "expires_at": _time(key.expires_at),
        "revoked_at": _time(key.revoked_at),
        "last_used_at": _time(key.used_at),
    }


def _time(millis: int | None) -> str | None:
    return None if millis is None else iso(millis)
