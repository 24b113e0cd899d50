"""Shapes of erasures: why, their signed receipts, and what a verification finds."""

from typing import Annotated, Literal

from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import BaseModel, Field

from cdp_core.api.models import PROFILE_ID, VISITOR_ID, example, taken
from cdp_core.domain.identity import MAX_IDENTIFIER, MAX_LEAVES

# Codes, for a free text would soon hold personal data.
Reason = Literal[
    "request", "withdrawn_consent", "inactive", "duplicate", "test_data", "other"
]  # domain.erasure.REASONS
ReasonParameter = Annotated[
    Reason | None, Query(description="Why, as one of these codes: `request` is the person's own")
]
SuppressParameter = Annotated[bool, Query(description="Whether the person's later events are refused as well")]
_JOB_ID = "8d1f0c6b2a7e4f539b0d"
_DIGEST = "5f0c1d3a9b7e4826c1d0a9f8e7b6c5d45f0c1d3a9b7e4826c1d0a9f8e7b6c5d4"
_TIME = "2026-01-31T12:00:00.000Z"


class ErasedLife(BaseModel):
    """A leaf that was erased, as the keyed hash of its identifier, and which of its lives (the first is 0)."""

    hash: str
    life: int


class Previous(BaseModel):
    """The receipt before in the chain."""

    number: int
    digest: str
    issued_at: str


class ErasureReceipt(BaseModel):
    """What an erasure did, signed and chained to the receipt before it. Nothing in it is personal data."""

    model_config = example(
        erasure=_JOB_ID,
        number=2,
        requested_at=_TIME,
        requested_by="key:3f2a91c07be84d5f",
        reason="request",
        suppress=False,
        lives=[{"hash": PROFILE_ID, "life": 0}, {"hash": VISITOR_ID, "life": 0}],
        counts={"activities": 2, "contact": 1, "listing": 2},
        phases={"ledger": _TIME, "sweep_1": _TIME, "wait": _TIME, "sweep_2": _TIME, "expire": _TIME},
        issued_at=_TIME,
        code_version="0b1c2d3e4f50",
        previous={"number": 1, "digest": _DIGEST, "issued_at": _TIME},
        digest=_DIGEST,
        signature=_DIGEST,
    )
    erasure: str
    number: int
    requested_at: str
    requested_by: str | None
    reason: str | None
    suppress: bool
    lives: list[ErasedLife]
    counts: dict[str, int]
    phases: Annotated[dict[str, str], Field(description="When each phase ended")]
    issued_at: str
    code_version: str
    previous: Previous | None
    digest: str
    signature: str


class Verify(BaseModel):
    """Whose erasure it should be: identifiers that the receipt must cover, and whose consents are looked for."""

    model_config = taken(ids=["user_id:42"])
    ids: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=MAX_IDENTIFIER + 20)]],
        Field(max_length=MAX_LEAVES, description="`user_id:` or `anonymous_id:` and a value"),
    ] = []


class Verification(BaseModel):
    """Whether the receipt is genuine and nothing of the erased lives is left, found by asking for every key again."""

    model_config = example(
        erasure=_JOB_ID,
        verified=True,
        signature_valid=True,
        chain_valid=True,
        covers=True,
        remaining={"activities": 0, "dead_letters": 0, "contact": 0, "listing": 0},
        remaining_total=0,
        begun_anew=0,
        checked_at=_TIME,
    )
    erasure: str
    verified: bool
    signature_valid: bool
    chain_valid: bool
    covers: Annotated[bool | None, Field(description="Whether every id that was named is in the receipt; null without")]
    remaining: dict[str, int]
    remaining_total: int
    begun_anew: Annotated[
        int,
        Field(description="Leaves whose tombstone expired and that live again: what they hold now is of a new life"),
    ]
    checked_at: str
