"""What lists share: a page with a sealed cursor that works for its caller only, and times as parameters."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from cdp_core.api.http import answer
from cdp_core.domain.times import NO_TIME, parse_time
from cdp_core.errors import InvalidInput
from cdp_core.usecases import cursors
from cdp_core.usecases.paging import Page


def page(found: Page, query: dict[str, Any]) -> Response[Any]:
    """A page's answer; its cursor goes on with the same query only."""
    return answer({"items": found.items, "cursor": cursors.seal(found.position, query) if found.position else None})


def whole(items: list[dict[str, Any]]) -> Response[Any]:
    """The answer of a list that is never long."""
    return answer({"items": items, "cursor": None})


def instant(name: str, text: str | None) -> int | None:
    """A time parameter in ms. Raises InvalidInput, naming it."""
    if text is None:
        return None
    millis = parse_time(text.replace(" ", "+") if "T" in text else text)
    if millis == NO_TIME:
        raise InvalidInput(f"{name} must be an ISO 8601 time from 2000 to 2099, such as 2026-01-31T12:00:00Z")
    return millis
