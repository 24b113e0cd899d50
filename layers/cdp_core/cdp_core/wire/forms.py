"""Plain form submissions: `POST /v1/forms/{code}` as browsers send it without a script, or as JSON."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from cdp_core.domain.catalogue import Form
from cdp_core.domain.envelope import Event, Refusal
from cdp_core.domain.identity import is_blocked
from cdp_core.errors import InvalidInput
from cdp_core.wire import json
from cdp_core.wire.http import Request
from cdp_core.wire.keys import key_of
from cdp_core.wire.segment import NewId, judged

MAX_INPUTS = 300
_OURS = ("writeKey", "anonymousId", "messageId")


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """One submission: the write key, the form's code name, and what the inputs held. `is_page` says that a person waits for a page."""

    write_key: str
    form: str
    inputs: Mapping[str, Any]
    page: str | None
    is_page: bool


def read(request: Request) -> Typed:
    """Reads a submission. Raises InvalidInput for a body that is no form, Unauthorized for keys that contradict each other."""
    inputs = _inputs(request)
    is_page = "text/html" in request.headers.get("accept", "") and not _is_json(request)
    return Typed(
        write_key=key_of(request, inputs),
        form=request.last_segment,
        inputs=inputs,
        page=request.headers.get("referer"),
        is_page=is_page,
    )


def event_of(typed: Typed, form: Form, new_id: NewId) -> Event | Refusal:
    """The submission as an activity. Only the form's own fields are kept; without a usable id it is nobody's but its own."""
    message_id = typed.inputs.get("messageId") or new_id()
    own = f"form:{message_id}" if isinstance(message_id, str | int) else None
    known = typed.inputs.get("anonymousId")
    fields = {name: typed.inputs[name] for name in form.fields if typed.inputs.get(name) not in (None, "")}
    properties = {"form": form.code_name, "value": form.name, "fields": fields, "url": typed.page}
    raw = {
        "type": "track",
        "event": "bizformsubmit",
        "messageId": message_id,
        "anonymousId": own if not known or (isinstance(known, str) and is_blocked(known)) else known,
        "properties": {name: value for name, value in properties.items() if value is not None},
    }
    return judged(raw, new_id)


def _is_json(request: Request) -> bool:
    return request.body.lstrip()[:1] == b"{"


def _inputs(request: Request) -> dict[str, Any]:
    if _is_json(request):
        value, _ = json.read(request.body)
        if not isinstance(value, dict):
            raise InvalidInput("the body must be a JSON object", code="invalid_json")
        fields = value.get("fields")
        return {**value, **fields} if isinstance(fields, dict) else value
    kind = request.headers.get("content-type", "")
    return _joined(_parts(kind, request.body) if kind.lower().startswith("multipart/") else _pairs(request.body))


def _pairs(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MAX_INPUTS)
    except ValueError as error:
        raise InvalidInput(f"the form must be UTF-8 with at most {MAX_INPUTS} inputs") from error


def _parts(kind: str, body: bytes) -> list[tuple[str, str]]:
    """The texts of a multipart form; files are not taken. Flat and in one pass: parts within parts are text like any other."""
    boundary = _BOUNDARY.search(kind)
    if boundary is None:
        raise InvalidInput("the form's Content-Type names no boundary")
    delimiter = rb"\r\n--" + re.escape(boundary[1].encode("latin-1", "replace")) + rb"(?=--|[ \t]*\r\n)"
    _, *parts = re.split(delimiter, b"\r\n" + body, maxsplit=MAX_INPUTS + 1)
    if not parts or not parts[-1].startswith(b"--"):
        raise InvalidInput(f"the form is cut short, or has more than {MAX_INPUTS} inputs")
    return [named for part in parts[:-1] if (named := _part(part)) is not None]


def _part(part: bytes) -> tuple[str, str] | None:
    """Name and text of an input; None for a file and for what has no name."""
    head, _, content = part.partition(b"\r\n\r\n")
    disposition = _DISPOSITION.search(head)
    if disposition is None or _FILE.search(disposition[0]):
        return None
    name = _NAME.search(disposition[0])
    return (_plain(name[name.lastindex or 1]), content.decode("utf-8", "replace")) if name else None


def _plain(name: bytes) -> str:
    """A name as the page has it: browsers escape these three."""
    text = name.decode("utf-8", "replace")
    return text.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")


_BOUNDARY = re.compile(r'boundary="?([^";,\s]{1,70})', re.IGNORECASE)
_DISPOSITION = re.compile(rb"^content-disposition:[^\r\n]*", re.IGNORECASE | re.MULTILINE)
_NAME = re.compile(rb';\s*name=(?:"([^"]*)"|([^;\s"]+))', re.IGNORECASE)
_FILE = re.compile(rb";\s*filename\*?=", re.IGNORECASE)


def _joined(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """One value a name: boxes that were ticked together make one text."""
    found: dict[str, str] = {}
    for name, value in pairs:
        found[name] = f"{found[name]}, {value}" if name in found and name not in _OURS else value
    return found
