"""Shapes of the profiles API: what it takes and what it answers. Times are ISO 8601 UTC with milliseconds."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from cdp_core.domain.identity import MAX_IDENTIFIER


class Lookup(BaseModel):
    """An identifier to look up without personal data in a URL."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"kind": "email", "value": "ann@example.com"}}
    )
    kind: Annotated[str, Field(min_length=1, max_length=40, description="user_id, anonymous_id or email")]
    value: Annotated[str, Field(min_length=1, max_length=MAX_IDENTIFIER)]


class NewChannel(BaseModel):
    """A channel to create."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"code_name": "shop", "name": "Web shop", "type": "website"}}
    )
    code_name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,49}$")]
    name: Annotated[str, Field(min_length=1, max_length=200)]
    type: Literal["website", "server", "headless"] = "website"


class NewKey(BaseModel):
    """A write key to create; a secret one carries authority (servers only)."""

    model_config = ConfigDict(extra="forbid")
    secret: bool = False


class Channel(BaseModel):
    """A channel."""

    code_name: str
    name: str
    type: str
    enabled: bool


class CreatedKey(BaseModel):
    """A write key; this is the only time it is shown."""

    id: str
    channel: str
    secret: bool
    key: str


class Identity(BaseModel):
    """One identifier of a profile."""

    kind: str
    value: str
    first_seen_at: str | None


class Counts(BaseModel):
    """How many activities the profile has."""

    total: int
    by_type: dict[str, int]


class Profile(BaseModel):
    """Everything about one person, folded from all identifiers."""

    profile_id: str
    display_name: str
    verified: bool
    created_at: str | None
    first_seen_at: str | None
    last_seen_at: str | None
    contact: dict[str, Any]
    member: dict[str, Any] | None
    customer: dict[str, Any] | None
    identities: list[Identity]
    channels: list[str]
    activity_counts: Counts
    consents: list[Any]
    merged_ids: list[str]


class ProfileList(BaseModel):
    """A page of profiles; `cursor` goes on, null at the end."""

    items: list[Profile]
    cursor: str | None


class Activity(BaseModel):
    """One thing the person did, with the client's values as they were sent."""

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


class ActivityList(BaseModel):
    """A page of activities; `cursor` goes on, null at the end."""

    items: list[Activity]
    cursor: str | None


class Progress(BaseModel):
    """Steps of a job."""

    done: int
    total: int


class Receipt(BaseModel):
    """How many items were removed from every store."""

    counts: dict[str, int]


class Job(BaseModel):
    """Long work and how far it is."""

    job_id: str
    type: str
    status: Literal["queued", "running", "waiting", "done", "failed"]
    progress: Progress
    receipt: Receipt | None


class ErrorDetail(BaseModel):
    """A stable code and a sentence for people."""

    code: str
    message: str
    profile_ids: list[str] | None = None


class Error(BaseModel):
    """Every error has this form."""

    error: ErrorDetail
