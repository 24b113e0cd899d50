"""Consent is decided once, when an event is received: what is not allowed never leaves track (design section 6, invariant 8)."""

import json
import uuid
from typing import Any

import pytest

from cdp_core.domain.catalogue import Consent, ConsentText, Form
from cdp_core.domain.channels import LEVELS, Channel, WriteKey
from cdp_core.errors import CdpError, Forbidden, InvalidInput, NotFound
from cdp_core.tables import catalogue, channels
from cdp_core.usecases import consents
from tests.double import Fault, Plan, StrictAws
from tests.double.faults import SERVER_ERROR
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

ASKING, OPEN, FREE, SERVER = "asking-key", WRITE_KEY, "free-key", SECRET_KEY
ANN = "6f1f7c1e-6f0a-4c0e-9d3e-2f4c8b1d9a01"
BOB = "0b9f0f5e-52f5-4a3b-8a53-6f3c1f9f7b02"


@pytest.fixture(autouse=True)
def _definitions(aws: StrictAws) -> None:
    seed_keys()
    essential = LEVELS["essential"]
    channels.save_channel(Channel(code_name="asking", name="Asking", type="website", cookie_level=essential))
    channels.save_channel(Channel(code_name="free", name="Free", type="headless", consent_gate=False))
    channels.save_write_key(ASKING, channel="asking", secret=False)
    channels.save_write_key(FREE, channel="free", secret=False)
    texts = {"en": ConsentText(short="May we?", full="<p>May we?</p>")}
    catalogue.save_consent(Consent(code_name="tracking", name="Tracking", texts=texts), at=1)
    catalogue.save_form(Form(code_name="contact-us", name="Contact us", fields={"email": "email", "note": None}))
    catalogue._cache().clear()


def key_of(write_key: str) -> WriteKey:
    """The key as track knows it."""
    found = channels.find_write_key(write_key)
    assert found is not None
    return found


def say(contact: str, agreed: bool, write_key: str = ASKING) -> None:
    """The person decides."""
    consents.decide(key_of(write_key), contact, "tracking", agreed=agreed, language="en")


def page(message_id: str = "m", **ids: Any) -> dict[str, Any]:
    """A page visit."""
    return {"type": "page", "messageId": message_id, "properties": {"url": "https://x/"}, **ids}


def send(*events: dict[str, Any], key: str = ASKING) -> list[str]:
    """Sends a batch; the code of each event's result."""
    status, answer = track("/v1/batch", {"batch": list(events)}, key=key, x_strict_mode="1")
    assert status == 207
    return [one["code"] for one in answer["results"]]


def call(path: str) -> tuple[int, Any]:
    """An admin's request."""
    answer = function("profiles_api").handler(request("GET", path, authorization=f"Bearer {ADMIN_KEY}"), Context())
    return answer["statusCode"], json.loads(answer["body"])


def activities(identifier: str) -> list[dict[str, Any]]:
    """What is stored of a person, after a flush."""
    drain_all()
    status, answer = call(f"/profiles/{identifier}/activities")
    return list(answer["items"]) if status == 200 else []


def stored(aws: StrictAws) -> str:
    """Everything that is stored or queued, as text."""
    drain_all()
    return json.dumps([aws.items("activities"), aws.items("profiles")], default=str)


def test_below_visitor_level_nothing_is_kept_until_the_person_agrees(aws: StrictAws) -> None:
    send(page("before", anonymousId=ANN))
    say(ANN, True)
    send(page("after", anonymousId=ANN))
    assert [(one["message_id"], one["legal_basis"]) for one in activities(f"anonymous_id%3A{ANN}")] == [
        ("after", "consent")
    ]


def test_from_visitor_level_on_everything_is_kept_until_the_person_withdraws(aws: StrictAws) -> None:
    send(page("before", anonymousId=ANN), key=OPEN)
    say(ANN, False, OPEN)
    send(page("after", anonymousId=ANN), key=OPEN)
    say(ANN, True, OPEN)
    send(page("again", anonymousId=ANN), key=OPEN)
    found = {one["message_id"]: one["legal_basis"] for one in activities(f"anonymous_id%3A{ANN}")}
    assert found == {"before": "channel_default", "again": "consent"}


def test_without_the_gate_consents_are_not_asked(aws: StrictAws) -> None:
    """K-18: verbatim headless tracking."""
    say(ANN, False)
    send(page(anonymousId=ANN), key=FREE)
    assert [one["legal_basis"] for one in activities(f"anonymous_id%3A{ANN}")] == ["channel_default"]


def test_a_public_key_is_told_nothing_and_a_secret_key_which_rule_withheld_what(aws: StrictAws) -> None:
    say(ANN, False, OPEN)
    assert send(page(anonymousId=ANN), key=OPEN) == ["accepted"]
    assert send(page(anonymousId=ANN), page(anonymousId=BOB), key=SERVER) == ["consent_withheld", "accepted"]


def test_what_is_withheld_is_neither_queued_nor_stored_nor_a_dead_letter(aws: StrictAws) -> None:
    """A refused event's original holds as much of the person as the event would."""
    say(ANN, False, OPEN)
    refused = {"type": "track", "anonymousId": ANN, "properties": {"secret": "canary"}}  # no event name
    send(page(anonymousId=ANN, properties={"x": "canary"}), refused, key=OPEN)
    assert "canary" not in stored(aws)


def test_a_withdrawal_under_one_identifier_holds_for_events_with_any_of_the_profile(aws: StrictAws) -> None:
    send(page("1", userId="42", anonymousId=ANN), key=OPEN)
    drain_all()
    say(ANN, False, OPEN)
    send(page("2", userId="42"), page("3", anonymousId=ANN), page("4", userId="42", anonymousId=BOB), key=OPEN)
    assert [one["message_id"] for one in activities("user_id%3A42")] == ["1"]


def test_a_withdrawal_before_a_link_holds_for_everybody_after_it(aws: StrictAws) -> None:
    say(ANN, False, OPEN)
    alias = {"type": "alias", "userId": "42", "previousId": ANN}
    assert send(alias, key=SERVER) == ["consent_withheld"]
    send(page("linking", userId="42", anonymousId=ANN), key=FREE)
    drain_all()
    assert send(page(userId="42"), key=SERVER) == ["consent_withheld"]


def test_on_a_shared_device_one_persons_agreement_does_not_outweigh_anothers_withdrawal(aws: StrictAws) -> None:
    consents.decide(key_of(SERVER), "user_id:bob", "tracking", agreed=False, language=None)
    send(page("1", userId="ann", anonymousId=ANN), key=OPEN)
    drain_all()
    say(ANN, True, OPEN)
    assert send(page(userId="bob", anonymousId=ANN), page(userId="ann"), key=SERVER) == ["consent_withheld", "accepted"]


def test_an_unmerge_gives_both_sides_what_they_had_decided_themselves(aws: StrictAws) -> None:
    """Invariant 9: consents included."""
    say(ANN, True, OPEN)
    send(page("1", userId="42", anonymousId=ANN), key=OPEN)
    drain_all()
    consents.decide(key_of(SERVER), "user_id:42", "tracking", agreed=False, language=None)
    _, profile = call("/profiles/user_id%3A42")
    assert [(one["code"], one["agreed"], len(one["history"])) for one in profile["consents"]] == [
        ("tracking", False, 2)
    ]
    merged = call("/profiles/user_id%3A42/merges")[1]["items"][0]["merged_id"]
    path = f"/profiles/user_id%3A42/merges/{merged}"
    function("profiles_api").handler(request("DELETE", path, authorization=f"Bearer {ADMIN_KEY}"), Context())
    assert [one["agreed"] for one in call("/profiles/user_id%3A42")[1]["consents"]] == [False]
    assert [one["agreed"] for one in call(f"/profiles/anonymous_id%3A{ANN}")[1]["consents"]] == [True]
    assert send(page(userId="42"), page(anonymousId=ANN), key=SERVER) == ["consent_withheld", "accepted"]


def test_an_erasure_takes_the_consents_before_it_answers(aws: StrictAws) -> None:
    """Section 7; the receipt counts them."""
    send(page(userId="42", anonymousId=ANN), key=OPEN)
    drain_all()
    say(ANN, False, OPEN)
    path = "/profiles/user_id%3A42"
    function("profiles_api").handler(request("DELETE", path, authorization=f"Bearer {ADMIN_KEY}"), Context())
    assert not [item for item in aws.items("profiles") if item["pk"]["S"].startswith("consent#")]
    assert consents.status(key_of(OPEN), ANN, "tracking") == {"isAgreed": False}
    assert send(page(anonymousId=ANN), key=SERVER) == ["accepted"]


def test_somebody_who_only_decided_is_a_person_who_can_be_found_and_erased(aws: StrictAws) -> None:
    say(ANN, True)
    status, profile = call(f"/profiles/anonymous_id%3A{ANN}")
    assert (status, profile["activity_counts"]["total"]) == (200, 0)
    assert profile["consents"][0]["history"][0]["channel"] == "asking"
    path = f"/profiles/anonymous_id%3A{ANN}"
    answer = function("profiles_api").handler(request("DELETE", path, authorization=f"Bearer {ADMIN_KEY}"), Context())
    assert answer["statusCode"] == 202
    assert call(path)[0] == 404


@pytest.mark.parametrize(
    ("preferences", "kept"),
    [
        ({"analytics": True}, True),
        ({"analytics": False}, False),
        ({"analytics": True, "tracking": False}, False),
        ({"advertising": True}, False),
        ({"analytics": "yes"}, False),
    ],
)
def test_category_preferences_of_an_event_count_where_nothing_was_withdrawn(
    aws: StrictAws, preferences: dict[str, Any], kept: bool
) -> None:
    event = page(anonymousId=ANN, context={"consent": {"categoryPreferences": preferences}})
    send(event)
    assert [one["legal_basis"] for one in activities(f"anonymous_id%3A{ANN}")] == (["consent"] if kept else [])


def test_a_recorded_withdrawal_beats_what_an_event_claims(aws: StrictAws) -> None:
    """A page with stale settings cannot undo what the person said."""
    say(ANN, False)
    send(page(anonymousId=ANN, context={"consent": {"categoryPreferences": {"analytics": True}}}))
    assert activities(f"anonymous_id%3A{ANN}") == []


def test_a_form_without_consent_makes_a_profile_of_what_was_typed_and_nothing_else(aws: StrictAws) -> None:
    """Legitimate interest: no URL, no channel, no context, never the cookie's id."""
    say(ANN, False)
    form = {
        "type": "track",
        "event": "Form Submitted",
        "messageId": "f1",
        "anonymousId": ANN,
        "userId": "42",
        "context": {"page": {"url": "https://canary/"}, "ip": "canary", "traits": {"plan": "canary"}},
        "properties": {"form": "contact-us", "fields": {"email": "a@b.cz", "note": "hi"}, "url": "https://canary/"},
    }
    send(form, page(anonymousId=ANN))
    (activity,) = activities("anonymous_id%3Aform%3Af1")
    assert (activity["type"], activity["legal_basis"], activity["channel"]) == (
        "bizformsubmit",
        "legitimate_interest",
        None,
    )
    assert activity["properties"] == {"form": "contact-us", "fields": {"email": "a@b.cz", "note": "hi"}}
    _, profile = call("/profiles/anonymous_id%3Aform%3Af1")
    assert profile["contact"] == {"email": "a@b.cz"}
    assert profile["channels"] == []
    assert "canary" not in stored(aws)
    assert activities(f"anonymous_id%3A{ANN}") == activities("user_id%3A42") == []


def test_events_of_one_request_are_judged_apart_and_each_names_its_basis(aws: StrictAws) -> None:
    say(ANN, True)
    form = {"type": "track", "event": "bizformsubmit", "messageId": "f", "anonymousId": BOB, "properties": {}}
    send(page("a", anonymousId=ANN), page("b", anonymousId=BOB), form)
    assert [one["legal_basis"] for one in activities(f"anonymous_id%3A{ANN}")] == ["consent"]
    assert activities(f"anonymous_id%3A{BOB}") == []
    assert [one["legal_basis"] for one in activities("anonymous_id%3Aform%3Af")] == ["legitimate_interest"]


def test_if_consents_cannot_be_read_nothing_is_kept_and_the_client_sends_again(aws: StrictAws) -> None:
    """Invariant 6: our trouble is 503."""
    send(page(anonymousId=BOB))
    aws.reset(Plan(faults=tuple(Fault("BatchGetItem", nth, SERVER_ERROR) for nth in range(9))))
    assert track("/v1/batch", {"batch": [page(anonymousId=ANN)]}, key=OPEN)[0] == 503
    aws.reset(Plan())
    assert activities(f"anonymous_id%3A{ANN}") == []


def test_the_consents_of_a_batch_are_one_read(aws: StrictAws) -> None:
    """One batch read a request, whatever it holds."""
    send(page(anonymousId=ANN))
    aws.reset(Plan())
    send(*(page(f"m{n}", anonymousId=str(uuid.uuid4()), userId=f"u{n}") for n in range(50)))
    assert aws.calls.count("BatchGetItem") == 1


def test_history_keeps_every_decision_with_its_text_and_repeats_do_not_fill_it(aws: StrictAws) -> None:
    for agreed in (True, True, False, False, True):
        say(ANN, agreed)
    _, profile = call(f"/profiles/anonymous_id%3A{ANN}")
    (tracking,) = profile["consents"]
    assert [one["agreed"] for one in tracking["history"]] == [True, False, True]
    (version,) = {one["text_version"] for one in tracking["history"]}
    assert catalogue.consent_versions("tracking")[0][0] == version


def test_history_is_bounded_and_the_last_word_stays(aws: StrictAws) -> None:
    """Invariant 10."""
    for agreed in (True, False) * 60:
        say(ANN, agreed)
    (tracking,) = call(f"/profiles/anonymous_id%3A{ANN}")[1]["consents"]
    assert (tracking["agreed"], len(tracking["history"])) == (False, 100)


@pytest.mark.parametrize(
    ("contact", "error"),
    [("user_id:42", Forbidden), ("1", InvalidInput), ("visitor-1", InvalidInput), ("a" * 201, InvalidInput)],
)
def test_a_public_key_decides_only_for_whoever_knows_an_unguessable_id(
    aws: StrictAws, contact: str, error: type[CdpError]
) -> None:
    with pytest.raises(error):
        say(contact, False)
    with pytest.raises(error):
        consents.status(key_of(ASKING), contact, "tracking")


def test_a_consent_that_nobody_defined_cannot_be_agreed_to(aws: StrictAws) -> None:
    with pytest.raises(NotFound):
        consents.decide(key_of(ASKING), ANN, "nothing", agreed=True, language=None)
