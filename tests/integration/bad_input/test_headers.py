"""Bad input: content types, tokens and headers (I7, I10, I13, I16)."""

import base64
import json

import pytest

from local.gateway import HttpRequest
from tests.integration.bad_input.asking import (
    MB,
    PAGE,
    Store,
    activities,
    ask,
)
from tests.support.product import (
    ADMIN_KEY,
    WRITE_KEY,
    Context,
    basic,
    batch,
    drain_all,
    function,
    request,
    track,
)
from tests.support.wsgi import through_gateway

# --- I7: content types


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "multipart/form-data; boundary=x", "application/json; charset=utf-16", "x" * 1_000, "\xe9", ""],
)
def test_tracking_reads_json_in_utf_8_whatever_the_content_type_says(store: Store, content_type: str) -> None:
    """I7: with the same limits; a byte order mark is fine, UTF-16 is not."""
    sent = json.dumps(PAGE | {"properties": {"x": "é"}}, ensure_ascii=False)
    assert track("/v1/page", sent.encode("utf-16"), content_type=content_type)[1]["code"] == "invalid_json"
    assert track("/v1/page", sent.encode("latin-1"), content_type=content_type)[1]["code"] == "invalid_json"
    assert track("/v1/page", b" " * (5 * MB + 1), content_type=content_type)[0] == 413
    assert store.is_untouched()
    assert track("/v1/page", sent.encode("utf-8-sig"), content_type=content_type) == (200, {"success": True})
    drain_all()
    assert activities("user_id:neighbour")[0]["properties"] == {"x": "é"}


def test_the_profiles_api_reads_json_in_utf_8_only(store: Store) -> None:
    """I7: what would be replaced in silence is refused."""
    sent = '{"code_name":"a","name":"é"}'
    for body in (
        sent.encode("utf-16"),
        sent.encode("latin-1"),
        sent.encode("utf-8-sig"),
        b"code_name=a&name=b",
        b"[{}]",
    ):
        for content_type in ("application/json", "text/plain", "multipart/form-data; boundary=x"):
            status, answer, _ = ask("POST", "/channels", body, content_type=content_type)
            assert (status, answer["error"]["code"]) == (400, "invalid_request"), body
    assert store.is_untouched()


# --- I10, I13, I16: tokens and headers


def test_a_cursor_is_good_for_one_list_only_and_shows_nothing(store: Store) -> None:
    """I10: cut, changed, of another list, of another filter."""
    people = [{"type": "identify", "userId": f"canary{n}", "traits": {"name": f"Canary {n}"}} for n in range(3)]
    batch(*people, *(PAGE | {"userId": "42", "messageId": f"canary{n}"} for n in range(3)))
    drain_all()
    lists = ["/profiles?verification=all&q=canary&limit=1", "/profiles?verification=all&limit=1",
             "/profiles/user_id%3A42/activities?limit=1", "/profiles/user_id%3A42/activities?limit=1&order=asc"]  # fmt: skip
    cursors = [ask("GET", path)[1]["cursor"] for path in lists]
    for path, own in zip(lists, cursors, strict=True):
        assert ask("GET", f"{path}&cursor={own}")[0] == 200
        assert b"anary" not in base64.urlsafe_b64decode(own)
        others = [one for one in cursors if one != own]
        for bad in (*others, own[:-1], own[:40], own[::-1], "A" + own, "%00", "%F0%9F%98%80", "A" * 2_000, ""):
            status, answer, _ = ask("GET", f"{path}&cursor={bad}")
            assert (status, answer["error"]["code"]) == (400, "invalid_cursor"), bad


@pytest.mark.parametrize("origin", ["null", "https://evil.example", "https://admin.example.evil.example"])
def test_functions_leave_cors_to_the_gateway(origin: str) -> None:
    """I13: no answer allows an origin by itself; what the gateway allows, the template's checklist holds."""
    sent = request("POST", "/v1/page", json.dumps(PAGE), authorization=basic(WRITE_KEY), origin=origin)
    admin = HttpRequest(
        method="GET", path="/profiles", headers=(("origin", origin), ("authorization", f"Bearer {ADMIN_KEY}"))
    )
    names = [
        *function("track").handler(sent, Context())["headers"],
        *(name for name, _ in through_gateway(admin).headers),
    ]
    assert [name for name in names if name.lower().startswith("access-control")] == []


@pytest.mark.parametrize(
    "header",
    [
        f"{basic(WRITE_KEY)},{basic(WRITE_KEY)}",
        f"{basic('x')},{basic(WRITE_KEY)}",
        "Basic \xe9\xe9",
        "Basic",
        "Basic =",
        "\ud800",
    ],
    ids=range(6),
)
def test_an_odd_authorization_opens_nothing(store: Store, header: str) -> None:
    """I16: also one that stands twice, as API Gateway joins them."""
    sent = request("POST", "/v1/page", json.dumps(PAGE), authorization=header)
    assert function("track").handler(sent, Context())["statusCode"] == 401
    assert ask("GET", "/profiles", authorization=f"Bearer {ADMIN_KEY},Bearer {ADMIN_KEY}")[0] == 401
    assert ask("GET", "/profiles", authorization=header)[0] == 401
    assert store.is_untouched()


def test_large_headers_are_read_and_forged_addresses_are_not(store: Store) -> None:
    """I16: only the gateway's own source address could be believed; none is stored."""
    forged = {"x_forwarded_for": "203.0.113.77", "x_real_ip": "203.0.113.77", "forwarded": "for=203.0.113.77"}
    assert track("/v1/page", PAGE, user_agent="x" * 10_240, cookie="y" * 10_240, **forged) == (200, {"success": True})
    drain_all()
    assert activities("user_id:neighbour")[0]["context"] == {}
    assert "203.0.113.77" not in str([store.aws.items(table) for table in ("profiles", "activities")])
