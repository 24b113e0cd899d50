"""Receipts of events: where an event is and why not, for certain where it left a trace, by the rules where it did not."""

from typing import Any
from urllib.parse import quote, urlencode

import pytest

from cdp_core import clock
from cdp_core.domain.times import iso
from cdp_core.tables import activities, channels
from cdp_core.usecases import consents, event_receipt
from tests.double import Plan, StrictAws, strict_aws
from tests.double.memory import Memory
from tests.integration.test_profiles_api import call, identify, page
from tests.support.product import WRITE_KEY, batch, drain_all, seed_keys, user, visitor

START = 1_770_000_000_000  # shortly after the events' own time
SENT = "2026-01-02T03:04:00.000Z"
MINUTE, DAY = 60_000, 86_400_000


class Clock:
    """The time of this test (ms)."""

    now = START


@pytest.fixture(autouse=True)
def _time(aws: StrictAws, monkeypatch: pytest.MonkeyPatch) -> None:
    Clock.now = START
    monkeypatch.setattr(clock, "now_ms", lambda: Clock.now)
    seed_keys()


def ask(message_id: str, key: str | None = None, **query: str) -> dict[str, Any]:
    """The receipt of an event."""
    path = f"/receipts/{quote(message_id, safe='')}?{urlencode({'id': 'user_id:42', **query})}"
    status, found = call("GET", path, key=key) if key else call("GET", path)
    assert status == 200, found
    result: dict[str, Any] = found
    return result


def test_a_stored_activity_is_found_by_any_identifier_of_the_person() -> None:
    """Events are stored under the strongest identifier that they carry; the whole profile is looked through."""
    batch(page("v1", anonymousId="anon"))
    drain_all()
    batch(page("u1", userId="42", anonymousId="anon"))
    drain_all()
    for message_id in ("v1", "u1"):
        for name in ("user_id:42", "anonymous_id:anon", user("42").id, visitor("anon").id):
            found = ask(message_id, id=name, timestamp=SENT)
            assert (found["status"], found["certain"], found["profile_id"]) == ("stored", True, user("42").id)
            assert (found["activity"]["message_id"], found["activity"]["type"]) == (message_id, "pagevisit")
    assert ask("v1", timestamp="2026-01-02T04:04:00+01:00")["status"] == "stored"


def test_without_a_timestamp_the_latest_activities_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounded: what is older, or further back than a thousand, is unknown in the window."""
    recent = iso(Clock.now - DAY)
    batch(page("old", userId="42"), {**page("recent", userId="42"), "timestamp": recent})
    drain_all()
    assert ask("recent")["status"] == "stored"
    found = ask("old")
    assert (found["status"], found["certain"], found["activity"]) == ("unknown_in_window", False, None)
    assert "timestamp" in found["explanation"]
    assert ask("old", timestamp=SENT)["status"] == "stored"
    monkeypatch.setattr(event_receipt, "_ROWS", 1)
    batch({**page("newer", userId="42"), "timestamp": iso(Clock.now)})
    drain_all()
    assert [ask(one)["status"] for one in ("newer", "recent")] == ["stored", "unknown_in_window"]


@pytest.mark.parametrize("timestamp", ["2090-01-01T00:00:00Z", "yesterday", None, "1970-01-01T00:00:00Z"])
def test_an_event_with_an_odd_time_is_found_where_it_is_shown(timestamp: str | None) -> None:
    """Protocol section 8: a stub under its claim, or under no time, and a copy where the timeline has it."""
    event = page("odd", userId="42")
    batch({**event, "timestamp": timestamp} if timestamp else {k: v for k, v in event.items() if k != "timestamp"})
    drain_all()
    found = ask("odd", **({"timestamp": timestamp} if timestamp == "2090-01-01T00:00:00Z" else {}))
    assert (found["status"], found["certain"]) == ("stored", True)
    assert found["activity"]["occurred_at"] == iso(START)


def test_a_repeat_is_a_duplicate_when_its_own_receipt_is_named() -> None:
    """The first one stays; nothing is written for the other."""
    for _ in range(2):
        batch(page("p", userId="42"))
        drain_all()
        Clock.now += 10 * MINUTE
    assert ask("p", timestamp=SENT)["status"] == "stored"
    assert ask("p", timestamp=SENT, received_at=iso(START))["status"] == "stored"
    found = ask("p", timestamp=SENT, received_at=iso(START + 10 * MINUTE))
    assert (found["status"], found["rule"], found["activity"]["received_at"]) == ("duplicate", "duplicate", iso(START))


def test_details_links_and_accounts_say_which_event_they_are_from() -> None:
    """Identify, alias and group are no activities."""
    batch(identify("42", email="a@b.c", plan="pro"))
    batch({"type": "alias", "messageId": "a", "timestamp": SENT, "userId": "42", "previousId": "anon"})
    batch(
        {"type": "group", "messageId": "g", "timestamp": SENT, "userId": "42", "groupId": "acme", "traits": {"size": 3}}
    )
    drain_all()
    found = ask("i-42")
    assert (found["status"], found["certain"], found["activity"]) == ("stored", True, None)
    assert "email" in found["fields"]
    assert ask("a", id="anonymous_id:anon")["fields"] == ["link"]
    assert ask("g")["fields"] == ["account.custom.size"]
    batch({**identify("42", email="c@d.e", plan="free"), "messageId": "later", "timestamp": "2026-01-03T00:00:00Z"})
    drain_all()
    assert ask("i-42", timestamp=SENT)["status"] == "unknown"
    assert "replaced" in ask("i-42", timestamp=SENT)["explanation"]


def test_a_dead_letter_says_why() -> None:
    """With its reason; the words may repeat what was sent, so only some see them."""
    batch({"type": "track", "messageId": "bad", "timestamp": SENT, "userId": "42"}, page("good", userId="42"))
    drain_all()
    found = ask("bad", timestamp=SENT)
    assert (found["status"], found["reason"], found["certain"]) == ("dead_lettered", "missing_event_name", True)
    assert "event" in found["detail"]
    assert ask("bad", key=viewer())["detail"] is None


def viewer() -> str:
    """A key that sees no personal data."""
    return str(call("POST", "/admin-keys", {"name": "Viewer", "role": "viewer"})[1]["key"])


def test_a_viewer_learns_where_an_event_is_and_nothing_of_the_person() -> None:
    """Personal data is hidden; an address may not even be asked for."""
    batch({**page("p", userId="42"), "properties": {"title": "Divorce"}}, identify("42", email="a@b.c", diet="vegan"))
    drain_all()
    key = viewer()
    found = ask("p", key=key, timestamp=SENT)
    assert (found["status"], found["hidden"], found["activity"]["properties"]) == ("stored", True, {})
    assert "Divorce" not in str(found)
    assert ask("i-42", key=key)["fields"] == []
    assert call("GET", "/receipts/p?id=email%3Aa%40b.c", key=key)[0] == 403
    assert call("GET", "/receipts/p?id=EMAIL%3Aa%40b.c", key=key)[0] == 403
    assert ask("p", id="email:a@b.c", timestamp=SENT)["status"] == "stored"


def test_an_erased_event_is_told_without_any_trace_of_it() -> None:
    """By the epoch of the id that was asked for, or by the time."""
    batch(page("p", userId="42"))
    drain_all()
    old = user("42").id
    call("DELETE", "/profiles/user_id%3A42")
    found = ask("p", timestamp=SENT)
    assert (found["status"], found["rule"], found["certain"], found["profile_id"]) == ("erased", "erased", False, None)
    assert ask("p")["status"] == "erased"
    assert (ask("p", id=old)["status"], ask("p", id=old)["certain"]) == ("erased", True)
    Clock.now += MINUTE
    batch({**page("new", userId="42"), "timestamp": iso(Clock.now)})
    drain_all()
    assert ask("new")["status"] == "stored"
    assert ask("new")["profile_id"] == f"{old}.1"
    assert ask("p", timestamp=SENT)["status"] == "erased"
    assert ask("p")["status"] == "unknown_in_window"
    assert ask("p", id=old)["status"] == "erased"


def test_a_suppressed_event_follows_from_when_it_was_received() -> None:
    """Nothing is stored of it, so it is never certain."""
    call("POST", "/suppressions", {"kind": "user_id", "value": "42"})
    Clock.now += MINUTE
    batch({**page("p", userId="42"), "timestamp": iso(Clock.now)})
    drain_all()
    found = ask("p", timestamp=iso(Clock.now))
    assert (found["status"], found["rule"], found["certain"]) == ("suppressed", "suppressed", False)
    assert ask("p")["status"] == "suppressed"
    assert ask("p", timestamp=SENT)["status"] == "unknown"
    assert ask("p", timestamp=SENT, received_at=iso(Clock.now))["status"] == "suppressed"
    call("DELETE", f"/suppressions/{user('42').id}")
    Clock.now += MINUTE
    assert ask("p")["status"] == "unknown_in_window"
    assert ask("p", timestamp=iso(Clock.now - MINUTE))["status"] == "unknown"
    assert ask("p", timestamp=iso(Clock.now - MINUTE - 1))["status"] == "suppressed"


CONTACT = "3d0a8b52-6c0f-4a3e-9d2e-0a3b1c5d7e9f"


def test_a_withheld_event_follows_from_the_consents_of_then(aws: StrictAws) -> None:
    """Nothing may be stored of it at all."""
    call(
        "POST", "/consents", {"code_name": "tracking", "name": "Tracking", "texts": {"en": {"short": "s", "full": "f"}}}
    )
    decide(agreed=True)
    Clock.now += MINUTE
    decide(agreed=False)
    Clock.now += MINUTE
    aws.reset(Plan())
    batch({**page("p", anonymousId=CONTACT), "timestamp": iso(Clock.now)})
    drain_all()
    found = ask("p", id=f"anonymous_id:{CONTACT}", timestamp=iso(Clock.now))
    assert (found["status"], found["rule"], found["certain"]) == ("consent_withheld", "consent_withheld", False)
    assert "website" in found["explanation"]
    before = ask("p", id=f"anonymous_id:{CONTACT}", timestamp=iso(Clock.now - 2 * MINUTE))
    assert before["status"] == "unknown"
    assert ask("p", id="anonymous_id:somebody-else")["status"] == "unknown_in_window"


def decide(*, agreed: bool) -> None:
    """The person agrees or withdraws, as the website lets them."""
    key = channels.find_write_key(WRITE_KEY)
    assert key is not None
    consents.decide(key, CONTACT, "tracking", agreed=agreed, language=None)


def test_a_disabled_type_is_told_when_the_type_is_named() -> None:
    """Track drops it before the queue."""
    call("PATCH", "/activity-types/pagevisit", {"enabled": False})
    found = ask("p", timestamp=SENT, type="pagevisit")
    assert (found["status"], found["rule"], found["certain"]) == ("dropped", "type_disabled", False)
    assert "pagevisit" in ask("p", timestamp=SENT)["explanation"]
    assert ask("p", timestamp=SENT, type="click")["status"] == "unknown"


def test_what_is_still_queued_is_unknown_and_says_so() -> None:
    """The queue cannot be searched."""
    batch(page("p", userId="42"))
    found = ask("p", timestamp=SENT)
    assert (found["status"], found["certain"], found["profile_id"]) == ("unknown", False, None)
    assert "queued" in found["explanation"]
    drain_all()
    assert ask("p", timestamp=SENT)["status"] == "stored"


def test_what_cannot_be_asked_is_refused_by_name() -> None:
    """400 names the parameter."""
    for query, field in (
        ("", "id"),
        ("id=", "id"),
        ("id=phone%3A1", "kind"),
        ("id=user_id%3A42&timestamp=yesterday", "timestamp"),
        ("id=user_id%3A42&received_at=1", "received_at"),
        (f"id=user_id%3A42&type={'x' * 201}", "type"),
        (f"id={'x' * 300}", "id"),
    ):
        status, answer = call("GET", f"/receipts/m?{query}")
        assert (status, field in answer["error"]["message"]) == (400, True), query
    assert call("GET", f"/receipts/{'m' * 201}?id=user_id%3A42")[0] == 400
    assert call("GET", "/receipts/m?id=nobody")[0] == 404
    assert call("GET", "/receipts/m?id=email%3Anobody%40b.c")[0] == 404
    for odd in ("a/b", "%", "\u0001", "🙂", "..", "#"):
        assert ask(odd)["status"] == "unknown_in_window"


def test_a_receipt_writes_nothing_and_reads_within_bounds() -> None:
    """Even for a profile of many identifiers."""
    with strict_aws(memory=Memory()) as aws:
        seed_keys()
        for n in range(30):
            batch({**page(f"p{n}", userId="42", anonymousId=f"anon-{n}"), "timestamp": iso(Clock.now)})
        drain_all()
        before = aws.items("profiles"), aws.items("activities")
        aws.reset(Plan())
        assert ask("p7", timestamp=iso(Clock.now))["status"] == "stored"
        exact = len(aws.calls)
        aws.reset(Plan())
        assert ask("nowhere")["status"] == "unknown_in_window"
        assert exact <= 8
        assert len(aws.calls) <= 3 * 31 + 15
        assert (aws.items("profiles"), aws.items("activities")) == before


def test_a_stub_whose_copy_is_not_written_yet_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its owner writes the copy next."""
    batch({**page("odd", userId="42"), "timestamp": "2090-01-01T00:00:00Z"})
    drain_all()
    monkeypatch.setattr(activities, "load_copy", lambda leaf, epoch, stub: None)
    found = ask("odd", timestamp="2090-01-01T00:00:00Z")
    assert (found["status"], found["activity"]["properties"]) == ("stored", {})
