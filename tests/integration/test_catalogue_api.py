"""What admins define, as they would define it: channels and keys, activity types, forms, custom fields, consents."""

import json
from typing import Any

import pytest

from cdp_core import clock
from cdp_core.tables import catalogue, channels
from tests.double import StrictAws
from tests.support.product import (
    ADMIN_KEY,
    SECRET_KEY,
    WRITE_KEY,
    Context,
    drain_all,
    function,
    request,
    seed_keys,
    track,
)

PAGE = {"type": "page", "userId": "42", "messageId": "p"}


@pytest.fixture(autouse=True)
def _keys(aws: StrictAws) -> None:
    seed_keys()


def call(method: str, path: str, body: Any = None, *, key: str = ADMIN_KEY) -> tuple[int, Any]:
    """An admin's request; what tracking remembered of the definitions is forgotten, as it is after a minute."""
    data = "" if body is None else json.dumps(body)
    answer = function("profiles_api").handler(request(method, path, data, authorization=f"Bearer {key}"), Context())
    catalogue._cache().clear()
    channels._cache().clear()
    return answer["statusCode"], json.loads(answer["body"])


def send(*events: dict[str, Any], key: str = SECRET_KEY) -> list[str]:
    """Sends a batch; the code of each event's result."""
    status, answer = track("/v1/batch", {"batch": list(events)}, key=key, x_strict_mode="1")
    drain_all()
    return [one["code"] for one in answer["results"]] if status == 207 else [answer["code"]]


def refused(method: str, path: str, body: Any) -> str:
    """The words of a refusal."""
    status, answer = call(method, path, body)
    assert status == 400, answer
    return str(answer["error"]["message"])


# Channels and keys


def test_a_channel_is_made_with_defaults_changed_in_part_and_listed() -> None:
    status, made = call("POST", "/channels", {"code_name": "shop", "name": "Shop", "origins": ["https://Shop.example"]})
    assert status == 201
    assert (made["consent_gate"], made["cookie_level"], made["origins"]) == (True, 1000, ["https://shop.example"])
    status, changed = call("PATCH", "/channels/shop", {"cookie_level": "essential", "enabled": False})
    assert (status, changed["cookie_level"], changed["enabled"], changed["name"]) == (200, 0, False, "Shop")
    assert call("GET", "/channels/shop")[1] == changed
    assert [one["code_name"] for one in call("GET", "/channels")[1]["items"]] == ["server", "shop", "website"]
    assert call("PATCH", "/channels/none", {"enabled": True})[0] == 404


def test_a_headless_channel_has_no_gate_unless_it_is_asked_for() -> None:
    """K-18."""
    made = [
        call("POST", "/channels", {"code_name": f"h{n}", "name": "H", "type": "headless", **gate})[1]
        for n, gate in enumerate(({}, {"consent_gate": True}))
    ]
    assert [one["consent_gate"] for one in made] == [False, True]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("code_name", "Shop!"),
        ("origins", ["https://shop.example/path"]),
        ("origins", ["*"]),
        ("cookie_level", 1001),
        ("cookie_level", "most"),
        ("unknown_types", "maybe"),
        ("user_hash_secret", "mine"),
        ("tracking_consent", ""),
    ],
)
def test_a_wrong_setting_is_named_and_nothing_is_made(field: str, value: Any) -> None:
    body = {"code_name": "shop", "name": "Shop", field: value}
    assert field in refused("POST", "/channels", body)
    assert call("GET", "/channels/shop")[0] == 404


def test_a_key_is_listed_without_itself_rotated_and_revoked_for_good() -> None:
    _, first = call("POST", "/channels/website/keys", {"secret": False})
    _, second = call("POST", "/channels/website/keys", {"secret": True})
    assert send(PAGE, key=first["key"]) == send(PAGE, key=second["key"]) == ["accepted"]
    listed = call("GET", "/channels/website/keys")[1]["items"]
    assert {first["id"], second["id"]} <= {one["id"] for one in listed}
    assert first["key"] not in json.dumps(listed)
    status, revoked = call("DELETE", f"/channels/website/keys/{first['id']}")
    assert (status, revoked["revoked_at"] is not None) == (200, True)
    assert call("DELETE", f"/channels/website/keys/{first['id']}") == (200, revoked)
    assert send(PAGE, key=first["key"]) == ["unauthorized"]
    assert send(PAGE, key=second["key"]) == ["accepted"]
    assert call("DELETE", "/channels/server/keys/" + second["id"])[0] == 404


def test_a_revoked_key_works_nowhere_once_a_minute_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that knows the key forgets it after 60 seconds."""
    _, made = call("POST", "/channels/website/keys", {})
    assert send(PAGE, key=made["key"]) == ["accepted"]
    channels.revoke_key("website", made["id"], at=1)
    assert send(PAGE, key=made["key"]) == ["accepted"]
    later = clock.now_ms() + 61_000
    monkeypatch.setattr("cdp_core.clock.now_ms", lambda: later)
    assert send(PAGE, key=made["key"]) == ["unauthorized"]


def test_the_secret_of_user_hashes_is_shown_once_and_never_again() -> None:
    status, made = call("POST", "/channels/website/user-hash-secret")
    assert status == 201
    assert len(made["user_hash_secret"]) >= 32
    shown = json.dumps([call("GET", "/channels/website"), call("GET", "/channels")])
    assert made["user_hash_secret"] not in shown
    assert call("GET", "/channels/website")[1]["has_user_hash_secret"] is True
    assert call("POST", "/channels/website/user-hash-secret")[1] != made


# Activity types


def test_a_discovered_type_can_be_confirmed_renamed_and_disabled() -> None:
    send({"type": "track", "event": "Song Played", "userId": "42", "messageId": "1", "properties": {"value": "x"}})
    (found,) = [one for one in call("GET", "/activity-types")[1]["items"] if not one["built_in"]]
    assert (found["code_name"], found["confirmed"], found["discovered_at"] is not None) == ("song_played", False, True)
    status, changed = call("PATCH", "/activity-types/song_played", {"name": "Song"})
    assert (status, changed["confirmed"], changed["discovered_at"]) == (200, True, found["discovered_at"])
    assert call("GET", "/profiles/user_id%3A42/activities")[1]["items"][0]["title"] == "Song 'x'"
    call("PATCH", "/activity-types/song_played", {"enabled": False})
    played = {"type": "track", "event": "Song Played", "userId": "42", "messageId": "2"}
    assert send(played, PAGE) == ["type_disabled", "accepted"]
    assert call("GET", "/profiles/user_id%3A42")[1]["activity_counts"]["by_type"] == {"pagevisit": 1, "song_played": 1}


def test_a_built_in_type_can_be_disabled_and_nothing_else() -> None:
    assert "built-in" in refused("PATCH", "/activity-types/pagevisit", {"name": "Visit"})
    assert call("PATCH", "/activity-types/pagevisit", {"enabled": False})[0] == 200
    assert send(PAGE) == ["type_disabled"]
    call("PATCH", "/activity-types/pagevisit", {"enabled": True})
    assert send(PAGE) == ["accepted"]


def test_a_channel_that_rejects_unknown_types_takes_what_was_defined() -> None:
    call("PATCH", "/channels/server", {"unknown_types": "reject"})
    played = {"type": "track", "event": "Song Played", "userId": "42", "messageId": "1"}
    assert send(played, PAGE) == ["unknown_activity_type", "accepted"]
    assert call("POST", "/activity-types", {"code_name": "song_played", "name": "Song"})[0] == 201
    assert send(played) == ["accepted"]


@pytest.mark.parametrize("code", ["pagevisit", "Song_Played", "a__b", "9lives", "x" * 101, ""])
def test_a_type_that_no_event_could_have_is_not_defined(code: str) -> None:
    assert call("POST", "/activity-types", {"code_name": code, "name": "N"})[0] == 400


# Forms and fields


def test_featured_fields_are_mapped_beforehand_and_dates_are_not_offered() -> None:
    _, made = call(
        "POST", "/forms", {"code_name": "f", "name": "F", "fields": ["E-mail", "First name", "Birthday", "Wish"]}
    )
    assert made["fields"] == {"E-mail": "email", "First name": "first_name", "Birthday": None, "Wish": None}
    offered = {one["name"] for one in call("GET", "/contact-fields")[1]["items"]}
    assert "email" in offered
    assert "birthday" not in offered
    assert "dates are not mapped" in refused("PATCH", "/forms/f", {"fields": {"Birthday": "birthday"}})


def test_a_form_fills_custom_fields_by_their_types() -> None:
    for name, kind in (("acme_points", "number"), ("acme_since", "date")):
        assert call("POST", "/fields", {"entity": "contact", "name": name, "caption": "C", "type": kind})[0] == 201
    form = {"code_name": "f", "name": "F", "fields": {"points": "custom.acme_points"}}
    assert call("POST", "/forms", form)[0] == 201
    assert "acme_since is a date" in refused("PATCH", "/forms/f", {"fields": {"x": "custom.acme_since"}})
    typed = {"type": "track", "event": "Form Submitted", "userId": "42", "messageId": "1"}
    assert send({**typed, "properties": {"form": "f", "fields": {"points": "many"}}}) == ["wrong_type"]
    assert send({**typed, "properties": {"form": "f", "fields": {"points": "12.5"}}}) == ["accepted"]
    assert call("GET", "/profiles/user_id%3A42")[1]["contact"] == {"custom": {"acme_points": 12.5}}
    assert call("DELETE", "/fields/contact/acme_points")[1]["error"]["code"] == "in_use"
    assert call("DELETE", "/forms/f")[0] == call("DELETE", "/fields/contact/acme_points")[0] == 200


def test_a_trait_of_the_wrong_type_is_refused_by_name() -> None:
    call(
        "POST",
        "/fields",
        {"entity": "contact", "name": "acme_tier", "caption": "T", "type": "choice", "choices": ["a", "b"]},
    )
    identify = {"type": "identify", "userId": "42", "messageId": "i"}
    assert send({**identify, "traits": {"acme_tier": "c"}}) == ["wrong_type"]
    letters = call("GET", "/dead-letters")[1]["items"]
    assert [one["message"] for one in letters] == ["traits.acme_tier must be one of a, b"]
    assert send(
        {**identify, "traits": {"acme_tier": "b"}}, {**identify, "messageId": "j", "traits": {"acme_tier": None}}
    ) == [
        "accepted",
        "accepted",
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"name": "email"},
        {"name": "Points"},
        {"type": "money"},
        {"type": "choice"},
        {"choices": ["a"]},
        {"entity": "pet"},
    ],
)
def test_a_field_that_cannot_be_is_refused(change: dict[str, Any]) -> None:
    body = {"entity": "contact", "name": "acme_points", "caption": "Points", "type": "number", **change}
    assert call("POST", "/fields", body)[0] == 400
    assert call("GET", "/fields")[1]["items"] == []


# Consents


def test_a_text_that_was_changed_is_kept_as_a_version() -> None:
    first, second = {"short": "May we?", "full": "<p>1</p>"}, {"short": "May we?", "full": "<p>2</p>"}
    assert call("POST", "/consents", {"code_name": "ads", "name": "Ads", "texts": {"en": first}})[0] == 201
    status, changed = call("PATCH", "/consents/ads", {"texts": {"en": second}})
    assert (status, changed["name"], changed["texts"]["en"]["full"]) == (200, "Ads", "<p>2</p>")
    versions = call("GET", "/consents/ads/versions")[1]["items"]
    assert [(one["language"], one["full"]) for one in versions] == [("en", "<p>1</p>"), ("en", "<p>2</p>")]
    assert versions[1]["version"] == changed["texts"]["en"]["version"]
    assert [one["code_name"] for one in call("GET", "/consents")[1]["items"]] == ["ads"]


@pytest.mark.parametrize(
    "texts",
    [{}, {"english": {"short": "a", "full": "b"}}, {"en": {"short": "a"}}, {"en": {"short": "x" * 20_001, "full": ""}}],
)
def test_texts_that_cannot_be_are_refused(texts: Any) -> None:
    assert call("POST", "/consents", {"code_name": "ads", "name": "Ads", "texts": texts})[0] == 400
    assert call("GET", "/consents/ads")[0] == 404


# Access


@pytest.mark.parametrize("key", [WRITE_KEY, SECRET_KEY, "", "Bearer"])
def test_write_keys_only_write(key: str) -> None:
    """Invariant 11."""
    for method, path in (
        ("GET", "/channels"),
        ("POST", "/channels/website/keys"),
        ("GET", "/consents"),
        ("DELETE", "/forms/f"),
    ):
        assert call(method, path, {} if method == "POST" else None, key=key)[0] == 401


@pytest.mark.parametrize(
    ("typed", "field", "kept"),
    [
        ({"years": 42}, "acme_years", 42),
        ({"years": " 42 "}, "acme_years", 42),
        ({"news": True}, "acme_news", True),
        ({"news": "on"}, "acme_news", True),
        ({"tier": "a"}, "acme_tier", "a"),
        ({"years": "4.2e1"}, None, "fields.years must be a number"),
        ({"years": [42]}, None, "fields.years must be a number"),
        ({"news": "perhaps"}, None, "fields.news must be true or false"),
        ({"tier": ["a"]}, None, "fields.tier must be one of a, b"),
        ({"mail": {"a": 1}}, None, "fields.mail must be a text"),
    ],
)
def test_what_is_typed_becomes_the_fields_type_or_is_refused_by_the_forms_own_name(
    typed: dict[str, Any], field: str | None, kept: Any
) -> None:
    for name, kind in (("years", "number"), ("news", "boolean"), ("tier", "choice")):
        choices = {"choices": ["a", "b"]} if kind == "choice" else {}
        call("POST", "/fields", {"entity": "contact", "name": f"acme_{name}", "caption": "C", "type": kind, **choices})
    mapping = {name: f"custom.acme_{name}" for name in ("years", "news", "tier")}
    call("POST", "/forms", {"code_name": "f", "name": "F", "fields": {**mapping, "mail": "email"}})
    event = {"type": "track", "event": "Form Submitted", "userId": "42", "messageId": "1"}
    codes = send({**event, "properties": {"form": "f", "fields": typed}})
    if field is None:
        assert codes == ["wrong_type"]
        assert call("GET", "/dead-letters")[1]["items"][0]["message"] == kept
    else:
        assert call("GET", "/profiles/user_id%3A42")[1]["contact"] == {"custom": {field: kept}}


def test_the_name_of_a_discovered_type_is_cut() -> None:
    """Invariant 10: track reads the catalogue, and senders fill it."""
    send({"type": "track", "event": "x" * 60_000, "userId": "42", "messageId": "1"})
    (found,) = catalogue.load().types.values()
    assert len(found.name) == 200
