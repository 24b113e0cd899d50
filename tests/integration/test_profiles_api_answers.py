"""What the profiles API answers: exact values, odd identifiers and bodies, bounds, budgets and the OpenAPI document."""

import base64
import json
import time
from collections.abc import Callable
from itertools import count
from typing import Any
from urllib.parse import quote

import boto3
import pytest
from openapi_spec_validator import validate

from cdp_core import secrets
from cdp_core.api import models, operations
from cdp_core.domain import erasure
from cdp_core.usecases import paging
from local.gateway import Api, Cors, HttpRequest, Route, event_of, find
from tests.double import StrictAws
from tests.double.faults import SERVER_ERROR, Plan
from tests.double.stack import template
from tests.support.product import ADMIN_KEY, SECRET_KEY, Context, batch, drain_all, function, seed_keys, track, user

TIME = "2026-01-02T03:04:05.678Z"
NUMBERS = ["0.1000000000000000055511151231257827", "1E+400", "123456789012345678901234567890", "-0.0", "1.0", "7"]


@pytest.fixture(autouse=True)
def _keys(aws: StrictAws) -> None:
    seed_keys()


def deployed() -> list[tuple[str, str]]:
    """Method and path of every route of the template."""
    paths = template()["Resources"]["AdminApi"]["Properties"]["DefinitionBody"]["paths"]
    return [(method.upper(), path) for path, methods in paths.items() for method in methods]


def send(method: str, path: str, body: bytes = b"", *, kind: str = "application/json", key: str = ADMIN_KEY) -> Any:
    """The function's answer to a request that came through API Gateway."""
    raw, _, query = path.partition("?")
    headers = (("Authorization", f"Bearer {key}"), ("Content-Type", kind))
    request = HttpRequest(method=method, path=raw, query=query, headers=headers, body=body)
    api = Api("admin", [Route(*one, "profiles_api") for one in deployed()], Cors())
    return function("profiles_api").handler(event_of(request, find([api], method, raw)), Context())


def get(path: str) -> Any:
    """The decoded answer to a GET that succeeds."""
    answer = send("GET", path)
    assert answer["statusCode"] == 200, answer["body"]
    return json.loads(answer["body"])


def error_of(answer: dict[str, Any]) -> tuple[int, str, str]:
    """Status, code and message of an error."""
    error = json.loads(answer["body"])["error"]
    return answer["statusCode"], error["code"], error["message"]


def page(message_id: str, *, second: int = 0, **ids: str) -> dict[str, Any]:
    """A page event."""
    return {"type": "page", "messageId": message_id, "timestamp": f"2026-01-02T03:04:{second:02d}.000Z", **ids}


_SERIAL = count()


def identify(user_id: str, **traits: Any) -> dict[str, Any]:
    """An identify event."""
    message_id = f"i-{next(_SERIAL)}"
    return {"type": "identify", "messageId": message_id, "timestamp": TIME, "userId": user_id, "traits": traits}


def walk(path: str) -> list[list[Any]]:
    """The items of all pages of a list."""
    pages, cursor = [], ""
    while cursor is not None:
        answer = get(path + (f"&cursor={cursor}" if cursor else ""))
        pages.append(answer["items"])
        cursor = answer["cursor"]
    return pages


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_is_answered_as_it_was_sent_in_properties_and_in_the_contact(number: str) -> None:
    """Numbers round-trip exactly, whatever their size."""
    base = f'"timestamp":"{TIME}","userId":"42"'
    track("/v1/track", f'{{"messageId":"t",{base},"event":"N","properties":{{"n":[{number}]}}}}'.encode())
    track("/v1/identify", f'{{"messageId":"i",{base},"traits":{{"n":[{number}]}}}}'.encode())
    drain_all()
    assert f'"n":[{number}]' in send("GET", "/profiles/user_id%3A42/activities")["body"]
    assert f'"n":[{number}]' in send("GET", "/profiles/user_id%3A42")["body"]


@pytest.mark.parametrize("value", ["a/b", "ü 漢", "q\"uo'te", "100%", "a%2Fb", "x+y@z", "a:b", "?#", "a\\b"])
def test_a_profile_is_found_by_any_identifier_that_a_path_can_carry(value: str) -> None:
    """{id} is percent-encoded once."""
    batch(page("p", userId=value))
    drain_all()
    path = "/profiles/" + quote(f"user_id:{value}", safe="")
    assert get(path)["identities"][0]["value"] == value
    assert [one["message_id"] for one in get(path + "/activities")["items"]] == ["p"]


def test_profiles_activities_lists_and_jobs_have_the_documented_shape() -> None:
    """What the OpenAPI document says is what is answered."""
    batch(identify("42", email="a@b.c") | {"anonymousId": "anon"}, page("p", anonymousId="anon"))
    drain_all()
    profile = get("/profiles/user_id%3A42")
    job = json.loads(send("DELETE", "/profiles/user_id%3A42")["body"])
    for model, answer in ((models.Profile, profile), (operations.Job, job)):
        assert model.model_validate(answer, strict=True).model_dump(exclude_unset=True) == answer


def test_activities_have_the_documented_shape() -> None:
    """What the OpenAPI document says is what is answered."""
    batch(page("p", userId="42"))
    drain_all()
    answer = get("/profiles/user_id%3A42/activities")
    assert models.ActivityList.model_validate(answer, strict=True).model_dump(exclude_unset=True) == answer


def test_a_profile_and_its_last_50_activities_take_two_queries_and_four_read_units(aws: StrictAws) -> None:
    """Design section 11."""
    batch(*(page(f"p{n}", second=n, userId="42") for n in range(55)), identify("42", email="a@b.c"))
    drain_all()
    send("GET", "/profiles/user_id%3Anobody")  # reads the secrets
    aws.reset()
    get("/profiles/user_id%3A42")
    assert len(get("/profiles/user_id%3A42/activities?limit=50")["items"]) == 50
    assert aws.calls == ["UpdateItem", "Query", "UpdateItem", "GetItem", "Query"], "two count the caller's requests"
    assert sum(aws.read_units.values()) <= 4


def test_a_page_of_the_list_is_confirmed_in_one_batch(aws: StrictAws) -> None:
    """Not one read for each profile."""
    batch(*(page(f"p{n}", userId=f"u{n}") for n in range(30)))
    drain_all()
    aws.reset()
    assert len(get("/profiles?verification=anonymous")["items"]) == 25
    assert aws.calls.count("BatchGetItem") == 1
    assert aws.calls.count("Query") == 16
    assert len(aws.calls) == 18, "one counts the caller's requests"


def test_an_erased_profile_is_gone_by_every_name_and_comes_back_under_another_id() -> None:
    """An erased id stays 404."""
    batch(identify("42", email="a@b.c") | {"anonymousId": "anon"}, page("p", anonymousId="anon"))
    drain_all()
    before = get("/profiles/user_id%3A42")
    assert send("DELETE", "/profiles/anonymous_id%3Aanon")["statusCode"] == 202
    names = [before["profile_id"], *before["merged_ids"], "user_id%3A42", "anonymous_id%3Aanon", "email%3Aa%40b.c"]
    for path in [f"/profiles/{name}{part}" for name in names for part in ("", "/activities")]:
        assert error_of(send("GET", path))[:2] == (404, "not_found")
    assert get("/profiles?verification=all")["items"] == []
    assert get("/profiles?verification=all&q=a%40b.c")["items"] == []


def test_a_person_who_comes_back_after_an_erasure_has_a_new_id(monkeypatch: pytest.MonkeyPatch) -> None:
    """Epochs are part of the id."""
    batch(page("p", userId="42"))
    drain_all()
    old = get("/profiles/user_id%3A42")["profile_id"]
    monkeypatch.setattr(erasure, "CLOCK_MARGIN_MS", -10_000)  # the events below count as received after it
    send("DELETE", f"/profiles/{old}")
    batch(page("p2", userId="42"))
    drain_all()
    assert get("/profiles/user_id%3A42")["profile_id"] == f"{old}.1" == get(f"/profiles/{old}.1")["profile_id"]
    assert [one["message_id"] for one in get(f"/profiles/{old}.1/activities")["items"]] == ["p2"]
    assert send("GET", f"/profiles/{old}")["statusCode"] == 404
    assert send("GET", f"/profiles/{old}.2")["statusCode"] == 404


@pytest.mark.parametrize("name", ["nothing", "u" + "0" * 32, "user_id%3Anobody", "email%3Anobody%40b.c", "%20"])
def test_what_was_never_written_is_not_found(name: str) -> None:
    """Also a well-formed id."""
    assert error_of(send("GET", f"/profiles/{name}"))[:2] == (404, "not_found")


def test_an_identifier_of_a_kind_that_names_nobody_is_refused() -> None:
    """400, with the kinds that do."""
    assert error_of(send("GET", "/profiles/phone%3A1"))[:2] == (400, "unknown_kind")
    status, code, message = error_of(send("POST", "/profiles/lookup", b'{"kind": "phone", "value": "1"}'))
    assert (status, code) == (400, "unknown_kind")
    assert "user_id" in message


@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded", "text/plain", "x/y"])
def test_a_json_body_is_read_whatever_its_content_type_says(kind: str) -> None:
    """`curl -d` works as it is."""
    batch(page("p", userId="42"))
    drain_all()
    assert send("POST", "/profiles/lookup", b'{"kind": "user_id", "value": "42"}', kind=kind)["statusCode"] == 200


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"", "body"),
        (b"{", "body"),
        (b"\xff\xfe", "body"),
        (b"[" * 200_000, "body"),
        (b"[]", "body"),
        (b'{"kind": "user_id"}', "value"),
        (b'{"kind": "user_id", "value": 42}', "value"),
        (b'{"kind": "user_id", "value": "%s"}' % (b"x" * 201), "200"),
        (b'{"kind": "user_id", "value": "1", "more": 1}', "more"),
    ],
)
def test_a_wrong_body_is_refused_with_the_name_of_what_is_wrong(body: bytes, named: str) -> None:
    """400, never 5xx."""
    status, code, message = error_of(send("POST", "/profiles/lookup", body))
    assert (status, code) == (400, "invalid_request")
    assert named in message


@pytest.mark.parametrize(("method", "path"), [("GET", "/nothing"), ("PUT", "/profiles"), ("GET", "/profiles/a/b/c")])
def test_an_unknown_route_is_answered_in_the_form_of_every_error(method: str, path: str) -> None:
    """404 with code and message."""
    assert error_of(send(method, path))[:2] == (404, "not_found")


def test_our_own_trouble_is_a_503_that_says_when_to_come_back_and_nothing_of_the_inside(aws: StrictAws) -> None:
    """No stack traces."""
    get("/profiles?verification=all")
    aws.reset(Plan(share=1.0, kinds=(SERVER_ERROR,)))
    answer = send("GET", "/profiles/user_id%3A42")
    assert answer["statusCode"] == 503
    assert "Retry-After" in answer["headers"]
    assert "Traceback" not in answer["body"]


def test_a_defect_is_a_500_that_says_nothing_of_the_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    """No stack traces."""
    monkeypatch.setattr("cdp_core.usecases.profiles.find", lambda _: 1 / 0)
    assert error_of(send("GET", "/profiles/x")) == (500, "internal_error", "something went wrong on our side")


def test_a_cursor_says_nothing_that_can_be_read_and_ends_after_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """No personal data in tokens."""
    batch(*(identify(str(n), name=f"Annabel {n}") for n in range(3)))
    drain_all()
    path = "/profiles?verification=all&q=annabel&limit=1"
    cursor = get(path)["cursor"]
    assert b"nnabel" not in base64.urlsafe_b64decode(cursor)
    assert send("GET", f"{path}&cursor={cursor}")["statusCode"] == 200
    changed = cursor[:-6] + ("A" if cursor[-6] != "A" else "B") + cursor[-5:]
    assert error_of(send("GET", f"{path}&cursor={changed}"))[:2] == (400, "invalid_cursor")
    tomorrow = later(25 * 3600)
    monkeypatch.setattr("cryptography.fernet.time.time", lambda: tomorrow)
    assert error_of(send("GET", f"{path}&cursor={cursor}"))[:2] == (400, "invalid_cursor")


def later(seconds: int) -> float:
    """The time so many seconds from now."""
    return time.time() + seconds


def test_a_cursor_works_for_the_key_that_it_was_given_to_only() -> None:
    """Another key asks from the start."""
    batch(*(page(f"p{n}", userId=f"u{n}") for n in range(3)))
    drain_all()
    cursor = get("/profiles?verification=all&limit=1")["cursor"]
    other = json.loads(send("POST", "/admin-keys", b'{"name": "Other", "role": "admin"}')["body"])["key"]
    answer = send("GET", f"/profiles?verification=all&limit=1&cursor={cursor}", key=other)
    assert error_of(answer)[:2] == (400, "invalid_cursor")


def test_a_first_key_that_was_changed_works_at_once_where_it_is_not_remembered() -> None:
    """Who has the secret rotates it in Secrets Manager; processes forget the former one within a minute."""
    boto3.client("secretsmanager").put_secret_value(SecretId="admin", SecretString="next-key")
    secrets._admin_key.cache_clear()
    assert send("GET", "/me", key="next-key")["statusCode"] == 200
    assert send("GET", "/me")["statusCode"] == 401


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_a_rare_type_in_a_long_history_is_found_over_short_pages(order: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page examines a bounded number of rows."""
    monkeypatch.setattr(paging, "MAX_EXAMINED", 4)
    song = {"type": "track", "event": "Song Played", "userId": "42"}
    batch(*(page(f"p{n}", second=n + 1, userId="42") for n in range(10)))
    batch(
        {**song, "messageId": "s1", "timestamp": TIME}, {**song, "messageId": "s2", "timestamp": "2026-01-01T00:00:00Z"}
    )
    drain_all()
    pages = walk(f"/profiles/user_id%3A42/activities?type=song_played&order={order}")
    assert len(pages) == 3
    assert sorted(one["message_id"] for items in pages for one in items) == ["s1", "s2"]


def test_events_shown_at_their_receipt_are_shown_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stub counts as examined and is not shown; its copy is."""
    monkeypatch.setattr(paging, "MAX_EXAMINED", 2)
    early = {"type": "page", "userId": "42", "messageId": "f", "timestamp": "2090-01-01T00:00:00Z"}
    batch(early, *(page(f"p{n}", second=n, userId="42") for n in range(5)))
    drain_all()
    shown = [one["message_id"] for items in walk("/profiles/user_id%3A42/activities?until=2099-01-01") for one in items]
    assert shown == ["f", "p4", "p3", "p2", "p1", "p0"]


@pytest.mark.parametrize(
    "path", ["/profiles/user_id%3Au0/activities?limit=100", "/profiles?verification=all&limit=100"]
)
def test_an_answer_stays_within_what_lambda_can_give(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page ends before it is too large, and the next one goes on."""
    monkeypatch.setattr(paging, "MAX_BYTES", 1)
    batch(*(page(f"p{n}", second=n, userId="u0") for n in range(3)), *(page(f"q{n}", userId=f"u{n}") for n in (1, 2)))
    drain_all()
    assert [len(items) for items in walk(path) if items] == [1, 1, 1]


@pytest.mark.parametrize("limit", [1, 2, 25])
def test_search_shows_each_profile_once_over_all_pages(limit: int) -> None:
    """By name, by address, by both, and by identifier."""
    batch(identify("ann", name="Zoe"), identify("2", name="ann@b.c", email="ann@b.c"), identify("3", name="Ann"))
    batch(identify("4", name="Bob", email="ann@x.y"), page("p", anonymousId="ann"))
    drain_all()
    found = [
        one["identities"][0]["value"]
        for items in walk(f"/profiles?verification=all&q=ann&limit={limit}")
        for one in items
    ]
    assert sorted(found) == ["2", "3", "4", "ann", "ann"]
    assert sorted(found[:2]) == ["ann", "ann"]


def test_search_is_filtered_by_verification() -> None:
    """The text drives the index, verification filters after it."""
    registered = {"type": "track", "event": "memberregistration", "messageId": "r", "timestamp": TIME, "userId": "1"}
    batch(registered, identify("1", email="ann@b.c"), identify("2", email="ann@x.y"), key=SECRET_KEY)
    drain_all()
    names: Callable[[str], list[str]] = lambda which: [  # noqa: E731
        one["display_name"] for one in get(f"/profiles?q=ann&verification={which}")["items"]
    ]
    assert names("verified") == ["ann@b.c"]
    assert names("anonymous") == [f"Anonymous - {user('2').id}"]


def test_an_address_finds_only_profiles_with_this_very_address() -> None:
    """Not those whose address goes on behind it."""
    batch(*(identify(str(n), email=f"a@b.c#{n}") for n in range(40)), identify("x", email="a@b.c"))
    drain_all()
    assert get("/profiles/email%3Aa%40b.c")["identities"][0]["value"] == "x"


def test_the_openapi_document_is_valid_and_complete() -> None:
    """Every operation names its errors, every model has an example, and there is no 422."""
    document = json.loads(send("GET", "/openapi.json", key="")["body"])
    validate(document)
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert all({"401", "503"} <= operation["responses"].keys() for operation in operations)
    assert not any("422" in operation["responses"] for operation in operations)
    examples = [name for name, schema in document["components"]["schemas"].items() if "example" in schema]
    assert {"Profile", "ProfileList", "ActivityList", "Job", "Error", "Lookup", "NewChannel", "CreatedKey"} <= set(
        examples
    )
    assert document["security"] == [{"admin_key": []}]


def test_examples_of_the_document_are_what_the_models_say() -> None:
    """An example that cannot be would mislead."""
    for model in (
        models.Profile,
        models.ProfileList,
        models.Activity,
        models.ActivityList,
        operations.Job,
        models.Error,
    ):
        model.model_validate(model.model_config["json_schema_extra"]["example"], strict=True)


@pytest.mark.parametrize("path", ["/docs", "/openapi.json"])
def test_the_documentation_needs_no_key(path: str) -> None:
    """It holds nothing of anybody."""
    assert send("GET", path, key="")["statusCode"] == 200
