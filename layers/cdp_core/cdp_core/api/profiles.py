"""Shapes of what admins write about a person: contact fields, locks, status, notes, activities."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from cdp_core.api.models import PROFILE_ID, Agreement, Identity, example, taken
from cdp_core.domain.edits import EDITABLE
from cdp_core.domain.envelope import MAX_MESSAGE_ID
from cdp_core.domain.identity import MAX_IDENTIFIER

MAX_NOTE = 4_000
_CONTACT = {"first_name": "Ann", "email": "ann@example.com", "custom": {"plan": "pro"}}
_NOTE = {
    "id": "1767323045678-5f2c81d9",
    "text": "Called about the invoice",
    "author": "Support desk",
    "author_id": "key:5f2c81d9ab34e07c",
    "at": "2026-01-31T12:00:00.000Z",
}
IdentifierText = Annotated[str, Field(min_length=1, max_length=MAX_IDENTIFIER, pattern=r"^[^\x00-\x1f\x7f]+$")]
FieldName = Annotated[str, Field(min_length=1, max_length=120)]
Names = Annotated[list[FieldName], Field(max_length=100, description="Names of fields; custom ones as `custom.<name>`")]
Fields = Annotated[
    dict[str, Any],
    Field(
        max_length=300,
        description=f"Values by field, null removes one: {', '.join(EDITABLE)}; others by name under `custom`",
    ),
]
Owner = Annotated[str, Field(min_length=1, max_length=200, description="Who of your people looks after this person")]
Status = Annotated[str, Field(min_length=1, max_length=50, description="Code name of a status")]


class NewProfile(BaseModel):
    """A person to create. Without an identifier a new anonymous id is made up."""

    model_config = taken(user_id="42", contact=_CONTACT, owner="Eve")
    user_id: IdentifierText | None = None
    anonymous_id: IdentifierText | None = None
    contact: Fields = {}
    lock: Names = []
    status: Status | None = None
    owner: Owner | None = None
    marketing_email: Literal["receiving", "opted_out", "undeliverable"] | None = None


class ProfileChanges(BaseModel):
    """What is not named stays; null removes."""

    model_config = taken(contact={"email": "ann.lee@example.com"}, lock=["email"], owner=None)
    contact: Fields = {}
    lock: Names = []
    unlock: Names = []
    status: Status | None = None
    owner: Owner | None = None
    marketing_email: Literal["receiving", "opted_out", "undeliverable"] | None = None


class FieldOrigin(BaseModel):
    """Where a field's value comes from. Of a locked one, `underlying` is what would show without the lock."""

    field: str
    value: Any
    source: str
    time: str
    message_id: str
    locked: bool
    underlying: Any


class FieldOriginList(BaseModel):
    """All fields of a profile, by name."""

    model_config = example(
        items=[
            {
                "field": "email",
                "value": "ann@example.com",
                "source": "admin",
                "time": "2026-01-31T12:00:00.000Z",
                "message_id": "admin-1f0c",
                "locked": True,
                "underlying": "ann@old.example.com",
            }
        ],
        cursor=None,
    )
    items: list[FieldOrigin]
    cursor: None


class IdentityList(BaseModel):
    """All identifiers of a profile."""

    model_config = example(
        items=[{"kind": "user_id", "value": "42", "first_seen_at": "2026-01-02T03:04:06.000Z"}], cursor=None
    )
    items: list[Identity]
    cursor: None


class AgreementList(BaseModel):
    """What a person decided about each consent, with the history."""

    model_config = example(items=[], cursor=None)
    items: list[Agreement]
    cursor: None


class NewNote(BaseModel):
    """A note to write."""

    model_config = taken(text="Called about the invoice")
    text: Annotated[str, Field(min_length=1, max_length=MAX_NOTE)]


class Note(BaseModel):
    """A note about a person."""

    model_config = example(**_NOTE)
    id: str
    text: str
    author: str
    author_id: str
    at: str


class NoteList(BaseModel):
    """A page of notes; `cursor` goes on, null at the end."""

    model_config = example(items=[_NOTE], cursor=None)
    items: list[Note]
    cursor: str | None


class NewActivity(BaseModel):
    """An activity to log by hand, or on somebody's behalf."""

    model_config = taken(type="custom", title="Visited our stand", value="Fair 2026")
    type: Annotated[str, Field(min_length=1, max_length=100, description="Code name of an activity type")]
    title: Annotated[str | None, Field(min_length=1, max_length=250)] = None
    value: Annotated[str | None, Field(max_length=1_000)] = None
    occurred_at: Annotated[str | None, Field(max_length=64, description="ISO 8601; now if absent")] = None
    message_id: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=MAX_MESSAGE_ID,
            description="With `occurred_at`, makes a repeat of this request safe",
        ),
    ] = None
    properties: Annotated[dict[str, Any], Field(max_length=300)] = {}


class Queued(BaseModel):
    """The activity is on the queue; the next flush stores it."""

    model_config = example(
        message_id="admin-1f0c", type="custom", occurred_at="2026-01-31T12:00:00.000Z", status="queued"
    )
    message_id: str
    type: str
    occurred_at: str
    status: str


class StatusShown(BaseModel):
    """A status with its name."""

    code_name: str
    name: str


class TypeCount(BaseModel):
    """How many activities of a type."""

    type: str
    name: str
    count: int


class ActivityCounts(BaseModel):
    """Activities by type, most first."""

    total: int
    by_type: list[TypeCount]


class FormCount(BaseModel):
    """Submissions of a form."""

    code_name: str
    name: str
    count: int
    last_submitted_at: str


class Forms(BaseModel):
    """Submitted forms, the latest first; `complete` is false where there are earlier submissions than were looked at."""

    items: list[FormCount]
    complete: bool


class ConsentShown(BaseModel):
    """What the person decided last."""

    name: str
    code: str
    agreed: bool
    decided_at: str


class AccountShown(BaseModel):
    """An account that the person belongs to."""

    id: str
    role: str | None


class Overview(BaseModel):
    """A profile on one page."""

    model_config = example(
        profile_id=PROFILE_ID,
        display_name="ann@example.com",
        verified=True,
        created_at="2026-01-02T03:04:05.901Z",
        identities=[{"kind": "user_id", "value": "42", "first_seen_at": "2026-01-02T03:04:06.000Z"}],
        contact=_CONTACT,
        member={"member_id": "42"},
        customer=None,
        status={"code_name": "lead", "name": "Lead"},
        owner="Eve",
        marketing_email="receiving",
        journey_days=29,
        first_activity_at="2026-01-02T03:04:05.678Z",
        last_activity_at="2026-01-31T12:00:00.000Z",
        activities={"total": 2, "by_type": [{"type": "pagevisit", "name": "Page visit", "count": 2}]},
        forms={"items": [], "complete": True},
        consents=[],
        accounts=[{"id": "acme", "role": "decision_maker"}],
        notes=[_NOTE],
    )
    profile_id: str
    display_name: str
    verified: bool
    created_at: str | None
    identities: list[Identity]
    contact: dict[str, Any]
    member: dict[str, Any] | None
    customer: dict[str, Any] | None
    status: StatusShown | None
    owner: str | None
    marketing_email: Literal["receiving", "opted_out", "undeliverable", "no_address"]
    journey_days: int
    first_activity_at: str | None
    last_activity_at: str | None
    activities: ActivityCounts
    forms: Forms
    consents: list[ConsentShown]
    accounts: list[AccountShown]
    notes: list[Note]
    hidden: Annotated[bool | None, Field(description="True where personal data is hidden from the caller")] = None
