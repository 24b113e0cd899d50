"""Shapes of the routes for access: admin keys, the audit log, who is asking."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from cdp_core.api.models import Name, example, taken
from cdp_core.domain.access import Scope

Role = Literal["viewer", "editor", "admin"]
MAX_GRACE_SECONDS = 7 * 86_400

_KEY = {
    "id": "5f2c81d9ab34e07c",
    "name": "Support desk",
    "role": "viewer",
    "grants": ["personal:read"],
    "created_at": "2026-01-02T03:04:05.000Z",
    "created_by": "key:first",
    "expires_at": None,
    "revoked_at": None,
    "last_used_at": "2026-01-31T12:00:00.000Z",
}
_ENTRY = {
    "id": "8d1f0c6b2a7e",
    "at": "2026-01-31T12:00:00.000Z",
    "caller": "key:5f2c81d9ab34e07c",
    "role": "admin",
    "route": "DELETE /profiles/{id}",
    "subjects": {"id": "u3f2a91c07be84d5f96a1e0b47c8d2f35"},
    "status": 202,
    "result": "8d1f0c6b2a7e4f539b0d",
}


class Me(BaseModel):
    """Who is asking, and what they may do."""

    model_config = example(
        id="key:5f2c81d9ab34e07c", name="Support desk", role="viewer", scopes=["catalogue:read", "profiles:read"]
    )
    id: str
    name: str
    role: str
    scopes: list[str]


class NewAdminKey(BaseModel):
    """An admin key to create: a role, and scopes granted besides."""

    model_config = taken(name="Support desk", role="viewer", grants=["personal:read"])
    name: Name
    role: Role
    grants: Annotated[
        list[Annotated[str, Field(json_schema_extra={"enum": [str(one) for one in Scope]}, max_length=40)]],
        Field(max_length=len(Scope), description="Scopes besides those of the role, such as `personal:read`"),
    ] = []
    expires_at: Annotated[str | None, Field(max_length=64, description="ISO 8601; never if absent")] = None


class AdminKey(BaseModel):
    """An admin key, without the key itself."""

    model_config = example(**_KEY)
    id: str
    name: str
    role: str
    grants: list[str]
    created_at: str
    created_by: str
    expires_at: str | None
    revoked_at: str | None
    last_used_at: str | None


class CreatedAdminKey(AdminKey):
    """An admin key; this is the only time that it is shown."""

    model_config = example(**_KEY, key="ak_shown-this-once")
    key: str


class AdminKeyList(BaseModel):
    """All admin keys."""

    model_config = example(items=[_KEY], cursor=None)
    items: list[AdminKey]
    cursor: None


class Rotation(BaseModel):
    """How long the former key goes on working."""

    model_config = taken(grace_seconds=86_400)
    grace_seconds: Annotated[int, Field(ge=0, le=MAX_GRACE_SECONDS)] = 86_400


class AuditEntry(BaseModel):
    """One change or export. `status` is null where the end is not known; `subjects` are ids, codes and hashes, never personal data."""

    model_config = example(**_ENTRY)
    id: str
    at: str
    caller: str
    role: str
    route: str
    subjects: dict[str, str]
    status: int | None
    result: str | None


class AuditLog(BaseModel):
    """A page of the audit log; `cursor` goes on, null at the end."""

    model_config = example(items=[_ENTRY], cursor=None)
    items: list[AuditEntry]
    cursor: str | None
