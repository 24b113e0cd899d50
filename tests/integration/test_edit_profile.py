"""Creating and correcting profiles: typed fields, provenance, locks, status, owner; nothing that clients say can pass for an admin's."""

import itertools
import json
from typing import Any

import pytest

from cdp_core import clock
from cdp_core.tables import catalogue
from tests.double import StrictAws
from tests.support.product import ADMIN_KEY, SECRET_KEY, Context, batch, drain_all, function, request, seed_keys, user

PATH = "/profiles/user_id%3A42"


@pytest.fixture(autouse=True)
def _keys(aws: StrictAws) -> None:
    seed_keys()


def raw(method: str, path: str, body: str = "") -> tuple[int, str]:
    """An admin's request with a body as text; the answer as text."""
    answer = function("profiles_api").handler(
        request(method, path, body, authorization=f"Bearer {ADMIN_KEY}"), Context()
    )
    return answer["statusCode"], answer["body"]


def call(method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """An admin's request; status and decoded answer."""
    status, text = raw(method, path, "" if body is None else json.dumps(body))
    catalogue._cache().clear()
    return status, json.loads(text)


def identify(message_id: str, *, at: str = "2026-01-02T03:04:05Z", **traits: Any) -> dict[str, Any]:
    """What a client says of user 42."""
    return {"type": "identify", "messageId": message_id, "userId": "42", "timestamp": at, "traits": traits}


def say(*events: dict[str, Any], key: str = SECRET_KEY) -> None:
    """Sends events and lets a flush pass."""
    assert batch(*events, key=key) == 200
    drain_all()


def contact() -> dict[str, Any]:
    """The contact of user 42 as people see it."""
    fields: dict[str, Any] = call("GET", PATH)[1]["contact"]
    return fields


def refused(method: str, path: str, body: Any) -> str:
    """The words of a refusal."""
    status, answer = call(method, path, body)
    assert status == 400, answer
    return str(answer["error"]["message"])


# Creating


def test_a_created_profile_is_there_at_once_and_listed() -> None:
    """With its contact, by every name."""
    given = {"email": "ann@example.com", "first_name": "Ann", "birthday": "1948-02-29", "custom": {"plan": "pro"}}
    status, made = call("POST", "/profiles", {"user_id": "42", "contact": given, "owner": "Eve"})
    assert (status, made["contact"], made["owner"]) == (201, given, "Eve")
    assert made["identities"][0]["value"] == "42"
    assert made["activity_counts"]["total"] == 0
    assert call("GET", "/profiles/email%3Aann%40example.com")[1] == made
    assert [one["profile_id"] for one in call("GET", "/profiles?verification=all")[1]["items"]] == [made["profile_id"]]


def test_a_profile_without_an_identifier_gets_one_that_nobody_can_guess() -> None:
    made = [call("POST", "/profiles", {"contact": {"name": "Nobody"}})[1] for _ in range(2)]
    values = [one["identities"][0]["value"] for one in made]
    assert len({*values}) == 2
    assert {len(value) for value in values} == {36}


def test_both_identifiers_are_one_person() -> None:
    status, made = call("POST", "/profiles", {"user_id": "42", "anonymous_id": "cookie"})
    assert (status, {one["kind"] for one in made["identities"]}) == (201, {"user_id", "anonymous_id"})


def test_somebody_who_exists_is_not_created_and_not_changed() -> None:
    say(identify("i", name="Ann"))
    status, answer = call("POST", "/profiles", {"user_id": "42", "contact": {"name": "Eve"}})
    assert (status, answer["error"]["code"]) == (400, "already_exists")
    assert contact() == {"name": "Ann"}


def test_events_go_on_where_an_admin_began() -> None:
    call("POST", "/profiles", {"user_id": "42", "contact": {"name": "Ann", "company": "Acme"}})
    say(identify("i", at="2090-01-01T00:00:00Z", name="Anna"), {"type": "page", "messageId": "p", "userId": "42"})
    assert contact() == {"name": "Anna", "company": "Acme"}
    assert user("42").counts == {"pagevisit": 1}


@pytest.mark.parametrize("value", ["null", "0000", "undefined", "", "a\u0007b", "x" * 201])
def test_what_can_name_nobody_creates_nobody(value: str) -> None:
    assert "user_id" in refused("POST", "/profiles", {"user_id": value})


# Correcting


def test_a_correction_shows_at_once_and_null_removes() -> None:
    say(identify("i", name="Ann", email="ann@example.com", plan="free"))
    status, shown = call("PATCH", PATH, {"contact": {"name": "Ann Lee", "email": None, "custom": {"plan": "pro"}}})
    assert (status, shown["contact"]) == (200, {"name": "Ann Lee", "custom": {"plan": "pro"}})
    assert contact() == shown["contact"]


def test_a_correction_shows_even_where_a_clients_clock_is_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    now = clock.now_ms()
    from cdp_core.domain.times import iso

    say(identify("i", at=iso(now + 3_600_000), name="From the future"))
    call("PATCH", PATH, {"contact": {"name": "Ann"}})
    assert contact() == {"name": "Ann"}


def test_a_later_event_wins_over_a_correction_without_a_lock() -> None:
    say(identify("i", name="Ann"))
    call("PATCH", PATH, {"contact": {"name": "Ann Lee"}})
    say(identify("i2", at="2098-01-01T00:00:00Z", name="Anna"))
    assert contact() == {"name": "Anna"}


def test_numbers_round_trip_exactly_and_true_is_no_number() -> None:
    say(identify("i", name="Ann"))
    exact = "0.1000000000000000055511151231257827"
    assert (
        raw("PATCH", PATH, f'{{"contact": {{"custom": {{"a": {exact}, "b": 12345678901234567890, "c": 1.0}}}}}}')[0]
        == 200
    )
    text = raw("GET", PATH)[1]
    assert f'"a":{exact}' in text
    assert '"b":12345678901234567890' in text


def test_a_field_of_a_type_takes_its_type_only() -> None:
    call("POST", "/fields", {"entity": "contact", "name": "age", "caption": "Age", "type": "number"})
    say(identify("i", name="Ann"))
    assert "contact.custom.age" in refused("PATCH", PATH, {"contact": {"custom": {"age": "old"}, "name": "Eve"}})
    assert contact() == {"name": "Ann"}, "nothing half-stored"
    assert call("PATCH", PATH, {"contact": {"custom": {"age": 41}}})[1]["contact"]["custom"] == {"age": 41}


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"email": "nobody"}, "contact.email"),
        ({"email": "a@b@c"}, "contact.email"),
        ({"email": "x" * 250 + "@b.cd"}, "contact.email"),
        ({"birthday": "1990-02-30"}, "contact.birthday"),
        ({"birthday": "yesterday"}, "contact.birthday"),
        ({"name": 7}, "contact.name"),
        ({"name": "x" * 4_001}, "contact.name"),
        ({"other_emails": ["a@b.c"]}, "contact.other_emails"),
        ({"firstName": "Ann"}, "contact.firstName"),
        ({"lock.email": "x"}, "contact.lock.email"),
        ({"profile.status": "x"}, "contact.profile.status"),
        ({"__proto__": {}}, "contact.__proto__"),
        ({"custom": {"": 1}}, "contact.custom"),
        ({"custom": {"deep": {"er": 1}}}, "contact.custom.deep"),
        ({"custom": [1]}, "contact.custom"),
    ],
    ids=str,
)
def test_a_field_that_cannot_be_is_refused_by_its_name(fields: dict[str, Any], named: str) -> None:
    say(identify("i", name="Ann"))
    assert named in refused("PATCH", PATH, {"contact": {"company": "Acme", **fields}})
    assert contact() == {"name": "Ann"}


def test_a_status_must_be_defined_and_stays_where_its_definition_goes() -> None:
    say(identify("i", name="Ann"))
    assert "status" in refused("PATCH", PATH, {"status": "lead"})
    call("POST", "/statuses", {"code_name": "lead", "name": "Lead"})
    assert call("PATCH", PATH, {"status": "lead", "owner": "Eve"})[1]["status"] == "lead"
    call("DELETE", "/statuses/lead")
    assert call("GET", PATH)[1]["status"] == "lead"
    shown = call("PATCH", PATH, {"status": None})[1]
    assert (shown["status"], shown["owner"]) == (None, "Eve")


def test_an_unknown_person_is_not_made_by_a_correction() -> None:
    assert call("PATCH", PATH, {"contact": {"name": "Ann"}})[0] == 404
    assert call("GET", PATH)[0] == 404


def test_no_trait_of_a_client_passes_for_an_admins_word() -> None:
    """Whatever it is called, and even with a secret key."""
    say(identify("i", name="Ann"))
    names = ("lock.name", "profile.status", "profile.owner", "status", "owner", "edits", "__proto__")
    forged: dict[str, Any] = {name: ["Eve"] for name in names}
    say(
        identify("i2", **forged) | {"edits": {"profile.owner": "Eve", "lock.name": ["Eve"]}, "properties": {"edits": 1}}
    )
    shown = call("GET", PATH)[1]
    assert (shown["status"], shown["owner"], shown["contact"]["name"]) == (None, None, "Ann")
    assert not any(one["locked"] for one in call("GET", f"{PATH}/fields")[1]["items"])


# Locks


def test_a_locked_field_holds_whatever_events_say_and_shows_them_when_it_is_let_go() -> None:
    say(identify("i", email="ann@example.com"))
    assert call("PATCH", PATH, {"lock": ["email"]})[0] == 200
    say(identify("i2", at="2097-01-01T00:00:00Z", email="eve@example.com"))
    assert contact()["email"] == "ann@example.com"
    (field,) = call("GET", f"{PATH}/fields")[1]["items"]
    assert (field["value"], field["locked"], field["underlying"]) == ("ann@example.com", True, "eve@example.com")
    assert call("GET", "/profiles?verification=all&q=eve")[1]["items"] == []
    assert len(call("GET", "/profiles?verification=all&q=ann")[1]["items"]) == 1
    assert call("PATCH", PATH, {"unlock": ["email"]})[1]["contact"]["email"] == "eve@example.com"


def test_correcting_a_locked_field_moves_the_lock() -> None:
    say(identify("i", name="Ann"))
    call("PATCH", PATH, {"contact": {"name": "Ann Lee"}, "lock": ["name"]})
    assert call("PATCH", PATH, {"contact": {"name": "Ann B. Lee"}})[1]["contact"] == {"name": "Ann B. Lee"}
    say(identify("i2", at="2097-01-01T00:00:00Z", name="Eve"))
    assert contact() == {"name": "Ann B. Lee"}


def test_a_field_can_be_locked_as_removed() -> None:
    say(identify("i", company="Acme", name="Ann"))
    call("PATCH", PATH, {"contact": {"company": None}, "lock": ["company"]})
    say(identify("i2", at="2097-01-01T00:00:00Z", company="Acme"))
    assert contact() == {"name": "Ann"}


def test_lock_and_unlock_of_one_field_is_refused() -> None:
    say(identify("i", name="Ann"))
    assert "name" in refused("PATCH", PATH, {"lock": ["name"], "unlock": ["name"]})
    assert "contact.nonsense" in refused("PATCH", PATH, {"lock": ["nonsense"]})


def test_a_lock_goes_with_its_leaf_in_a_merge_and_its_unmerge() -> None:
    """Both profiles are what they would have been."""
    say({"type": "identify", "messageId": "a", "anonymousId": "c", "traits": {"name": "Visitor"}})
    call("PATCH", "/profiles/anonymous_id%3Ac", {"lock": ["name"]})
    before = call("GET", "/profiles/anonymous_id%3Ac")[1]["contact"]
    say(identify("i", name="Ann") | {"anonymousId": "c"})
    merged = call("GET", PATH)[1]
    assert merged["contact"] == {"name": "Visitor"}
    call("DELETE", f"{PATH}/merges/{merged['merged_ids'][0]}")
    assert contact() == {"name": "Ann"}
    assert call("GET", "/profiles/anonymous_id%3Ac")[1]["contact"] == before


def test_locks_come_to_the_same_in_every_order() -> None:
    """The registers of an edit fold like all others."""
    from cdp_core.domain.contact import Register, contact_fields, fold

    registers = [
        {"name": Register(value="Ann", time=1, source="website", message_id="a")},
        {"name": Register(value="Eve", time=5, source="website", message_id="b")},
        {"lock.name": Register(value=["Ann Lee"], time=3, source="admin", message_id="c")},
        {"lock.name": Register(value=None, time=2, source="admin", message_id="d")},
    ]
    seen = {json.dumps(contact_fields(fold(*order))) for order in itertools.permutations(registers)}
    assert seen == {'{"name": "Ann Lee"}'}


def test_an_erasure_takes_what_admins_said_with_it() -> None:
    call("POST", "/profiles", {"user_id": "42", "contact": {"name": "Ann"}, "lock": ["name"], "owner": "Eve"})
    call("DELETE", PATH)
    assert call("PATCH", PATH, {"contact": {"name": "Ann"}})[0] == 404
