"""The profiles API as a WSGI application: what arrives becomes API Gateway's event, the function's answer becomes HTTP."""

from collections.abc import Callable, Iterable
from functools import cache
from http import HTTPStatus
from typing import Any

from local.gateway import Api, Cors, Headers, HttpAnswer, HttpRequest, Route, answer_of, event_of, find, message
from tests.double.stack import template
from tests.support.product import Context, function

StartResponse = Callable[[str, Headers], Any]


@cache
def deployed() -> Api:
    """The admin API with the routes of the template."""
    paths = template()["Resources"]["AdminApi"]["Properties"]["DefinitionBody"]["paths"]
    routes = [(method.upper(), path) for path, methods in paths.items() for method in methods]
    return Api("admin", [Route(method, path, "profiles_api") for method, path in routes], Cors())


def through_gateway(request: HttpRequest) -> HttpAnswer:
    """What API Gateway answers: the function's answer, or its own where no route fits."""
    match = find([deployed()], request.method, request.path)
    if match.route is None:
        return message(404, "Not Found")
    return answer_of(function("profiles_api").handler(event_of(request, match), Context()))


def profiles_api(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """The WSGI application; it needs the environment that the function needs."""
    answer = through_gateway(_request(environ))
    start_response(f"{answer.status} {HTTPStatus(answer.status).phrase}", answer.headers)
    return [answer.body]


def _request(environ: dict[str, Any]) -> HttpRequest:
    """The request with path and query as they were sent: PATH_INFO is decoded and would lose an encoded slash."""
    path = environ["REQUEST_URI"].partition("?")[0]
    headers = [(name[5:].replace("_", "-"), value) for name, value in environ.items() if name.startswith("HTTP_")]
    headers += [("content-type", environ["CONTENT_TYPE"])] if environ.get("CONTENT_TYPE") else []
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    return HttpRequest(
        method=environ["REQUEST_METHOD"], path=path, query=environ["QUERY_STRING"], headers=headers, body=body
    )
