"""Who may say what about whom: authority, user hashes, members and customers, tried as an attacker would (design section 5)."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from cdp_core.config import settings
from cdp_core.domain.catalogue import MEMBER, CustomField, Form
from cdp_core.domain.channels import REQUIRED, Channel, user_hash
from cdp_core.tables import catalogue, channels, dynamo
from cdp_core.usecases import on_registered
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
    user,
    visitor,
)

PROVING, HASH_SECRET = "proving-key", "s3cret"
SIGNED_UP = {"type": "track", "event": "memberregistration", "messageId": "r"}


def seed() -> None:
    """A channel that takes a user id only with proof, besides the usual ones."""
    seed_keys()
    channel = Channel(
        code_name="proving",
        name="Proving",
        type="website",
        identity_verification=REQUIRED,
        user_hash_secret=HASH_SECRET,
    )
    channels.save_channel(channel)
    channels.save_write_key(PROVING, channel="proving", secret=False)
    catalogue._cache().clear()


@pytest.fixture(autouse=True)
def _keys(aws: StrictAws) -> None:
    seed()


def send(*events: dict[str, Any], key: str = WRITE_KEY) -> list[str]:
    """Sends a batch and flushes it; the code of each event's result."""
    status, answer = track("/v1/batch", {"batch": list(events)}, key=key, x_strict_mode="1")
    assert status == 207
    drain_all()
    return [one["code"] for one in answer["results"]]


def profile(identifier: str) -> dict[str, Any]:
    """What an admin sees."""
    path = f"/profiles/{identifier}"
    answer = function("profiles_api").handler(request("GET", path, authorization=f"Bearer {ADMIN_KEY}"), Context())
    return dict(json.loads(answer["body"]))


def registered(**properties: Any) -> dict[str, Any]:
    """A registration of user 42."""
    return {**SIGNED_UP, "userId": "42", "properties": properties}


# Members


def test_a_registration_with_a_secret_key_verifies_the_person_and_shows_the_members_address() -> None:
    send(registered(member_id=7, name="Ann Lee", email="ann@example.com"), key=SECRET_KEY)
    found = profile("user_id%3A42")
    assert (found["verified"], found["display_name"]) == (True, "ann@example.com")
    assert found["contact"] == {"email": "ann@example.com", "name": "Ann Lee"}
    member = found["member"]
    assert (member["member_id"], member["name"], member["email"]) == ("7", "Ann Lee", "ann@example.com")


def test_the_member_id_is_the_user_id_where_none_is_given() -> None:
    send(registered(email="ann@example.com"), key=SECRET_KEY)
    assert profile("user_id%3A42")["member"]["member_id"] == "42"


def test_the_same_registration_from_a_browser_is_an_activity_and_nothing_else(aws: StrictAws) -> None:
    send(registered(member_id=7, email="victim@example.com"))
    found = profile("user_id%3A42")
    assert (found["verified"], found["member"], found["contact"]) == (False, None, {})
    assert found["activity_counts"]["by_type"] == {"memberregistration": 1}
    assert not [item for item in aws.items("profiles") if item["pk"]["S"].startswith("member#")]


def test_a_user_hash_proves_its_user_and_no_other_member() -> None:
    proof = user_hash(HASH_SECRET, "42")
    send({**registered(), "userHash": proof}, key=PROVING)
    assert profile("user_id%3A42")["verified"] is True
    other = {**registered(member_id="7"), "userId": "43", "userHash": user_hash(HASH_SECRET, "43"), "messageId": "r2"}
    send(other, key=PROVING)
    assert (profile("user_id%3A43")["verified"], profile("user_id%3A43")["member"]) == (False, None)


def test_a_member_item_outlives_the_person_and_says_nothing_about_them(aws: StrictAws) -> None:
    """Section 7: members and customers stay, unlinked."""
    send(registered(member_id=7, name="Ann Lee", email="ann@example.com"), key=SECRET_KEY)
    path = "/profiles/user_id%3A42"
    function("profiles_api").handler(request("DELETE", path, authorization=f"Bearer {ADMIN_KEY}"), Context())
    for _ in range(6):
        from cdp_core.usecases.jobs import work_jobs
        from cdp_core.wire.segment import reread

        work_jobs(lambda: 60_000, reread)
    left = [item for item in aws.items("profiles") if item["pk"]["S"].startswith("member#")]
    assert [item["sk"]["S"] for item in left] == ["member"]
    assert "ann" not in json.dumps(left).lower()


def test_custom_member_fields_are_typed_and_a_wrong_type_names_the_field() -> None:
    catalogue.save_field(CustomField(entity=MEMBER, name="points", caption="Points", type="number", required=True))
    catalogue._cache().clear()
    assert send(registered(points="many"), key=SECRET_KEY) == ["wrong_type"]
    assert send(registered(), key=SECRET_KEY) == ["missing_field"]
    assert user("42").created_at is None
    assert send(registered(points=3), key=SECRET_KEY) == ["accepted"]
    assert profile("user_id%3A42")["member"]["points"] == 3


def test_a_purchase_from_a_server_links_the_customer_and_one_from_a_browser_does_not() -> None:
    bought = {"type": "track", "event": "Order Completed", "messageId": "b", "userId": "42"}
    send({**bought, "properties": {"customer_id": "C-1", "total": 19.9}})
    assert profile("user_id%3A42")["customer"] is None
    send({**bought, "messageId": "b2", "properties": {"customer_id": "C-1", "total": 19.9}}, key=SECRET_KEY)
    assert profile("user_id%3A42")["customer"] == {"customer_id": "C-1"}
    assert dynamo.get("ProfilesTable", ("customer#C-1", f"leaf#{user('42').id}#000000")) is not None


# The on-registered handler

HANDLER = """
from cdp_core.domain.registration import Registered

def by_name(registration, default):
    made = default(registration)
    return Registered(verified=made.verified, display_name=registration.name)

def staff_only(registration, default):
    return Registered(verified=(registration.email or "").endswith("@example.com"))

def broken(registration, default):
    raise RuntimeError("no such table")
"""


def use(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A deployment's own handler, as the setting names it."""
    (folder / "own_handlers.py").write_text(HANDLER)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "own_handlers", raising=False)
    monkeypatch.setenv("ON_REGISTERED", f"own_handlers:{name}")
    settings.cache_clear()
    on_registered.handler.cache_clear()


@pytest.mark.parametrize(
    ("handler", "email", "shown"),
    [
        ("by_name", "ann@example.com", (True, "Ann Lee")),
        ("staff_only", "ann@example.com", (True, "ann@example.com")),
        ("staff_only", "ann@elsewhere.org", (False, None)),
    ],
)
def test_the_on_registered_handler_can_be_replaced_and_can_call_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, handler: str, email: str, shown: tuple[bool, str | None]
) -> None:
    use(tmp_path, monkeypatch, handler)
    send(registered(name="Ann Lee", email=email), key=SECRET_KEY)
    found = profile("user_id%3A42")
    assert found["verified"] is shown[0]
    assert found["display_name"] == (shown[1] or f"Anonymous - {found['profile_id']}")


def test_a_broken_handler_costs_its_event_only(aws: StrictAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(tmp_path, monkeypatch, "broken")
    send({"type": "page", "userId": "42", "messageId": "p"}, registered(), key=SECRET_KEY)
    assert profile("user_id%3A42")["activity_counts"]["by_type"] == {"pagevisit": 1}
    letters = [item for item in aws.items("activities") if item["sk"]["S"].startswith("dead#") and "form" in item]
    assert [(item["reason"]["S"], item["form"]["S"]) for item in letters] == [("cannot_apply", "event")]


# What a public key cannot do


@pytest.mark.parametrize("proof", [None, "", "0" * 64, user_hash("other", "42"), user_hash(HASH_SECRET, "43")])
def test_where_identity_is_verified_a_user_id_without_proof_is_refused(proof: str | None) -> None:
    event = {"type": "identify", "userId": "42", "messageId": "i", "traits": {"email": "attacker@evil.example"}}
    assert send(event | ({"userHash": proof} if proof is not None else {}), key=PROVING) != ["accepted"]
    assert user("42").created_at is None


def test_where_identity_is_verified_visitors_need_no_proof_and_users_with_proof_are_linked() -> None:
    hashed = {"context": {"userHash": user_hash(HASH_SECRET, "42")}}
    assert send({"type": "page", "anonymousId": "a", "messageId": "1"}, key=PROVING) == ["accepted"]
    linked = {"type": "page", "anonymousId": "a", "userId": "42", "messageId": "2", **hashed}
    assert send(linked, key=PROVING) == ["accepted"]
    assert visitor("a").parent == user("42").id


def test_the_proof_is_never_stored(aws: StrictAws) -> None:
    """Invariant 12: who reads it could sign for the user."""
    proof = user_hash(HASH_SECRET, "42")
    event = {
        "type": "page",
        "userId": "42",
        "messageId": "1",
        "userHash": proof,
        "context": {"userHash": proof, "x": 1},
    }
    send(event, {**event, "messageId": "2", "type": "track"}, key=PROVING)  # the second one is refused
    assert proof not in json.dumps([aws.items("activities"), aws.items("profiles")], default=str)


def test_an_alias_links_anonymous_ids_only_so_two_known_users_stay_two() -> None:
    for who in ("1", "2"):
        send({"type": "page", "userId": who, "messageId": who})
    send({"type": "alias", "userId": "1", "previousId": "2", "messageId": "x"})
    assert (user("1").parent, user("2").parent) == (None, None)
    assert profile("user_id%3A1")["profile_id"] != profile("user_id%3A2")["profile_id"]


def test_a_form_cannot_take_over_an_address_nor_replace_one() -> None:
    """K-15 in our form: the typed address is kept beside the contact's own."""
    catalogue.save_form(Form(code_name="f", name="F", fields={"email": "email"}))
    catalogue._cache().clear()
    send({"type": "identify", "userId": "42", "messageId": "i", "traits": {"email": "ann@example.com"}})
    typed = {"type": "track", "event": "Form Submitted", "userId": "42", "messageId": "f"}
    send({**typed, "properties": {"form": "f", "fields": {"email": "attacker@evil.example"}}})
    found = profile("user_id%3A42")
    assert found["contact"] == {"email": "ann@example.com", "other_emails": ["attacker@evil.example"]}
    assert profile("email%3Aann%40example.com")["profile_id"] == found["profile_id"]


def test_other_vendors_deletion_events_are_ordinary_activities() -> None:
    send({"type": "page", "userId": "42", "messageId": "p"})
    for name in ("Delete Person", "Suppress Person", "User Deleted"):
        send({"type": "track", "event": name, "userId": "42", "messageId": name})
    assert profile("user_id%3A42")["activity_counts"]["total"] == 4


def test_an_identifier_that_names_nobody_links_nobody() -> None:
    """Blocked values stay in the event."""
    send({"type": "page", "userId": "42", "anonymousId": "undefined", "messageId": "1"})
    send({"type": "page", "userId": "43", "anonymousId": "undefined", "messageId": "2"})
    assert [one["value"] for one in profile("user_id%3A42")["identities"]] == ["42"]
