"""Who may do what with the profiles API: keys, roles, the complete matrix of routes and roles, rates, the audit log."""

import json
from typing import Any

import boto3
import pytest

from cdp_core import clock
from cdp_core.aws import TRIES
from cdp_core.config import settings
from cdp_core.domain.access import ROLES, Scope
from cdp_core.routes.scopes import PUBLIC, SCOPES
from cdp_core.tables import admin_keys
from tests.double import Fault, Plan, StrictAws
from tests.double.stack import template
from tests.support.product import (
    ADMIN_KEY,
    ROOT,
    WRITE_KEY,
    Context,
    basic,
    batch,
    drain_all,
    function,
    request,
    seed_keys,
)

EMAIL = "ann.secret@example.com"
FILL = {"id": "user_id%3A42", "leaf": "v" + "0" * 32, "hash": "u" + "0" * 32, "collection": "users"}


@pytest.fixture(autouse=True)
def _keys(aws: StrictAws) -> None:
    seed_keys()


def call(method: str, path: str, body: Any = None, *, key: str = ADMIN_KEY, scheme: str = "Bearer") -> tuple[int, Any]:
    """A request with a key; status and decoded answer."""
    data = "" if body is None else json.dumps(body)
    authorization = basic(key) if scheme == "Basic" else f"{scheme} {key}"
    answer = function("profiles_api").handler(request(method, path, data, authorization=authorization), Context())
    admin_keys._cache().clear()  # as it is half a minute later
    return answer["statusCode"], json.loads(answer["body"])


def key_of(role: str, *grants: str) -> str:
    """A new key of a role."""
    status, made = call("POST", "/admin-keys", {"name": f"A {role}", "role": role, "grants": list(grants)})
    assert status == 201, made
    return str(made["key"])


def ask(route: str, key: str) -> tuple[int, str]:
    """A request to a route with made-up variables and no body; status and error code."""
    method, path = route.split(" ")
    for name in [part[1:-1] for part in path.split("/") if part.startswith("{")]:
        path = path.replace(f"{{{name}}}", FILL.get(name, "x"))
    status, answer = call(method, path, None if method == "GET" else {}, key=key)
    return status, answer.get("error", {}).get("code", "") if isinstance(answer, dict) else ""


# Routes and roles


def test_every_deployed_route_has_its_scope_and_every_scope_its_route() -> None:
    """A route without a row is served to nobody; a row without a route is a promise that nobody keeps."""
    paths = template()["Resources"]["AdminApi"]["Properties"]["DefinitionBody"]["paths"]
    deployed = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    assert deployed == SCOPES.keys() | PUBLIC


def test_a_request_to_a_deployed_route_without_a_scope_goes_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even for the first admin key."""
    event = request("GET", "/profiles", authorization=f"Bearer {ADMIN_KEY}") | {"routeKey": "GET /forgotten"}
    assert function("profiles_api").handler(event, Context())["statusCode"] == 404


@pytest.mark.parametrize("role", ROLES)
def test_the_matrix_of_routes_and_roles_is_complete(role: str) -> None:
    """A role is refused exactly where its scopes end, on every route, before anything is looked at."""
    key = key_of(role)
    for route, scope in SCOPES.items():
        status, code = ask(route, key)
        if scope in ROLES[role]:
            assert status not in (401, 403, 500), (route, status, code)
        else:
            assert (status, code) == (403, "authentication_error" if _is_segments(route) else "forbidden"), route


def _is_segments(route: str) -> bool:
    """Segment's own routes have Segment's own codes."""
    return "/v1/spaces/" in route


@pytest.mark.parametrize("key", [WRITE_KEY, "ak_made-up", "", "x" * 5_000, "eyJ.eyJ.sig", "\u00e9"])
def test_every_other_key_gets_the_same_answer_on_every_route(key: str) -> None:
    """S1: nothing tells a write key from a made-up one, nor a route that exists from one that does not."""
    for route in filter(_is_segments, SCOPES):
        status, answer = call(*route.split(" "), key=key)
        assert (status, answer["error"]["code"]) == (401, "authentication_error")
    answers = [call(*route.split(" "), key=key) for route in SCOPES if not _is_segments(route)]
    answers += [call("GET", "/no-such-route", key=key), call("GET", "/profiles", key=key, scheme="Basic")]
    assert {status for status, _ in answers} == {401}
    words = {json.dumps(answer) for _, answer in answers}
    assert len(words) == 1


def test_a_route_cannot_be_reached_under_the_name_of_another() -> None:
    """The scope is asked for the route that API Gateway matched: a variable that spells another path stays a variable."""
    viewer = key_of("viewer")
    for value in ("x%2Fexport", "..%2Fadmin-keys", "bulk-delete", "lookup", "%2e%2e%2faudit"):
        status, answer = call("GET", f"/profiles/{value}", key=viewer)
        assert (status, answer["error"]["code"]) == (404, "not_found"), value


def test_roles_only_grow() -> None:
    """An editor may what a viewer may, an admin everything."""
    assert ROLES["viewer"] < ROLES["editor"] < ROLES["admin"] == frozenset(Scope)


def test_the_documentation_says_which_role_has_which_scope() -> None:
    """docs/access.md, row by row."""
    rows = [
        line.split("|")[1:-1] for line in (ROOT / "docs" / "access.md").read_text().splitlines() if ":" in line[:30]
    ]
    said = {cells[0].strip(" `"): [cell.strip() == "yes" for cell in cells[2:]] for cells in rows if len(cells) == 5}
    assert said == {str(scope): [scope in ROLES[role] for role in ROLES] for scope in Scope}


# Personal data


def test_a_viewer_sees_how_many_and_when_and_never_who() -> None:
    """Neither in a profile nor in a list, a timeline, a search, by an address, or in what they did."""
    page = {"type": "page", "messageId": "p", "userId": "42", "properties": {"url": f"https://x.example/?e={EMAIL}"}}
    batch(
        {"type": "identify", "messageId": "i", "userId": "42", "traits": {"email": EMAIL, "name": "Ann Secret"}}, page
    )
    drain_all()
    viewer, granted = key_of("viewer"), key_of("viewer", "personal:read")
    paths = ["/profiles/user_id%3A42", "/profiles/user_id%3A42/activities", "/profiles?verification=all"]
    paths += ["/profiles/user_id%3A42/overview", "/profiles/user_id%3A42/merges", "/profiles/user_id%3A42/consents"]
    for path in paths:
        status, shown = call("GET", path, key=viewer)
        assert status == 200, (path, shown)
        assert "secret" not in json.dumps(shown).lower(), path
        assert "user_id:42" not in json.dumps(shown), path
    assert call("GET", paths[0], key=viewer)[1]["activity_counts"]["total"] == 1
    assert EMAIL in json.dumps(call("GET", paths[0], key=granted)[1])
    for path in ("/profiles?verification=all&q=ann", f"/profiles/email%3A{EMAIL}", f"/profiles/EMAIL%3A{EMAIL}"):
        assert call("GET", path, key=viewer)[0] == 403, path
        assert call("GET", path.replace("EMAIL", "email"), key=granted)[0] == 200, path


# Keys


def test_a_key_is_shown_once_and_stored_as_a_hash(aws: StrictAws) -> None:
    _, made = call("POST", "/admin-keys", {"name": "Support", "role": "editor", "grants": ["profiles:export"]})
    status, mine = call("GET", "/me", key=made["key"])
    assert (status, mine["id"], mine["role"]) == (200, f"key:{made['id']}", "editor")
    assert mine["scopes"] == sorted([*ROLES["editor"], "profiles:export"])
    (listed,) = call("GET", "/admin-keys")[1]["items"]
    assert listed == {name: value for name, value in made.items() if name != "key"} | {
        "last_used_at": listed["last_used_at"]
    }
    assert listed["last_used_at"] is not None
    assert made["key"] not in json.dumps(aws.everything("profiles"), default=str)


def test_a_revoked_key_works_no_longer_and_a_repeat_is_no_change() -> None:
    made = call("POST", "/admin-keys", {"name": "Gone soon", "role": "viewer"})[1]
    status, first = call("DELETE", f"/admin-keys/{made['id']}")
    assert (status, call("GET", "/me", key=made["key"])[0]) == (200, 401)
    assert call("DELETE", f"/admin-keys/{made['id']}")[1]["revoked_at"] == first["revoked_at"]
    assert call("DELETE", "/admin-keys/0123456789abcdef")[0] == 404
    assert call("POST", f"/admin-keys/{made['id']}/rotate", {})[0] == 404


def test_a_function_that_slept_knows_neither_a_revoked_key_nor_an_old_secret(
    aws: StrictAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lambda may freeze a function between two requests: half a minute and a minute pass all the same."""
    made = call("POST", "/admin-keys", {"name": "Gone soon", "role": "viewer"})[1]
    ask = request("GET", "/me", authorization=f"Bearer {made['key']}")
    first = request("GET", "/me", authorization=f"Bearer {ADMIN_KEY}")
    handler, now = function("profiles_api").handler, clock.now_ms()
    assert [handler(one, Context())["statusCode"] for one in (ask, first)] == [200, 200]
    admin_keys.end(made["id"], revoked_at=now)
    boto3.client("secretsmanager").put_secret_value(SecretId=settings().admin_secret, SecretString="another")
    monkeypatch.setattr("cdp_core.clock.now_ms", lambda: now + 29_000)
    assert handler(ask, Context())["statusCode"] == 200
    monkeypatch.setattr("cdp_core.clock.now_ms", lambda: now + 61_000)
    assert [handler(one, Context())["statusCode"] for one in (ask, first)] == [401, 401]


def test_a_rotated_key_goes_on_for_its_grace_and_hands_its_rights_on(monkeypatch: pytest.MonkeyPatch) -> None:
    made = call("POST", "/admin-keys", {"name": "Desk", "role": "viewer", "grants": ["personal:read"]})[1]
    status, renewed = call("POST", f"/admin-keys/{made['id']}/rotate", {"grace_seconds": 60})
    assert (status, renewed["name"], renewed["grants"]) == (201, "Desk", ["personal:read"])
    assert [call("GET", "/me", key=one["key"])[0] for one in (made, renewed)] == [200, 200]
    from cdp_core import clock

    later = clock.now_ms() + 61_000
    monkeypatch.setattr(clock, "now_ms", lambda: later)
    assert [call("GET", "/me", key=one["key"])[0] for one in (made, renewed)] == [401, 200]


def test_a_key_ends_when_it_was_said_to(monkeypatch: pytest.MonkeyPatch) -> None:
    from cdp_core import clock

    made = call("POST", "/admin-keys", {"name": "Trial", "role": "viewer", "expires_at": "2098-01-01T00:00:00Z"})[1]
    assert call("GET", "/me", key=made["key"])[0] == 200
    monkeypatch.setattr(clock, "now_ms", lambda: 4_039_372_800_000)
    assert call("GET", "/me", key=made["key"])[0] == 401


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "", "role": "viewer"}, "name"),
        ({"name": "x", "role": "owner"}, "role"),
        ({"name": "x", "role": "viewer", "grants": ["everything"]}, "grants"),
        ({"name": "x", "role": "viewer", "expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"name": "x", "role": "viewer", "expires_at": "soon"}, "expires_at"),
        ({"name": "x", "role": "viewer", "id": "mine"}, "id"),
    ],
)
def test_a_key_that_cannot_be_made_is_refused_by_the_name_of_what_is_wrong(body: dict[str, Any], field: str) -> None:
    status, answer = call("POST", "/admin-keys", body)
    assert (status, field in answer["error"]["message"]) == (400, True), answer
    assert call("GET", "/admin-keys")[1]["items"] == []


def test_there_are_at_most_as_many_keys_as_one_list_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    from cdp_core.usecases import manage_keys

    monkeypatch.setattr(manage_keys, "MAX_KEYS", 2)
    assert [call("POST", "/admin-keys", {"name": "n", "role": "viewer"})[0] for _ in range(3)] == [201, 201, 400]


# Rates


def test_one_request_too_many_in_a_minute_is_told_when_to_go_on(
    aws: StrictAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others go on; the next minute everybody does."""
    from cdp_core import clock

    monkeypatch.setenv("ADMIN_RATE_PER_MINUTE", "3")
    settings.cache_clear()
    monkeypatch.setattr(clock, "now_ms", lambda: 1_800_000_050_000 // 60_000 * 60_000 + 50_000)
    viewer = key_of("viewer")
    assert [call("GET", "/me", key=viewer)[0] for _ in range(4)] == [200, 200, 200, 429]
    answer = function("profiles_api").handler(request("GET", "/me", authorization=f"Bearer {viewer}"), Context())
    assert answer["headers"]["Retry-After"] == "10"
    assert json.loads(answer["body"])["error"]["code"] == "rate_limited"
    assert call("GET", "/me")[0] == 200
    monkeypatch.setattr(clock, "now_ms", lambda: 1_800_000_050_000 // 60_000 * 60_000 + 60_000)
    assert call("GET", "/me", key=viewer)[0] == 200


# The audit log


def log(query: str = "") -> list[dict[str, Any]]:
    """The log's entries, latest first."""
    items: list[dict[str, Any]] = call("GET", f"/audit{query}")[1]["items"]
    return items


def test_every_change_and_export_is_logged_with_its_end_and_nothing_personal(aws: StrictAws) -> None:
    batch({"type": "identify", "messageId": "i", "userId": EMAIL, "traits": {"email": EMAIL}})
    drain_all()
    viewer = key_of("viewer")
    leaf = call("POST", "/profiles/lookup", {"kind": "user_id", "value": EMAIL})[1]["profile_id"]
    call("GET", f"/profiles/user_id%3A{EMAIL}")
    assert call("DELETE", f"/profiles/user_id%3A{EMAIL}", key=viewer)[0] == 403
    _, job = call("DELETE", f"/profiles/user_id%3A{EMAIL}")
    call("DELETE", f"/profiles/email%3A{EMAIL}")
    found = log()
    assert [(one["route"], one["status"]) for one in found] == [
        ("DELETE /profiles/{id}", 404),
        ("DELETE /profiles/{id}", 202),
        ("DELETE /profiles/{id}", 403),
        ("POST /admin-keys", 201),
    ]
    assert found[1]["subjects"] == {"id": leaf}
    assert (found[1]["result"], found[1]["caller"]) == (job["job_id"], "key:first")
    assert found[2]["caller"].startswith("key:")
    assert "secret" not in json.dumps(found)
    assert "secret" not in json.dumps(
        [one for one in aws.everything("profiles") if one["pk"]["S"].startswith("audit#")]
    )
    assert log(f"?subject={leaf}") == found[1:3]
    assert log(f"?subject={job['job_id']}") == found[1:2]
    assert [one["route"] for one in log("?route=POST%20/admin-keys")] == ["POST /admin-keys"]
    assert len(log("?by=key:first")) == 3


def test_the_log_is_paged_over_months(monkeypatch: pytest.MonkeyPatch) -> None:
    from cdp_core import clock

    for n in range(6):
        monkeypatch.setattr(clock, "now_ms", lambda n=n: 1_769_990_000_000 + n * 10 * 86_400_000)
        call("POST", "/admin-keys", {"name": "n", "role": "viewer"})
    cursor, seen = "", []
    while cursor is not None:
        _, shown = call("GET", f"/audit?since=2026-01-01&limit=2{cursor and '&cursor=' + cursor}")
        seen += [one["at"] for one in shown["items"]]
        cursor = shown["cursor"]
    assert len(seen) == 6
    assert seen == sorted(seen, reverse=True)
    assert len({at[:7] for at in seen}) > 1


def test_what_cannot_be_logged_is_not_done(aws: StrictAws) -> None:
    """A change without its entry would be one that nobody can find."""
    batch({"type": "page", "messageId": "p", "userId": "42"})
    drain_all()
    call("GET", "/me")
    aws.reset(Plan(tuple(Fault("PutItem", nth, "server_error") for nth in range(TRIES))))
    assert call("DELETE", "/profiles/user_id%3A42")[0] == 503
    assert call("GET", "/profiles/user_id%3A42")[0] == 200


def test_a_change_whose_end_could_not_be_logged_has_an_entry_that_says_so(aws: StrictAws) -> None:
    """The answer is true all the same."""
    call("GET", "/me")
    aws.reset(
        Plan(tuple(Fault("UpdateItem", 1 + nth, "server_error") for nth in range(TRIES)))
    )  # the first counts the request
    assert call("POST", "/admin-keys", {"name": "n", "role": "viewer"})[0] == 201
    aws.reset()
    assert [(one["status"], one["route"]) for one in log()] == [(None, "POST /admin-keys")]
