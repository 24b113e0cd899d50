"""The front door's part of API Gateway."""

import base64

import pytest

from local.gateway import (
    Api,
    Cors,
    HttpAnswer,
    HttpRequest,
    Route,
    answer_of,
    event_of,
    find,
    preflight_answer,
    with_cors,
)

TRACKING = Api(
    "tracking", [Route("POST", "/v1/track", "track")], Cors(origins=["*"], methods=["POST"], exposed=["retry-after"])
)
ADMIN = Api(
    "admin",
    [
        Route("GET", "/profiles/{id}", "api"),
        Route("POST", "/profiles/lookup", "api"),
        Route("GET", "/profiles/lookup", "literal"),
        Route("GET", "/profiles/{id}/activities", "api"),
    ],
    Cors(),
)
APIS = [TRACKING, ADMIN]


def event(request: HttpRequest) -> dict:  # type: ignore[type-arg]
    return event_of(request, find(APIS, request.method, request.path))


def test_an_encoded_slash_stays_within_its_path_parameter() -> None:
    given = event(HttpRequest(method="GET", path="/profiles/user_id%3Aa%2Fb"))
    assert given["pathParameters"] == {"id": "user_id:a/b"}
    assert given["rawPath"] == "/profiles/user_id:a/b"
    assert given["routeKey"] == "GET /profiles/{id}"


def test_a_literal_segment_wins_over_a_parameter() -> None:
    match = find(APIS, "GET", "/profiles/lookup")
    assert match.route is not None
    assert match.route.function == "literal"


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/track"), ("GET", "/nowhere"), ("GET", "/profiles//activities")]
)
def test_what_has_no_route_has_none(method: str, path: str) -> None:
    assert find(APIS, method, path).route is None


@pytest.mark.parametrize(
    ("kind", "body", "is_base64"),
    [
        ("application/json; charset=utf-8", "žluť".encode(), False),
        ("text/plain", b"{}", False),
        ("application/x-www-form-urlencoded", b"a=b", True),
        ("application/json", b"\x1f\x8b\xff", True),
        (None, b"{}", True),
    ],
)
def test_a_body_arrives_byte_for_byte(kind: str | None, body: bytes, is_base64: bool) -> None:
    headers = [("Content-Type", kind)] if kind else []
    given = event(HttpRequest(method="POST", path="/v1/track", headers=headers, body=body))
    assert given["isBase64Encoded"] is is_base64
    assert (base64.b64decode(given["body"]) if is_base64 else given["body"].encode()) == body


def test_repeated_headers_and_parameters_are_joined_and_cookies_are_apart() -> None:
    headers = [("X-A", "1"), ("x-a", "2"), ("Cookie", "a=1; b=2")]
    given = event(HttpRequest(method="POST", path="/v1/track", query="q=1&q=2&e=", headers=headers))
    assert given["headers"] == {"x-a": "1,2", "x-forwarded-proto": "http"}
    assert given["cookies"] == ["a=1", "b=2"]
    assert given["queryStringParameters"] == {"q": "1,2", "e": ""}


def test_a_preflight_of_an_unknown_origin_allows_nothing() -> None:
    asked = HttpRequest(
        method="OPTIONS", path="/x", headers=[("Origin", "https://b"), ("Access-Control-Request-Method", "GET")]
    )
    assert preflight_answer(Cors(origins=["https://a"], methods=["GET"]), asked) == HttpAnswer(204)
    assert preflight_answer(ADMIN.cors, asked) == HttpAnswer(204)


def test_the_configured_cors_headers_replace_the_functions_own() -> None:
    answer = HttpAnswer(400, b"", [("access-control-allow-origin", "https://wrong"), ("content-type", "text/plain")])
    headers = with_cors(answer, TRACKING.cors, "https://shop.example").headers
    assert headers == [
        ("content-type", "text/plain"),
        ("access-control-allow-origin", "*"),
        ("access-control-expose-headers", "retry-after"),
    ]


@pytest.mark.parametrize("result", [None, "text", {"body": "x"}, {"statusCode": "200"}])
def test_a_result_that_is_no_answer_is_a_500(result: object) -> None:
    assert answer_of(result).status == 500
