"""Requests and answers of the profiles API in HTTP's terms: paths and bodies made safe, exact JSON, one form of error."""

import base64
import json
import re
from typing import Any
from urllib.parse import quote, unquote

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError

from cdp_core.api import models
from cdp_core.errors import Ambiguous, CdpError, InvalidInput, NotFound, TryAgain, Unauthorized
from cdp_core.tables.codec import to_json

JSON = "application/json"
RETRY_AFTER_SECONDS = 5
STATUS: dict[type[CdpError], int] = {InvalidInput: 400, Unauthorized: 401, NotFound: 404, Ambiguous: 409, TryAgain: 503}
_MEANINGS = {
    400: "A parameter or the body is wrong; the message names it",
    401: "No key, or not an admin key",
    404: "There is no such thing, or no longer",
    409: "Several profiles hold this identifier; `profile_ids` names them",
    503: "Our trouble: send the request again",
}
_PARAMETER = re.compile(r"{(\w+)}")


class Defect(CdpError):
    """Something went wrong that should not be possible; the log says what."""

    code = "internal_error"


class Resolver(APIGatewayHttpResolver):
    """The resolver, with a document that says what we answer: wrong input is 400, never 422."""

    def get_openapi_schema(self, **options: Any) -> Any:
        """The OpenAPI document of all routes."""
        document = super().get_openapi_schema(**options)
        for path in (document.paths or {}).values():
            for operation in (path.get, path.post, path.patch, path.delete):
                if operation and operation.responses:
                    operation.responses.pop(422, None)
        if document.components and document.components.schemas:
            for name in ("HTTPValidationError", "ResponseValidationError", "ValidationError"):
                document.components.schemas.pop(name, None)
        return document


def documented(model: type[Any], *errors: int, status: int = 200) -> dict[int, Any]:
    """What a route answers, for the OpenAPI document; 401 and 503 go without saying."""
    answers: dict[int, Any] = {status: {"description": "OK", "content": {JSON: {"model": model}}}}
    for code in sorted({*errors, 401, 503}):
        answers[code] = {"description": _MEANINGS[code], "content": {JSON: {"model": models.Error}}}
    return answers


def routable(event: dict[str, Any]) -> dict[str, Any]:
    """The event as the resolver can read it: variables in the path encoded again, for a decoded one may hold a slash,
    and the body as JSON text whatever its content type says.
    """
    headers = {name: value for name, value in (event.get("headers") or {}).items() if name.lower() != "content-type"}
    body = event.get("body") or ""
    if event.get("isBase64Encoded"):
        body = base64.b64decode(body).decode(errors="replace")
    changed = {"headers": headers | {"content-type": JSON}, "body": body or "null", "isBase64Encoded": False}
    return event | changed | {"rawPath": _encoded_path(event)}


def _encoded_path(event: dict[str, Any]) -> str:
    parameters = event.get("pathParameters") or {}
    template = event.get("routeKey", "").partition(" ")[2]
    if not parameters or not _PARAMETER.findall(template):
        return str(event["rawPath"])
    return _PARAMETER.sub(lambda found: quote(parameters[found[1]], safe=""), template)


def path_value(matched: str) -> str:
    """A variable of the path as it was meant."""
    return unquote(matched)


def answer(body: Any, status: int = 200) -> Response[Any]:
    """JSON with numbers exactly as stored."""
    return Response(status_code=status, content_type=JSON, body=to_json(body))


def failure(error: CdpError) -> Response[Any]:
    """The answer to an error."""
    status = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)
    detail: dict[str, Any] = {"code": error.code, "message": str(error)}
    if isinstance(error, Ambiguous):
        detail["profile_ids"] = error.profile_ids
    headers: dict[str, Any] = {"Retry-After": str(RETRY_AFTER_SECONDS)} if status == 503 else {}
    return Response(status_code=status, content_type=JSON, body=json.dumps({"error": detail}), headers=headers)


def plain(response: Response[Any]) -> dict[str, Any]:
    """An answer made outside the resolver, as Lambda gives it to API Gateway."""
    headers = {"Content-Type": JSON, **{name: str(value) for name, value in response.headers.items()}}
    return {"statusCode": response.status_code, "headers": headers, "body": response.body}


def invalid(error: RequestValidationError) -> InvalidInput:
    """Our words for the first thing that is wrong with a request."""
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"][1:] if not isinstance(part, int)) or "body"
    return InvalidInput(f"{field}: {first['msg']}")
