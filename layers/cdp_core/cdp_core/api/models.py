"""Shapes of the profiles API: what it takes and what it answers. Times are ISO 8601 UTC with milliseconds."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from cdp_core.domain.identity import LEAF_KINDS, MAX_IDENTIFIER

CodeName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,49}$")]
Name = Annotated[str, Field(min_length=1, max_length=200)]
PROFILE_ID = "u3f2a91c07be84d5f96a1e0b47c8d2f35"
VISITOR_ID = "v9c04be1d27a5f8360e4b9d71c2fa6835"


def example(**fields: Any) -> ConfigDict:
    """An example of what is answered, for the documentation."""
    return ConfigDict(json_schema_extra={"example": fields})


def taken(**fields: Any) -> ConfigDict:
    """An example of what is taken; fields of any other name are refused, and so is 0 or "no" where false is meant."""
    return ConfigDict(extra="forbid", strict=True, json_schema_extra={"example": fields})


_IDENTITIES = [
    {"kind": "user_id", "value": "42", "first_seen_at": "2026-01-02T03:04:06.000Z"},
    {"kind": "anonymous_id", "value": "a3c1b2", "first_seen_at": "2026-01-02T03:04:05.678Z"},
]
_DECISION = {
    "agreed": True,
    "at": "2026-01-02T03:05:00.000Z",
    "text_version": "9c56cc51b374c3ba",
    "language": "en",
    "channel": "website",
}
PROFILE: dict[str, Any] = {
    "profile_id": PROFILE_ID,
    "display_name": "ann@example.com",
    "verified": True,
    "created_at": "2026-01-02T03:04:05.901Z",
    "first_seen_at": "2026-01-02T03:04:05.678Z",
    "last_seen_at": "2026-01-31T12:00:00.000Z",
    "contact": {"email": "ann@example.com", "name": "Ann Lee", "custom": {"plan": "pro"}},
    "member": {"member_id": "42", "email": "ann@example.com", "registered_at": "2026-01-02T03:04:06.000Z"},
    "customer": None,
    "status": "lead",
    "owner": "Eve",
    "identities": _IDENTITIES,
    "channels": ["website"],
    "activity_counts": {"total": 2, "by_type": {"memberregistration": 1, "pagevisit": 1}},
    "consents": [
        {"code": "tracking", "agreed": True, "decided_at": "2026-01-02T03:05:00.000Z", "history": [_DECISION]}
    ],
    "merged_ids": [VISITOR_ID],
}
ACTIVITY = {
    "message_id": "m-1",
    "type": "pagevisit",
    "title": "Page visit 'Pricing'",
    "value": "Pricing",
    "url": "https://example.com/pricing",
    "referrer": None,
    "channel": "website",
    "occurred_at": "2026-01-31T12:00:00.000Z",
    "received_at": "2026-01-31T12:00:01.250Z",
    "legal_basis": "channel_default",
    "event": None,
    "category": None,
    "note": None,
    "timestamp": "2026-01-31T12:00:00.000Z",
    "properties": {"url": "https://example.com/pricing"},
    "context": {},
}


class Lookup(BaseModel):
    """An identifier to look up without personal data in a URL."""

    model_config = taken(kind="email", value="ann@example.com")
    # Documented as an enumeration; the use case refuses other kinds in its own words.
    kind: Annotated[str, Field(min_length=1, max_length=40, json_schema_extra={"enum": [*LEAF_KINDS, "email"]})]
    value: Annotated[str, Field(min_length=1, max_length=MAX_IDENTIFIER)]


class Identity(BaseModel):
    """One identifier of a profile."""

    kind: str
    value: str
    first_seen_at: str | None


class Counts(BaseModel):
    """How many activities the profile has."""

    total: int
    by_type: dict[str, int]


class Decision(BaseModel):
    """One decision about a consent: to which version of its text, in which language, on which channel."""

    agreed: bool
    at: str
    text_version: str
    language: str
    channel: str


class Agreement(BaseModel):
    """What the person decided last about a consent, and before, latest first."""

    code: str
    agreed: bool
    decided_at: str
    history: list[Decision]


class Profile(BaseModel):
    """Everything about one person, folded from all identifiers."""

    model_config = example(**PROFILE)
    profile_id: str
    display_name: str
    verified: bool
    created_at: str | None
    first_seen_at: str | None
    last_seen_at: str | None
    contact: dict[str, Any]
    member: dict[str, Any] | None
    customer: dict[str, Any] | None
    status: str | None
    owner: str | None
    identities: list[Identity]
    channels: list[str]
    activity_counts: Counts
    consents: list[Agreement]
    merged_ids: list[str]
    hidden: Annotated[bool | None, Field(description="True where personal data is hidden from the caller")] = None


class ProfileList(BaseModel):
    """A page of profiles; `cursor` goes on, null at the end."""

    model_config = example(items=[PROFILE], cursor=None)
    items: list[Profile]
    cursor: str | None


class Activity(BaseModel):
    """One thing the person did, with the client's values as they were sent."""

    model_config = example(**ACTIVITY)
    message_id: str
    type: str
    title: str
    value: str | None
    url: str | None
    referrer: str | None
    channel: str | None
    occurred_at: str
    received_at: str
    legal_basis: str | None
    event: str | None
    category: str | None
    note: str | None
    timestamp: str
    properties: dict[str, Any]
    context: dict[str, Any]
    hidden: Annotated[bool | None, Field(description="True where personal data is hidden from the caller")] = None


class ActivityList(BaseModel):
    """A page of activities; `cursor` goes on, null at the end."""

    model_config = example(items=[ACTIVITY], cursor=None)
    items: list[Activity]
    cursor: str | None


class ErrorDetail(BaseModel):
    """A stable code and a sentence for people."""

    code: str
    message: str
    profile_ids: list[str] | None = None


class Error(BaseModel):
    """Every error has this form."""

    model_config = example(error={"code": "not_found", "message": "there is no such profile"})
    error: ErrorDetail
