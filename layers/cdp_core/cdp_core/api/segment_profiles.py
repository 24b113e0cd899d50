"""Shapes and words of Segment's Profile API, for tools that know it (P-01 to P-06)."""

import json
from typing import Annotated, Any

from pydantic import BaseModel, Field

from cdp_core.api.models import example, taken

PREFIX = "/v1/spaces/"
_CODES = {401: "authentication_error", 403: "authentication_error", 404: "not_found", 429: "rate_limit_error"}
_OWN = frozenset({"unsupported_eid_type", "bad_request", "eid_not_found", "source_id_not_found", "validation_error"})
_CURSOR = {"url": "", "has_more": False, "next": "", "limit": 10}
_EXTERNAL_ID = {
    "id": "42",
    "type": "user_id",
    "collection": "users",
    "source_id": "",
    "created_at": "2026-01-02T03:04:06.000Z",
    "encoding": "none",
    "first_message_id": "",
}


def dressed(answered: dict[str, Any], request_id: str) -> dict[str, Any]:
    """An answer as these tools expect it: with a Request-Id, and errors by their own codes."""
    headers = {**(answered.get("headers") or {}), "Request-Id": request_id}
    if answered["statusCode"] < 400:
        return answered | {"headers": headers}
    error = json.loads(answered["body"])["error"]
    if answered["statusCode"] < 500 and error["code"] not in _OWN:  # our own trouble keeps our own code
        error["code"] = _CODES.get(answered["statusCode"], "invalid_request_error")
    return answered | {"headers": headers, "body": json.dumps({"error": error})}


class Cursor(BaseModel):
    """Where a list goes on: `next` is sent as the parameter of that name while there is more."""

    url: str
    has_more: bool
    next: str
    limit: int


class Traits(BaseModel):
    """P-01."""

    model_config = example(traits={"email": "ann@example.com", "firstName": "Ann"}, cursor=_CURSOR)
    traits: dict[str, Any]
    cursor: Cursor


class ExternalId(BaseModel):
    """An identifier of a profile."""

    id: str
    type: str
    collection: str
    source_id: str
    created_at: str | None
    encoding: str
    first_message_id: str


class ExternalIds(BaseModel):
    """P-02."""

    model_config = example(data=[_EXTERNAL_ID], cursor=_CURSOR)
    data: list[ExternalId]
    cursor: Cursor


class Events(BaseModel):
    """P-03."""

    model_config = example(
        data=[
            {
                "external_ids": [_EXTERNAL_ID],
                "context": {},
                "type": "track",
                "message_id": "m-1",
                "source_id": "website",
                "timestamp": "2026-01-31T12:00:00.000Z",
                "properties": {},
                "event": "Order Completed",
                "related": {"users": []},
            }
        ],
        cursor=_CURSOR,
    )
    data: list[dict[str, Any]]
    cursor: Cursor


class Metadata(BaseModel):
    """P-04."""

    model_config = example(
        metadata={
            "created_at": "2026-01-02T03:04:05.000Z",
            "updated_at": "2026-01-31T12:00:00.000Z",
            "expires_at": None,
            "first_message_id": "m-1",
            "first_source_id": "website",
            "last_message_id": "m-9",
            "last_source_id": "website",
        },
        cursor=_CURSOR,
    )
    metadata: dict[str, Any]
    cursor: Cursor


class Links(BaseModel):
    """P-05."""

    model_config = example(
        data=[{"to_collection": "accounts", "external_ids": [_EXTERNAL_ID | {"id": "acme", "type": "group_id"}]}],
        cursor=_CURSOR,
    )
    data: list[dict[str, Any]]
    cursor: Cursor
    hidden: Annotated[bool | None, Field(description="True where personal data is hidden from the caller")] = None


class ExternalIdNamed(BaseModel):
    """An identifier by its value and type."""

    model_config = taken(id="a3c1b2", type="anonymous_id")
    id: Annotated[str, Field(min_length=1, max_length=200)]
    type: Annotated[str, Field(min_length=1, max_length=100)]


class DeleteExternalIds(BaseModel):
    """P-06: which identifiers shall lead to this profile no more."""

    model_config = taken(delete_external_ids=[{"id": "a3c1b2", "type": "anonymous_id"}])
    delete_external_ids: Annotated[list[ExternalIdNamed], Field(min_length=1, max_length=20)]


class Deleted(BaseModel):
    """The identifiers that lead to a profile of their own now."""

    model_config = example(deleted_external_ids=[{"id": "a3c1b2", "type": "anonymous_id"}])
    deleted_external_ids: list[ExternalIdNamed]
