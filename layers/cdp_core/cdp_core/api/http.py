"""Requests and answers of the profiles API in HTTP's terms: paths and bodies made safe, exact JSON, one form of error."""

import base64
import inspect
import json
import math
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import quote, unquote

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError

from cdp_core.api import models
from cdp_core.errors import (
    Ambiguous,
    CdpError,
    ChannelDisabled,
    Forbidden,
    InvalidInput,
    NotFound,
    RateLimited,
    TryAgain,
    Unauthorized,
)
from cdp_core.tables.codec import from_json, to_json

JSON = "application/json"
# The page holds its scripts and styles; it may ask this very API and load nothing from anywhere else.
PAGE_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'unsafe-inline'",
        "style-src 'unsafe-inline'",
        "img-src data:",
        "connect-src 'self'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
RETRY_AFTER_SECONDS = 5
STATUS: dict[type[CdpError], int] = {
    InvalidInput: 400,
    Unauthorized: 401,
    Forbidden: 403,
    NotFound: 404,
    ChannelDisabled: 404,
    Ambiguous: 409,
    RateLimited: 429,
    TryAgain: 503,
}
_MEANINGS = {
    400: "A parameter or the body is wrong; the message names it",
    401: "No admin key or valid token",
    403: "The key or token lacks the scope that the message names",
    404: "There is no such thing, or no longer",
    409: "Several profiles hold this identifier; `profile_ids` names them",
    429: "Too many requests of this key or token in this minute; go on after `Retry-After` seconds",
    503: "Our trouble: send the request again",
}
MAX_PATH_VALUE = 900  # bytes: an identifier has 200 characters of four, and no key of a table may have more than 1 024
MAX_BODY = 1024 * 1024
MAX_DEPTH = 16
_MAX_FIELD = 100  # characters of a field's name that an error repeats: clients choose names
_PARAMETER = re.compile(r"{(\w+)}")
# Possessive, and an unclosed text reaches to the end: one pass, whatever comes.
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)


class Defect(CdpError):
    """Something went wrong that should not be possible; the log says what."""

    code = "internal_error"


class Resolver(APIGatewayHttpResolver):
    """The resolver, with a document that says what we answer: wrong input is 400, never 422."""

    def get_openapi_schema(self, **options: Any) -> Any:
        """The OpenAPI document of all routes: named after their functions, described by their docstrings."""
        for route in self._dynamic_routes + self._static_routes:
            route.operation_id, route.description = route.func.__name__, inspect.getdoc(route.func)
        document = super().get_openapi_schema(**options)
        for item in (document.paths or {}).values():
            for method in ("get", "post", "put", "patch", "delete"):
                if operation := getattr(item, method):
                    operation.responses.pop(422, None)
        if document.components and document.components.schemas:
            for name in ("HTTPValidationError", "ResponseValidationError", "ValidationError"):
                document.components.schemas.pop(name, None)
        return document


def documented(model: type[Any], *errors: int, status: int = 200) -> dict[int, Any]:
    """What a route answers, for the OpenAPI document; 401, 403, 429 and 503 go without saying."""
    answers: dict[int, Any] = {status: {"description": "OK", "content": {JSON: {"model": model}}}}
    for code in sorted({*errors, 401, 403, 429, 503}):
        answers[code] = {"description": _MEANINGS[code], "content": {JSON: {"model": models.Error}}}
    return answers


def with_csv(answers: dict[int, Any]) -> dict[int, Any]:
    """What a route answers that can answer in CSV as well."""
    answers[200]["content"]["text/csv"] = {"schema": {"type": "string", "examples": ['"section","leaf"\r\n']}}
    return answers


def routable(event: dict[str, Any]) -> dict[str, Any]:
    """The event as the resolver can read it: variables in the path encoded again, for a decoded one may hold a slash,
    and the body as JSON text whatever its content type says.

    Raises InvalidInput for a body that cannot be taken exactly as it was meant.
    """
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    if headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise InvalidInput("Content-Encoding: a body must be plain JSON here", code="unsupported_encoding")
    body = _checked(_text(event)) or "null"
    changed = {"headers": headers | {"content-type": JSON}, "body": body, "isBase64Encoded": False}
    return event | changed | {"rawPath": _encoded_path(event)}


def _text(event: dict[str, Any]) -> str:
    body = event.get("body") or ""
    try:
        data = base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()
        text = data.decode()
    except ValueError as error:
        raise InvalidInput("body: it must be JSON in UTF-8") from error
    if len(data) > MAX_BODY:
        raise InvalidInput(f"body: it has {len(data)} bytes; at most {MAX_BODY} are allowed", code="too_large")
    return text


def _checked(body: str) -> str:
    """The body in one spelling: 100.0 is the integer 100. What is no JSON passes: the resolver refuses it in words.

    Raises InvalidInput for JSON that readers understand differently, or that could not be stored as it is.
    """
    if _depth(body) > MAX_DEPTH:
        raise InvalidInput(f"body: it nests deeper than {MAX_DEPTH} levels")
    try:
        value = json.loads(body, object_pairs_hook=_unique, parse_constant=_no_number, parse_float=_finite)
        exact = to_json(value)
    except json.JSONDecodeError:
        return body
    except UnicodeEncodeError as error:
        raise InvalidInput("body: a text holds half of a surrogate pair") from error
    except ValueError as error:
        raise InvalidInput("body: a number has too many digits") from error
    if not isinstance(value, dict):  # the resolver would take a list's last object for the body
        raise InvalidInput("body: it must be a JSON object")
    return exact


def _depth(text: str) -> int:
    """How deep brackets nest, without recursion; measured no further than needed."""
    depth = deepest = 0
    for token in _TOKEN.finditer(text):
        depth += (token[0] in "[{") - (token[0] in "]}")
        deepest = max(deepest, depth)
        if deepest > MAX_DEPTH:
            break
    return deepest


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise InvalidInput("body: a name stands twice in one object", code="duplicate_key")
    return fields


def _finite(text: str) -> Decimal | int:
    if not math.isfinite(float(text)):
        return _no_number(text)
    number = Decimal(text)
    return int(number) if number == number.to_integral_value() else number


def _no_number(text: str) -> int:
    raise InvalidInput(f"body: {text[:20]} is not a number that JSON can hold")


def _encoded_path(event: dict[str, Any]) -> str:
    parameters = event.get("pathParameters") or {}
    template = event.get("routeKey", "").partition(" ")[2]
    if not parameters or not _PARAMETER.findall(template):
        return str(event["rawPath"])
    return _PARAMETER.sub(lambda found: quote(parameters[found[1]], safe=""), template)


def exact_body(event: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a routable event with its numbers exactly as they were sent: the resolver's own are rounded."""
    found: dict[str, Any] = from_json(event["body"])
    return found


def path_value(matched: str) -> str:
    """A variable of the path as it was meant. Raises NotFound for one that is longer than anything's id."""
    value = unquote(matched)
    if len(value.encode()) > MAX_PATH_VALUE:
        raise NotFound("there is no such thing")
    return value


def answer(body: Any, status: int = 200) -> Response[Any]:
    """JSON with numbers exactly as stored."""
    return Response(status_code=status, content_type=JSON, body=to_json(body))


def failure(error: CdpError) -> Response[Any]:
    """The answer to an error."""
    status = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)
    detail: dict[str, Any] = {"code": error.code, "message": str(error)}
    if isinstance(error, Ambiguous):
        detail["profile_ids"] = error.profile_ids
    wait = error.seconds if isinstance(error, RateLimited) else RETRY_AFTER_SECONDS
    headers: dict[str, Any] = {"Retry-After": str(wait)} if status in (429, 503) else {}
    return Response(status_code=status, content_type=JSON, body=json.dumps({"error": detail}), headers=headers)


def plain(response: Response[Any]) -> dict[str, Any]:
    """An answer made outside the resolver, as Lambda gives it to API Gateway."""
    headers = {"Content-Type": JSON, **{name: str(value) for name, value in response.headers.items()}}
    return {"statusCode": response.status_code, "headers": headers, "body": response.body}


def invalid(error: RequestValidationError) -> InvalidInput:
    """Our words for the first thing that is wrong with a request."""
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"][1:] if not isinstance(part, int)) or "body"
    return InvalidInput(f"{field[:_MAX_FIELD]}: {first['msg']}")
