"""Shapes of the routes for long work: jobs, bulk erasures, merges, dead letters, checks."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from cdp_core.api.erasures import Reason
from cdp_core.api.models import PROFILE, PROFILE_ID, VISITOR_ID, Profile, example, taken
from cdp_core.domain.bulk_erasure import MAX_NAMES
from cdp_core.domain.identity import MAX_IDENTIFIER


class Progress(BaseModel):
    """Steps of a job."""

    done: int
    total: int


class Receipt(BaseModel):
    """What the job did, in figures: an erasure's are the items removed from every store. `examples` are ids that a check found."""

    counts: dict[str, int]
    examples: dict[str, list[str]] | None = None


class JobRequest(BaseModel):
    """Why an erasure was asked for, by whom (an admin key or a token's subject, by its id), and whether later events are refused."""

    reason: str | None
    requested_by: str | None
    suppress: bool


class Job(BaseModel):
    """Long work and how far it is. `request` is an erasure's; null for other types."""

    model_config = example(
        job_id="8d1f0c6b2a7e4f539b0d",
        type="erasure",
        status="waiting",
        progress={"done": 3, "total": 7},
        request={"reason": "request", "requested_by": "key:3f2a91c07be84d5f", "suppress": False},
        receipt=None,
    )
    job_id: str
    type: str
    status: Literal["queued", "running", "waiting", "done", "failed"]
    progress: Progress
    request: JobRequest | None
    receipt: Receipt | None


class BulkErasure(BaseModel):
    """Profiles to erase in one job; with `suppress` the people's later events are refused as well."""

    model_config = taken(ids=[PROFILE_ID, "user_id:42"], reason="inactive", suppress=False)
    ids: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=MAX_IDENTIFIER + 20)]],
        Field(
            min_length=1, max_length=MAX_NAMES, description="Profile ids, or `user_id:` or `anonymous_id:` and a value"
        ),
    ]
    reason: Reason | None = None
    suppress: bool = False


class Merge(BaseModel):
    """One identifier's leaf under another."""

    merged_id: str
    into: str
    identifier: str
    merged_at: str
    message_id: str
    by: Annotated[str | None, Field(description="The admin who merged them; null for an event")]
    reason: str | None


class MergeList(BaseModel):
    """All merges of a profile."""

    model_config = example(
        items=[
            {
                "merged_id": VISITOR_ID,
                "into": PROFILE_ID,
                "identifier": "anonymous_id:a3c1b2",
                "merged_at": "2026-01-02T03:04:06.000Z",
                "message_id": "m-1",
                "by": None,
                "reason": None,
            }
        ]
    )
    items: list[Merge]


class MergeWith(BaseModel):
    """The other profile, and why the two are one person (no personal data)."""

    model_config = taken(**{"with": "user_id:43", "reason": "same customer number"})
    other: Annotated[str, Field(alias="with", min_length=1, max_length=MAX_IDENTIFIER + 20)]
    reason: Annotated[str | None, Field(min_length=1, max_length=200)] = None


class Conflict(BaseModel):
    """A field in which the two differ."""

    field: str
    kept: Any
    dropped: Any


class Merged(BaseModel):
    """The merged profile, whose id leads to it now, and what was decided on the way; of a dry run what it would be."""

    model_config = example(
        dry_run=True,
        profile_id=PROFILE_ID,
        merged_id=VISITOR_ID,
        profile=PROFILE,
        conflicts=[{"field": "email", "kept": "ann@example.com", "dropped": "ann@old.example.com"}],
        warnings=["two_known_users"],
    )
    dry_run: bool
    profile_id: str
    merged_id: str
    profile: Profile
    conflicts: list[Conflict]
    warnings: list[str]


class Unmerged(BaseModel):
    """The two profiles after an unmerge."""

    model_config = example(profile_id=PROFILE_ID, unmerged_id=VISITOR_ID)
    profile_id: str
    unmerged_id: str


class DeadLetter(BaseModel):
    """An event that has no effect (or a message of the dead-letter queue), and why."""

    id: str
    reason: str
    message: str
    at: str | None
    attempts: int
    channel: str
    profile_id: str | None
    original: str


class DeadLetterList(BaseModel):
    """A page of dead letters; `cursor` goes on, null at the end."""

    model_config = example(
        items=[
            {
                "id": "019b7c0a1d2e8f3a5b6c7d8e#00001",
                "reason": "missing_event_name",
                "message": "event must be a text of at least one character",
                "at": "2026-01-31T12:00:01.250Z",
                "attempts": 1,
                "channel": "website",
                "profile_id": PROFILE_ID,
                "original": '{"type":"track","userId":"42"}',
            }
        ],
        cursor=None,
    )
    items: list[DeadLetter]
    cursor: str | None


class Redrive(BaseModel):
    """Which dead letters to give another chance, and how fast."""

    model_config = taken(source="events", reason="missing_event_name", dry_run=True, per_second=100)
    source: Literal["events", "messages"] = "events"
    reason: Annotated[str | None, Field(max_length=100, description="Code of a reason; all if absent")] = None
    since: Annotated[str | None, Field(max_length=64, description="ISO 8601; 30 days ago if absent")] = None
    until: Annotated[str | None, Field(max_length=64, description="ISO 8601; now if absent")] = None
    per_second: Annotated[int, Field(ge=1, le=1_000)] = 100
    dry_run: bool = False


class Check(BaseModel):
    """How fast to go through all data, and whether to repair what can be made anew from the activities."""

    model_config = taken(per_second=200, repair=False)
    per_second: Annotated[int, Field(ge=1, le=10_000, description="Leaves a second")] = 200
    repair: bool = False
