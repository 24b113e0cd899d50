"""Shapes of receipts of events: where an event is, and why not."""

from typing import Annotated, Literal

from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from pydantic import BaseModel, Field

from cdp_core.api.models import ACTIVITY, PROFILE_ID, Activity, example
from cdp_core.domain.envelope import MAX_MESSAGE_ID
from cdp_core.domain.identity import MAX_IDENTIFIER

MessageId = Annotated[str, Path(description=f"The event's message id, at most {MAX_MESSAGE_ID} characters")]
Whose = Annotated[
    str,
    Query(
        min_length=1,
        max_length=MAX_IDENTIFIER + 20,
        description="Any id of the person: a profile id, or `user_id:`, `anonymous_id:` or `email:` and a value",
    ),
]
Timestamp = Annotated[
    str | None, Query(max_length=64, description="The event's timestamp as the client sent it: then the look is exact")
]
ReceivedAt = Annotated[
    str | None,
    Query(max_length=64, description="When the request came: tells a repeat from the first, and what held then"),
]
TypeName = Annotated[str | None, Query(max_length=200, description="Its activity type or event name, if you know it")]


class EventReceipt(BaseModel):
    """Where an event is. `certain` is false where it follows from the rules that held when it must have been received."""

    model_config = example(
        message_id="m-1",
        status="stored",
        profile_id=PROFILE_ID,
        activity=ACTIVITY,
        fields=[],
        rule=None,
        reason=None,
        detail=None,
        explanation="it is stored as an activity since 2026-01-31T12:00:01.250Z; a repeat of it changes nothing",
        certain=True,
    )
    message_id: str
    status: Literal[
        "stored",
        "duplicate",
        "dropped",
        "dead_lettered",
        "suppressed",
        "consent_withheld",
        "erased",
        "unknown",
        "unknown_in_window",
    ]
    profile_id: str | None
    activity: Activity | None
    fields: Annotated[list[str], Field(description="Details that it is the source of, if it is no activity")]
    rule: Annotated[str | None, Field(description="The named rule that kept it out")]
    reason: Annotated[str | None, Field(description="Code of its dead letter")]
    detail: Annotated[str | None, Field(description="Its dead letter in words")]
    explanation: str
    certain: bool
    hidden: Annotated[bool | None, Field(description="True where personal data is hidden from the caller")] = None
