"""The tracking pixel: an event in the address of an image, for e-mails and pages without scripts."""

import base64
from typing import Any

from cdp_core.errors import InvalidInput
from cdp_core.wire.http import Request
from cdp_core.wire.segment import NewId, Submission, judged

CALLS = ("track", "page")
GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")  # one transparent dot
_MAX_DOTS = 8


def read(request: Request, new_id: NewId) -> Submission:
    """The event of a pixel's address: `properties.plan=pro` is a property, `context.page.url=` part of the context.

    Raises InvalidInput for a call that is no pixel's, and for names with more dots than any field needs.
    """
    if request.last_segment not in CALLS:
        raise InvalidInput(f"the call must be one of {', '.join(CALLS)}", code="unknown_type")
    raw: dict[str, Any] = {}
    for name, value in request.query.items():
        if name != "writeKey":
            _place(raw, name, value)
    return Submission(
        write_key=request.query.get("writeKey", ""), outcomes=[judged({**raw, "type": request.last_segment}, new_id)]
    )


def _place(raw: dict[str, Any], name: str, value: str) -> None:
    *way, last = name.split(".")
    if len(way) > _MAX_DOTS:
        raise InvalidInput(f"a parameter's name has more than {_MAX_DOTS} dots")
    for part in way:
        inner = raw.get(part)
        if not isinstance(inner, dict):
            inner = raw[part] = {}
        raw = inner
    raw[last] = value
