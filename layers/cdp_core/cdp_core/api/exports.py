"""Shapes of exports."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from cdp_core.api.models import PROFILE, PROFILE_ID, Profile, example, taken
from cdp_core.api.operations import Job

Format = Literal["json", "csv"]
_FACT = {
    "section": "field",
    "leaf": PROFILE_ID,
    "name": "email",
    "value": "ann@example.com",
    "time": "2026-01-02T03:04:06.000Z",
    "source": "website",
    "message_id": "m-1",
}


class Fact(BaseModel):
    """One thing that is held on a person."""

    section: str
    leaf: str
    name: str
    value: Any
    time: str | None
    source: str | None
    message_id: str | None


class PersonExport(BaseModel):
    """Everything held on a person: the profile, and line by line what it is made of."""

    model_config = example(profile=PROFILE, items=[_FACT])
    profile: Profile
    items: list[Fact]


class ExportFormat(BaseModel):
    """In which form."""

    model_config = taken(format="csv")
    format: Format = "json"


class ListExport(BaseModel):
    """Which profiles to export, and which of their fields; all standard fields if none is named."""

    model_config = taken(format="csv", verification="verified", channel="website", fields=["email", "custom.plan"])
    format: Format = "csv"
    verification: Literal["verified", "anonymous", "all"] = "verified"
    channel: Annotated[str | None, Field(max_length=100)] = None
    status: Annotated[str | None, Field(max_length=100)] = None
    activity_type: Annotated[str | None, Field(max_length=100)] = None
    seen_since: Annotated[str | None, Field(max_length=64, description="ISO 8601")] = None
    seen_until: Annotated[str | None, Field(max_length=64, description="ISO 8601")] = None
    created_since: Annotated[str | None, Field(max_length=64, description="ISO 8601")] = None
    created_until: Annotated[str | None, Field(max_length=64, description="ISO 8601")] = None
    fields: Annotated[list[Annotated[str, Field(min_length=1, max_length=120)]], Field(max_length=100)] = []


class File(BaseModel):
    """A part of an export. The link needs no key and is good until `expires_at`; ask again for another one."""

    name: str
    url: str
    expires_at: str


class Export(Job):
    """An export's job, and its files once it is done."""

    model_config = example(
        job_id="8d1f0c6b2a7e4f539b0d",
        type="export",
        status="done",
        progress={"done": 1, "total": 1},
        request=None,
        receipt={"counts": {"rows": 1, "files": 1}},
        files=[
            {
                "name": "00000.csv",
                "url": "https://bucket.example/exports/8d1f/00000.csv",
                "expires_at": "2026-01-31T12:15:00.000Z",
            }
        ],
    )
    files: list[File]
