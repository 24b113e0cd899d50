"""Accounts with the contacts in them, roles, members and customers."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from cdp_core.aws import TRIES
from cdp_core.tables import records
from cdp_core.usecases import accounts
from tests.double import Fault, Plan, StrictAws
from tests.support.product import ADMIN_KEY, SECRET_KEY, Context, batch, drain_all, function, request, seed_keys, user

ANN = "user_id%3Aann"


@pytest.fixture(autouse=True)
def _keys(aws: StrictAws) -> None:
    seed_keys()


def call(method: str, path: str, body: Any = None, *, key: str = ADMIN_KEY) -> tuple[int, Any]:
    """A request with a key; status and decoded answer."""
    data = "" if body is None else json.dumps(body)
    answer = function("profiles_api").handler(request(method, path, data, authorization=f"Bearer {key}"), Context())
    return answer["statusCode"], json.loads(answer["body"])


def say(*events: dict[str, Any]) -> None:
    """Sends events and lets a flush pass."""
    assert batch(*events, key=SECRET_KEY) == 200
    drain_all()


def group(user_id: str, account: str, **traits: Any) -> dict[str, Any]:
    """Somebody's belonging to an account, and what is said of the account."""
    ids = {"messageId": f"g-{user_id}-{account}", "userId": user_id, "groupId": account}
    return {"type": "group", "traits": traits, "timestamp": "2026-01-02T00:00:00Z", **ids}


def walk(path: str, name: str) -> list[Any]:
    """One field of all items of a list, page by page."""
    found, cursor = [], ""
    while cursor is not None:
        shown = call("GET", f"{path}{'&' if '?' in path else '?'}limit=2{cursor and '&cursor=' + cursor}")[1]
        found += [one[name] for one in shown["items"]]
        cursor = shown["cursor"]
    return found


def test_accounts_of_clients_and_of_admins_are_listed_by_id() -> None:
    say(group("ann", "acme", name="Acme", plan="pro"), group("ben", "beta"), group("cid", "acme"))
    status, made = call("POST", "/accounts", {"account_id": "Zeta & co/1", "name": "Zeta"})
    assert (status, made["name"]) == (201, "Zeta")
    assert walk("/accounts", "account_id") == ["Zeta & co/1", "acme", "beta"]
    assert walk("/accounts?q=ac", "account_id") == ["acme"]
    assert walk("/accounts?q=zzz", "account_id") == []
    shown = call("GET", "/accounts/acme")[1]
    assert (shown["name"], shown["fields"]) == ("Acme", {"custom": {"plan": "pro"}})
    assert call("GET", "/accounts/Zeta%20%26%20co%2F1")[1] == made


def test_an_account_is_corrected_and_a_later_client_wins() -> None:
    say(group("ann", "acme", name="Acme"))
    assert (
        call("PATCH", "/accounts/acme", {"name": "Acme Ltd", "fields": {"website": "https://acme.example"}})[0] == 200
    )
    assert call("GET", "/accounts/acme")[1]["name"] == "Acme Ltd"
    say(group("ann", "acme", name="Acme Inc") | {"messageId": "g2", "timestamp": "2098-01-01T00:00:00Z"})
    shown = call("GET", "/accounts/acme")[1]
    assert (shown["name"], shown["fields"]) == ("Acme Inc", {"website": "https://acme.example"})


def test_an_account_that_cannot_be_is_refused() -> None:
    say(group("ann", "acme"))
    assert call("POST", "/accounts", {"account_id": "acme"})[1]["error"]["code"] == "already_exists"
    for body in ({}, {"account_id": ""}, {"account_id": "x", "fields": {"nonsense": 1}}, {"account_id": "a\nb"}):
        assert call("POST", "/accounts", body)[0] == 400
    for path in ("/accounts/none", "/accounts/none/contacts"):
        assert call("GET", path)[0] == 404
    assert call("PATCH", "/accounts/none", {"name": "x"})[0] == 404


def test_contacts_have_roles_in_their_accounts() -> None:
    say(group("ann", "acme"), {"type": "page", "messageId": "p", "userId": "ben"})
    assert call("PUT", f"/accounts/acme/contacts/{ANN}", {"role": "boss"})[0] == 400
    call("POST", "/account-roles", {"code_name": "boss", "name": "Decision maker"})
    assert call("PUT", f"/accounts/acme/contacts/{ANN}", {"role": "boss"})[1]["role"] == "boss"
    assert call("PUT", "/accounts/acme/contacts/user_id%3Aben", {})[0] == 200
    shown = {one["display_name"]: one["role"] for one in call("GET", "/accounts/acme/contacts")[1]["items"]}
    assert sorted(shown.values(), key=str) == [None, "boss"]
    assert call("GET", f"/profiles/{ANN}/overview")[1]["accounts"] == [{"id": "acme", "role": "boss"}]
    assert call("PUT", f"/accounts/acme/contacts/{ANN}", {})[1]["role"] is None
    assert call("DELETE", f"/accounts/acme/contacts/{ANN}")[0] == 200
    assert call("DELETE", f"/accounts/acme/contacts/{ANN}")[0] == 404
    assert len(call("GET", "/accounts/acme/contacts")[1]["items"]) == 1
    assert call("PUT", "/accounts/acme/contacts/user_id%3Anobody", {})[0] == 404


def test_contacts_are_paged_and_an_erased_one_is_not_among_them() -> None:
    say(*(group(f"u{number}", "acme") for number in range(5)))
    assert len(walk("/accounts/acme/contacts", "profile_id")) == 5
    call("DELETE", "/profiles/user_id%3Au3")
    assert len(set(walk("/accounts/acme/contacts", "profile_id"))) == 4


def test_a_merged_person_is_a_contact_through_every_identifier() -> None:
    say({"type": "group", "messageId": "g", "anonymousId": "c", "groupId": "acme"})
    say({"type": "identify", "messageId": "i", "userId": "ann", "anonymousId": "c", "traits": {"email": "a@b.cd"}})
    (shown,) = call("GET", "/accounts/acme/contacts")[1]["items"]
    assert shown["email"] == "a@b.cd"
    assert call("DELETE", f"/accounts/acme/contacts/{ANN}")[0] == 200
    assert call("GET", "/accounts/acme/contacts")[1]["items"] == []


def test_removing_an_account_leaves_its_people(monkeypatch: pytest.MonkeyPatch, aws: StrictAws) -> None:
    say(group("ann", "acme", name="The acme"), group("ben", "acme"))
    monkeypatch.setattr(accounts, "MAX_REMOVED", 1)
    assert call("DELETE", "/accounts/acme")[0] == 400
    monkeypatch.setattr(accounts, "MAX_REMOVED", 2)
    assert [call("DELETE", "/accounts/acme")[0] for _ in range(2)] == [200, 404]
    assert call("GET", "/accounts")[1]["items"] == []
    assert call("GET", f"/profiles/{ANN}")[0] == 200
    assert not [item for item in aws.items("profiles") if "acme" in json.dumps(item, default=str)]


def test_a_viewer_sees_who_belongs_without_who_they_are() -> None:
    say(group("ann", "acme"), {"type": "identify", "messageId": "i", "userId": "ann", "traits": {"email": "a@b.cd"}})
    key = call("POST", "/admin-keys", {"name": "v", "role": "viewer"})[1]["key"]
    (shown,) = call("GET", "/accounts/acme/contacts", key=key)[1]["items"]
    assert (shown["email"], shown["hidden"]) == (None, True)
    assert call("GET", "/members", key=key)[0] == 403


def test_a_place_in_the_list_is_written_once_however_often_the_account_is_named(aws: StrictAws) -> None:
    say(group("ann", "acme", name="Acme"))
    aws.reset()
    say(group("ann", "acme", name="Acme") | {"messageId": "again"})
    assert places(aws) == [("records#account", "acme"), ("records#account-name", "acme#acme")]


# Accounts by name


def places(aws: StrictAws) -> list[tuple[str, str]]:
    """The places that accounts have in the lists, without their shards."""
    keys = [(item["pk"]["S"], item["sk"]["S"]) for item in aws.items("profiles")]
    return sorted((pk.rpartition("#")[0], sk) for pk, sk in keys if pk.startswith("records#account"))


def test_accounts_are_found_by_the_beginning_of_their_id_and_then_of_their_name() -> None:
    """Each once, whatever the case of the name, page by page."""
    for account_id, name in (("acme", "Acme"), ("Z#1", "ACME  Holding"), ("2", "Acme #1#x"), ("ac", None), ("b", "Be")):
        assert call("POST", "/accounts", {"account_id": account_id, "name": name})[0] == 201
    assert walk("/accounts?q=ac", "account_id") == ["ac", "acme", "2", "Z#1"]
    assert walk("/accounts?q=aCmE%20h", "account_id") == ["Z#1"]
    assert walk("/accounts?q=Acme%20%231%23", "account_id") == ["2"]
    assert walk("/accounts?q=%20", "account_id") == []
    assert len(walk("/accounts", "account_id")) == 5


def test_a_renamed_account_is_found_by_its_new_name_alone(aws: StrictAws) -> None:
    say(group("ann", "1", name="Acme"))
    call("PATCH", "/accounts/1", {"name": "Beta"})
    assert (walk("/accounts?q=acme", "account_id"), walk("/accounts?q=beta", "account_id")) == ([], ["1"])
    say(group("ann", "1", name="Gamma") | {"messageId": "g2", "timestamp": "2098-01-01T00:00:00Z"})
    assert (walk("/accounts?q=beta", "account_id"), walk("/accounts?q=gamma", "account_id")) == ([], ["1"])
    assert call("PATCH", "/accounts/1", {"name": None})[1]["name"] is None
    assert places(aws) == [("records#account", "1")]


def test_the_longest_name_and_id_have_a_place(aws: StrictAws) -> None:
    """A sort key has 1 024 bytes at most; a name is compared by its first 50 characters."""
    account_id, name = "\U00010437" * 200, "\U00010437" * 200
    assert call("POST", "/accounts", {"account_id": account_id, "name": name})[0] == 201
    assert call("GET", f"/accounts?q={quote(name)}")[1]["items"][0]["account_id"] == account_id
    assert max(len(key.encode()) for _, key in places(aws)) <= 1_024


def test_a_name_that_is_no_text_is_a_field_and_no_name() -> None:
    say(group("ann", "1", name={"legal": "Acme"}))
    shown = call("GET", "/accounts/1")[1]
    assert (shown["name"], shown["fields"]["name"]) == (None, {"legal": "Acme"})
    assert walk("/accounts", "account_id") == ["1"]


@pytest.mark.parametrize("kind", ["server_error", "lost"])
def test_an_account_and_its_places_change_together_or_not_at_all(aws: StrictAws, kind: str) -> None:
    """Whatever becomes of the write or its answer: a repeat ends in one place by id and one by name."""
    call("POST", "/accounts", {"account_id": "1", "name": "Acme"})
    aws.reset(Plan(tuple(Fault("TransactWriteItems", nth, kind) for nth in range(TRIES))))
    assert call("PATCH", "/accounts/1", {"name": "Beta"})[0] == 503
    shown = call("GET", "/accounts/1")[1]["name"]
    assert places(aws) == [("records#account", "1"), ("records#account-name", f"{shown.lower()}#1")]
    aws.reset()
    assert call("PATCH", "/accounts/1", {"name": "Beta"})[0] == 200
    assert places(aws) == [("records#account", "1"), ("records#account-name", "beta#1")]


def test_an_account_that_is_renamed_while_it_is_removed_leaves_nothing(
    aws: StrictAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(group("ann", "1", name="Acme"))
    remove = records.remove

    def raced(*given: Any, **named: Any) -> bool:
        monkeypatch.setattr(records, "remove", remove)
        assert call("PATCH", "/accounts/1", {"name": "Beta"})[0] == 200
        return remove(*given, **named)

    monkeypatch.setattr(records, "remove", raced)
    assert call("DELETE", "/accounts/1")[0] == 200
    assert places(aws) == []
    assert call("GET", "/accounts/1")[0] == 404


# What is known of one account


def test_an_account_says_who_said_what_of_it() -> None:
    say(group("ann", "1", name="Acme", plan="pro"))
    call("PATCH", "/accounts/1", {"name": "Acme Ltd", "fields": {"website": "https://acme.example"}})
    call("PATCH", "/accounts/1", {"fields": {"website": None}})
    name, plan = sorted(call("GET", "/accounts/1")[1]["sources"], key=lambda one: one["source"])
    assert (plan["field"], plan["source"], plan["message_id"]) == ("custom.plan", "server", "g-ann-1")
    assert (plan["time"], name["field"], name["source"]) == ("2026-01-02T00:00:00.000Z", "name", "admin")


def test_contacts_are_counted_once_each_and_only_while_they_live(monkeypatch: pytest.MonkeyPatch) -> None:
    say(*(group(f"u{number}", "acme") for number in range(4)))
    say({"type": "group", "messageId": "v", "anonymousId": "c", "groupId": "acme"})
    say({"type": "identify", "messageId": "i", "anonymousId": "c", "userId": "u0"})
    call("DELETE", "/profiles/user_id%3Au3")
    assert call("GET", "/accounts/acme")[1]["contacts"] == {"count": 3, "complete": True}
    assert call("POST", "/accounts", {"account_id": "x"})[1]["contacts"] == {"count": 0, "complete": True}
    monkeypatch.setattr(accounts, "MAX_COUNTED", 2)
    assert call("GET", "/accounts/acme")[1]["contacts"] == {"count": 2, "complete": False}


def test_a_merged_contact_has_one_entry_with_the_role_of_any_identifier() -> None:
    """Somebody comes to an account through a second identifier that has no role: the first one's stands."""
    call("POST", "/account-roles", {"code_name": "boss", "name": "Decision maker"})
    say({"type": "group", "messageId": "g", "anonymousId": "c", "groupId": "acme"})
    assert call("PUT", "/accounts/acme/contacts/anonymous_id%3Ac", {"role": "boss"})[0] == 200
    (first,) = call("GET", "/accounts/acme/contacts")[1]["items"]
    say({"type": "identify", "messageId": "i", "userId": "ann", "anonymousId": "c"}, group("ann", "acme"))
    (shown,) = call("GET", "/accounts/acme/contacts")[1]["items"]
    assert (shown["profile_id"], shown["role"], shown["since"]) == (user("ann").id, "boss", first["since"])
    assert call("PUT", f"/accounts/acme/contacts/{ANN}", {})[1]["role"] is None
    assert call("GET", "/accounts/acme/contacts")[1]["items"][0]["role"] is None


# Members and customers


def registered(user_id: str, **properties: Any) -> dict[str, Any]:
    """A member's registration."""
    ids = {"messageId": f"m-{user_id}", "userId": user_id, "properties": {"email": f"{user_id}@b.cd", **properties}}
    return {"type": "track", "event": "memberregistration", **ids}


def test_members_and_customers_are_listed_with_the_profile_they_are() -> None:
    say(registered("ann"), registered("ben", member_id="M-7"))
    bought = {"type": "track", "event": "Order Completed", "messageId": "o", "userId": "ann"}
    say(bought | {"properties": {"customer_id": "C-1"}})
    assert walk("/members", "member_id") == ["M-7", "ann"]
    assert walk("/members?q=M-", "display_name") == ["ben@b.cd"]
    shown = call("GET", "/members/M-7")[1]
    assert shown["profile"]["profile_id"] == user("ben").id == shown["profile_id"]
    assert shown["registration"]["member_id"] == "M-7"
    customer = call("GET", "/customers/C-1")[1]
    assert (customer["profile_id"], customer["registration"]["customer_id"]) == (user("ann").id, "C-1")
    assert call("GET", "/members/none")[0] == 404
    assert call("GET", "/customers/none")[0] == 404


def test_an_erased_persons_member_stays_without_the_person() -> None:
    say(registered("ann"))
    call("DELETE", f"/profiles/{ANN}")
    (shown,) = call("GET", "/members")[1]["items"]
    assert shown == {"member_id": "ann", "profile_id": None, "display_name": None, "registration": None}
    assert call("GET", "/members/ann")[1]["profile"] is None
