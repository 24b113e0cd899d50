"""Parameters that several routes take, with their limits and what the documentation says of them."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Path, Query

Limit = Annotated[int, Query(ge=1, le=100, description="How many items at most, 1 to 100")]
Cursor = Annotated[str | None, Query(max_length=2_000, description="Where to go on: the cursor of the page before")]
ProfileId = Annotated[
    str,
    Path(
        description="Profile id, merged-away id, or percent-encoded `user_id:`, `anonymous_id:` or `email:` and a value"
    ),
]
Time = Annotated[str | None, Query(max_length=64, description="ISO 8601, such as 2026-01-31T12:00:00Z")]
