"""Shapes of the suppression list: whose events are refused, by hash."""

from typing import Annotated, Literal

from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from pydantic import BaseModel, Field

from cdp_core.api.erasures import Reason
from cdp_core.api.models import PROFILE_ID, VISITOR_ID, example, taken
from cdp_core.domain.identity import LEAF_KINDS, MAX_IDENTIFIER, MAX_LEAVES

Hash = Annotated[str, Path(description="Any of a suppression's hashes")]
HashFilter = Annotated[
    str | None, Query(pattern=r"^[uv][0-9a-f]{32}$", description="Only the suppression that holds this hash")
]
_SUPPRESSION = {
    "hash": PROFILE_ID,
    "hashes": [PROFILE_ID, VISITOR_ID],
    "since": "2026-01-31T11:59:50.000Z",
    "reason": "request",
    "requested_by": "key:3f2a91c07be84d5f",
    "erasure": None,
}


class NewSuppression(BaseModel):
    """Whom to suppress: an identifier (whether anybody has it or not), a profile, or a hash as the list shows it."""

    model_config = taken(kind="user_id", value="42", reason="request")
    kind: Annotated[str | None, Field(max_length=40, json_schema_extra={"enum": [*LEAF_KINDS]})] = None
    value: Annotated[str | None, Field(min_length=1, max_length=MAX_IDENTIFIER)] = None
    profile_id: Annotated[str | None, Field(min_length=1, max_length=MAX_IDENTIFIER + 20)] = None
    hash: Annotated[str | None, Field(pattern=r"^[uv][0-9a-f]{32}$")] = None
    reason: Reason | None = None


class Suppression(BaseModel):
    """A suppression that stands: from when on events are refused, and of whom, by keyed hashes. One of them is lifted with all."""

    model_config = example(**_SUPPRESSION)
    hash: str
    hashes: Annotated[list[str], Field(max_length=MAX_LEAVES)]
    since: str
    reason: str | None
    requested_by: str | None
    erasure: Annotated[str | None, Field(description="The job of the erasure that it came with")]


class SuppressionList(BaseModel):
    """A page of suppressions, the latest first; `cursor` goes on, null at the end."""

    model_config = example(items=[_SUPPRESSION], cursor=None)
    items: list[Suppression]
    cursor: str | None


class Lifted(BaseModel):
    """Whose events are taken again from now on."""

    model_config = example(hash=PROFILE_ID, hashes=[PROFILE_ID, VISITOR_ID], lifted=True)
    hash: str
    hashes: list[str]
    lifted: Literal[True]
