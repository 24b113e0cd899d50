"""A profile on one page; notes about it; statuses; activities that admins log."""

import json
from typing import Any

import pytest

from cdp_core.domain import erasure
from cdp_core.tables import catalogue
from cdp_core.usecases import notes, overview
from tests.double import StrictAws
from tests.support.product import ADMIN_KEY, SECRET_KEY, Context, batch, drain_all, function, request, seed_keys, user

PATH = "/profiles/user_id%3A42"
JANUARY = "2026-01-0{}T03:04:05.000Z"


@pytest.fixture(autouse=True)
def _keys(aws: StrictAws) -> None:
    seed_keys()


def call(method: str, path: str, body: Any = None, *, key: str = ADMIN_KEY) -> tuple[int, Any]:
    """A request with a key; status and decoded answer."""
    data = "" if body is None else json.dumps(body)
    answer = function("profiles_api").handler(request(method, path, data, authorization=f"Bearer {key}"), Context())
    catalogue._cache().clear()
    return answer["statusCode"], json.loads(answer["body"])


def say(*events: dict[str, Any]) -> None:
    """Sends events and lets a flush pass."""
    assert batch(*events, key=SECRET_KEY) == 200
    drain_all()


def page(day: int, **ids: str) -> dict[str, Any]:
    """A page visit on a day of January."""
    return {"type": "page", "messageId": f"p{day}", "timestamp": JANUARY.format(day), **(ids or {"userId": "42"})}


def form(day: int, code: str) -> dict[str, Any]:
    """A submitted form."""
    event = {"type": "track", "event": "bizformsubmit", "userId": "42", "messageId": f"f{day}{code}"}
    return event | {"timestamp": JANUARY.format(day), "properties": {"form": code, "fields": {}}}


# The overview


def test_the_overview_says_who_what_and_when() -> None:
    """Over all identifiers of the person."""
    call("POST", "/forms", {"code_name": "contact-us", "name": "Contact us", "fields": {}})
    call("POST", "/statuses", {"code_name": "lead", "name": "Lead"})
    say(page(1, anonymousId="c"), page(2), page(5), form(3, "contact-us"), form(4, "contact-us"))
    say({"type": "identify", "messageId": "i", "userId": "42", "anonymousId": "c", "traits": {"email": "a@b.cd"}})
    say({"type": "group", "messageId": "g", "userId": "42", "groupId": "acme"})
    call("PATCH", PATH, {"status": "lead", "owner": "Eve"})
    call("POST", f"{PATH}/notes", {"text": "Called"})
    status, shown = call("GET", f"{PATH}/overview")
    assert status == 200
    assert (shown["journey_days"], shown["marketing_email"]) == (4, "receiving")
    assert (shown["first_activity_at"], shown["last_activity_at"]) == (JANUARY.format(1), JANUARY.format(5))
    assert shown["activities"]["total"] == 5
    assert shown["activities"]["by_type"][0] == {"type": "pagevisit", "name": "Page visit", "count": 3}
    last = {"count": 2, "last_submitted_at": JANUARY.format(4)}
    assert shown["forms"] == {"items": [{"code_name": "contact-us", "name": "Contact us", **last}], "complete": True}
    assert (shown["status"], shown["owner"]) == ({"code_name": "lead", "name": "Lead"}, "Eve")
    assert shown["accounts"] == [{"id": "acme", "role": None}]
    assert [one["text"] for one in shown["notes"]] == ["Called"]
    assert len(shown["identities"]) == 2


def test_forms_beyond_what_is_looked_at_are_said_to_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overview, "_FORMS_EXAMINED", 2)
    say(*(form(day, "contact-us") for day in range(1, 5)))
    forms = call("GET", f"{PATH}/overview")[1]["forms"]
    assert (forms["items"][0]["count"], forms["complete"]) == (2, False)


def test_a_person_who_did_nothing_has_an_overview() -> None:
    call("POST", "/profiles", {"user_id": "42"})
    shown = call("GET", f"{PATH}/overview")[1]
    assert (shown["journey_days"], shown["first_activity_at"], shown["activities"]["total"]) == (0, None, 0)
    assert shown["marketing_email"] == "no_address"


@pytest.mark.parametrize("state", ["opted_out", "undeliverable", "receiving"])
def test_marketing_email_is_what_an_admin_said_last(state: str) -> None:
    call("POST", "/profiles", {"user_id": "42", "contact": {"email": "a@b.cd"}, "marketing_email": "opted_out"})
    call("PATCH", PATH, {"marketing_email": state})
    assert call("GET", f"{PATH}/overview")[1]["marketing_email"] == state
    call("PATCH", PATH, {"contact": {"email": None}})
    assert call("GET", f"{PATH}/overview")[1]["marketing_email"] == "no_address"


# Notes


def test_notes_are_shown_latest_first_page_by_page_with_their_author() -> None:
    say(page(1))
    key = call("POST", "/admin-keys", {"name": "Support desk", "role": "editor"})[1]["key"]
    for number in range(5):
        assert call("POST", f"{PATH}/notes", {"text": f"note {number}"}, key=key)[0] == 201
    seen: list[str] = []
    cursor = ""
    while cursor is not None:
        found = call("GET", f"{PATH}/notes?limit=2{cursor and '&cursor=' + cursor}")[1]
        seen += [one["text"] for one in found["items"]]
        cursor = found["cursor"]
    assert sorted(seen) == [f"note {number}" for number in range(5)]
    assert found["items"][-1]["author"] == "Support desk"
    assert found["items"][-1]["author_id"].startswith("key:")


def test_a_note_stays_with_its_leaf_through_merge_and_unmerge() -> None:
    say(page(1, anonymousId="c"))
    call("POST", "/profiles/anonymous_id%3Ac/notes", {"text": "the visitor"})
    say({"type": "identify", "messageId": "i", "userId": "42", "anonymousId": "c"})
    call("POST", f"{PATH}/notes", {"text": "the user"})
    merged = call("GET", PATH)[1]
    assert [one["text"] for one in call("GET", f"{PATH}/notes")[1]["items"]] == ["the user", "the visitor"]
    call("DELETE", f"{PATH}/merges/{merged['merged_ids'][0]}")
    assert [one["text"] for one in call("GET", f"{PATH}/notes")[1]["items"]] == ["the user"]
    (left,) = call("GET", "/profiles/anonymous_id%3Ac/notes")[1]["items"]
    assert call("DELETE", f"{PATH}/notes/{left['id']}")[0] == 404
    assert call("DELETE", f"/profiles/anonymous_id%3Ac/notes/{left['id']}")[0] == 200
    assert call("GET", "/profiles/anonymous_id%3Ac/notes")[1]["items"] == []


def test_an_erasure_removes_notes_and_counts_them(monkeypatch: pytest.MonkeyPatch) -> None:
    from cdp_core.usecases.jobs import work_jobs

    say(page(1))
    for _ in range(3):
        call("POST", f"{PATH}/notes", {"text": "personal"})
    leaf = user("42")
    _, job = call("DELETE", PATH)
    assert call("GET", f"{PATH}/notes")[0] == 404
    for hours in range(4):
        monkeypatch.setattr("cdp_core.clock.now_ms", lambda hours=hours: 4_000_000_000_000 + hours * 3_600_000)
        work_jobs(lambda: 40_000, lambda *_: None)
    done = call("GET", f"/jobs/{job['job_id']}")[1]
    assert (done["status"], done["receipt"]["counts"]["notes"]) == ("done", 3)
    from cdp_core.tables import notes as gateway

    assert list(gateway.of_life(leaf.id, leaf.epoch)) == []
    assert set(erasure.STORES) <= done["receipt"]["counts"].keys()


def test_a_note_too_many_or_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notes, "MAX_NOTES", 2)
    say(page(1))
    assert call("POST", f"{PATH}/notes", {"text": ""})[0] == 400
    assert call("POST", f"{PATH}/notes", {"text": "x" * 4_001})[0] == 400
    assert [call("POST", f"{PATH}/notes", {"text": "x"})[0] for _ in range(3)] == [201, 201, 400]
    assert call("POST", "/profiles/user_id%3Anobody/notes", {"text": "x"})[0] == 404


# Statuses


def test_statuses_are_defined_changed_and_removed() -> None:
    lead = {"code_name": "lead", "name": "Lead", "description": ""}
    assert call("POST", "/statuses", {"code_name": "lead", "name": "Lead"}) == (201, lead)
    assert call("POST", "/statuses", lead)[1]["error"]["code"] == "already_exists"
    assert call("PATCH", "/statuses/lead", {"name": "Warm"})[1] == lead | {"name": "Warm"}
    assert call("GET", "/statuses")[1]["items"] == [lead | {"name": "Warm"}]
    assert [call("DELETE", "/statuses/lead")[0] for _ in range(2)] == [200, 404]
    assert call("PATCH", "/statuses/lead", {"name": "x"})[0] == 404


# Logging an activity


def test_a_logged_activity_is_in_the_timeline_as_it_was_said() -> None:
    """It counts like all others, and a repeat counts once."""
    say(page(1))
    call("POST", "/activity-types", {"code_name": "fair_visit", "name": "Visit of a fair"})
    wanted = {"type": "fair_visit", "title": "At our stand", "value": "Fair 2026", "properties": {"hall": 3}}
    wanted |= {"message_id": "crm-1", "occurred_at": "2026-01-03T10:00:00Z"}
    for _ in range(2):
        status, queued = call("POST", f"{PATH}/activities", wanted)
        assert (status, queued["message_id"]) == (202, "crm-1")
    drain_all()
    (shown,) = call("GET", f"{PATH}/activities?type=fair_visit")[1]["items"]
    assert (shown["title"], shown["value"], shown["legal_basis"]) == ("At our stand", "Fair 2026", "admin")
    assert shown["properties"] == {"hall": 3, "value": "Fair 2026"}
    assert user("42").counts == {"pagevisit": 1, "fair_visit": 1}


def test_a_logged_activity_of_a_visitor_is_the_visitors() -> None:
    say(page(1, anonymousId="c"))
    assert call("POST", "/profiles/anonymous_id%3Ac/activities", {"type": "click"})[0] == 202
    drain_all()
    assert call("GET", "/profiles/anonymous_id%3Ac")[1]["activity_counts"]["by_type"] == {"click": 1, "pagevisit": 1}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"type": "no_such_type"}, "type"),
        ({"type": "click", "message_id": "m"}, "occurred_at"),
        ({"type": "click", "occurred_at": "2098-01-01T00:00:00Z"}, "occurred_at"),
        ({"type": "click", "occurred_at": "now"}, "occurred_at"),
        ({"type": "click", "properties": {"x": "y" * 66_000}}, "properties"),
        ({"type": "click", "title": "x" * 251}, "title"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_an_activity_that_cannot_be_logged_is_refused_by_name(body: dict[str, Any], field: str) -> None:
    say(page(1))
    status, answer = call("POST", f"{PATH}/activities", body)
    assert (status, field in answer["error"]["message"]) == (400, True), answer
    assert drain_all()["activities"] == 0


def test_no_client_can_give_its_activity_an_admins_title() -> None:
    say(page(1) | {"title": "Forged"})
    assert call("GET", f"{PATH}/activities")[1]["items"][0]["title"] == "Page visit"
