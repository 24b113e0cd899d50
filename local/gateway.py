"""The part of API Gateway's HTTP APIs that the front door plays: routes, events (payload 2.0), answers, CORS.

Pure: requests and answers are values, nothing is sent. What it imitates is written down in
docs/decisions/2026-11-23-local-front-door.md.
"""

import base64
import json
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

_TEXT_TYPES = ("application/json", "application/xml", "application/javascript")

_FORWARDED = {"x-forwarded-proto": "http"}  # API Gateway says https there

Headers = list[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cors:
    """An API's CORS configuration; without origins it sends no CORS header."""

    origins: Sequence[str] = ()
    methods: Sequence[str] = ()
    headers: Sequence[str] = ()
    exposed: Sequence[str] = ()
    max_age: int | None = None
    credentials: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """A route of an API, such as `GET /profiles/{id}`, and the function behind it."""

    method: str
    path: str
    function: str

    @property
    def key(self) -> str:
        """The route key, as events and logs name it."""
        return f"{self.method} {self.path}"

    def parameters(self, path: str) -> dict[str, str] | None:
        """The decoded path parameters if an undecoded path fits, else None. An encoded slash stays within its segment."""
        wanted, given = self.path.split("/"), path.rstrip("/").split("/")
        if len(wanted) != len(given):
            return None
        found = {}
        for name, text in zip(wanted, given, strict=True):
            if name.startswith("{") and text:
                found[name[1:-1]] = unquote(text)
            elif name != text:
                return None
        return found


@dataclass(frozen=True, slots=True)
class Api:
    """An HTTP API: its routes and its CORS configuration."""

    name: str
    routes: Sequence[Route]
    cors: Cors


@dataclass(frozen=True, slots=True)
class Match:
    """Where a request goes: its API, and its route with path parameters, or None where the API has no such route."""

    api: Api
    route: Route | None
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """A request as it came: undecoded path, undecoded query, headers in order, bytes."""

    method: str
    path: str
    query: str = ""
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""
    client: str = "127.0.0.1"

    def header(self, name: str) -> str | None:
        """The first header of this name, in any case."""
        return next((value for given, value in self.headers if given.lower() == name), None)


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An answer to send."""

    status: int
    body: bytes = b""
    headers: Headers = field(default_factory=list)


def find(apis: Sequence[Api], method: str, path: str) -> Match:
    """The route of a request. A literal segment wins over a parameter.

    A path that no API has belongs to the first API: its answer holds nothing, so any page may read it.
    """
    fitting = [
        (api, route, found) for api in apis for route in api.routes if (found := route.parameters(path)) is not None
    ]
    fitting.sort(key=lambda one: len(one[2]))
    for api, route, found in fitting:
        if route.method in (method, "ANY"):
            return Match(api, route, found)
    return Match(fitting[0][0] if fitting else apis[0], None, {})


def is_preflight(request: HttpRequest) -> bool:
    """Whether a browser asks before it sends."""
    return (
        request.method == "OPTIONS"
        and request.header("origin") is not None
        and request.header("access-control-request-method") is not None
    )


def preflight_answer(cors: Cors, request: HttpRequest) -> HttpAnswer:
    """204 with what the API allows, or without any CORS header for an origin that it does not know."""
    headers = cors_headers(cors, request.header("origin"))
    if headers:
        headers += [("access-control-allow-methods", ",".join(cors.methods))]
        headers += [("access-control-allow-headers", ",".join(cors.headers))]
        headers += [("access-control-max-age", str(cors.max_age))] if cors.max_age is not None else []
    return HttpAnswer(204, b"", headers)


def cors_headers(cors: Cors, origin: str | None) -> Headers:
    """The CORS headers of every answer to a request from this origin, errors included."""
    if origin is None or not ("*" in cors.origins or origin in cors.origins):
        return []
    headers = [("access-control-allow-origin", "*" if "*" in cors.origins else origin)]
    headers += [("access-control-expose-headers", ",".join(cors.exposed))] if cors.exposed else []
    headers += [("access-control-allow-credentials", "true")] if cors.credentials else []
    return headers


def event_of(request: HttpRequest, match: Match) -> dict[str, Any]:
    """The event that the function gets, in payload format 2.0. `rawPath` is decoded, as HTTP APIs do it."""
    body, is_base64 = _body(request)
    headers = [(name.lower(), value) for name, value in request.headers if name.lower() not in ("cookie", *_FORWARDED)]
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": match.route.key if match.route else "$default",
        "rawPath": unquote(request.path),
        "rawQueryString": request.query,
        "headers": _joined([*headers, *_FORWARDED.items()]),
        "requestContext": _context(request, match),
        "isBase64Encoded": is_base64,
    }
    cookies = [part.strip() for part in (request.header("cookie") or "").split(";") if part.strip()]
    query = _joined(parse_qsl(request.query, keep_blank_values=True))
    given = {"cookies": cookies, "queryStringParameters": query, "pathParameters": dict(match.parameters), "body": body}
    return event | {name: value for name, value in given.items() if value}


def _body(request: HttpRequest) -> tuple[str, bool]:
    """Text for the few textual content types, base64 for everything else, as API Gateway judges it."""
    kind = (request.header("content-type") or "").partition(";")[0].strip().lower()
    if (kind.startswith("text/") or kind in _TEXT_TYPES) and request.header("content-encoding") is None:
        try:
            return request.body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(request.body).decode(), bool(request.body)


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _context(request: HttpRequest, match: Match) -> dict[str, Any]:
    now = time.time()
    return {
        "accountId": "000000000000",
        "apiId": match.api.name,
        "domainName": request.header("host") or "",
        "domainPrefix": match.api.name,
        "http": {
            "method": request.method,
            "path": unquote(request.path),
            "protocol": "HTTP/1.1",
            "sourceIp": request.client,
            "userAgent": request.header("user-agent") or "",
        },
        "requestId": uuid.uuid4().hex,
        "routeKey": match.route.key if match.route else "$default",
        "stage": "$default",
        "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
        "timeEpoch": int(now * 1000),
    }


def message(status: int, text: str) -> HttpAnswer:
    """An answer of the gateway itself."""
    return HttpAnswer(status, json.dumps({"message": text}).encode(), [("content-type", "application/json")])


def answer_of(result: Any) -> HttpAnswer:
    """What the function's result (payload format 2.0) becomes on the wire; 500 for one that is no answer."""
    if not isinstance(result, dict) or not isinstance(result.get("statusCode"), int):
        return message(500, "Internal Server Error")
    headers = [(name.lower(), str(value)) for name, value in (result.get("headers") or {}).items()]
    headers += [("set-cookie", cookie) for cookie in result.get("cookies") or []]
    if "content-type" not in dict(headers):
        headers += [("content-type", "text/plain;charset=utf-8")]
    body = result.get("body") or ""
    return HttpAnswer(
        result["statusCode"], base64.b64decode(body) if result.get("isBase64Encoded") else body.encode(), headers
    )


def with_cors(answer: HttpAnswer, cors: Cors, origin: str | None) -> HttpAnswer:
    """The answer with the API's CORS headers in place of any that the function set."""
    headers = [(name, value) for name, value in answer.headers if not name.startswith("access-control-")]
    return HttpAnswer(answer.status, answer.body, headers + cors_headers(cors, origin))
