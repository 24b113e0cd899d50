"""Which type an event has, where it stands, what its row holds."""

import pytest

from cdp_core.domain.activity import code_name, copy_of, describe, row_of
from cdp_core.domain.envelope import Envelope, Event, envelope_key
from cdp_core.domain.times import DAY_MS

RECEIVED = 1_704_067_200_000


def envelope(received_at: int = RECEIVED) -> Envelope:
    """An envelope of the website channel."""
    key = envelope_key(received_at, b"random")
    return Envelope(key=key, received_at=received_at, channel="website", write_key="k", legal_basis="channel_default")


def track(name: str = "Song Played", *, time: int = RECEIVED, timestamp: str | None = None) -> Event:
    """A track event."""
    body = {"event": name, "properties": {"n": 1}}
    return Event(type="track", message_id="m1", user_id="42", time=time, timestamp=timestamp, body=body)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Song Played", "song_played"),
        ("  Größe -- geändert!", "grösse_geändert"),
        ("\ufb01le", "file"),
        ("!!!", "custom"),
        ("", "custom"),
        ("pagevisit", "pagevisit"),
        ("Form submission", "bizformsubmit"),
        ("PageVisit", "custom"),
        ("x" * 300, "x" * 100),
    ],
)
def test_an_event_name_gives_its_type_by_slug(name: str, code: str) -> None:
    """A built-in type needs its exact code name or display name: a near miss cannot pose as one."""
    assert code_name(name) == code


def test_identify_group_and_alias_are_not_activities() -> None:
    """They change details, accounts and links."""
    assert row_of(envelope(), Event(type="identify", message_id="m", user_id="42")) is None


def test_an_event_with_a_believable_time_is_one_row_at_that_time() -> None:
    """One write for an ordinary event."""
    row = row_of(envelope(), track())
    assert row is not None
    assert (row.time, row.position, row.shown_at) == (RECEIVED, None, RECEIVED)


@pytest.mark.parametrize("claimed", [0, RECEIVED + DAY_MS + 1])
def test_an_event_with_an_odd_time_is_a_stub_at_its_claim_and_a_copy_at_its_receipt(claimed: int) -> None:
    """Protocol section 8: the dedupe key never depends on a server clock."""
    stub = row_of(envelope(), track(time=claimed))
    assert stub is not None
    assert (stub.time, stub.shown_at) == (claimed, RECEIVED)
    copy = copy_of(stub)
    assert (copy.time, copy.claimed, copy.position) == (RECEIVED, claimed, None)


def test_an_activity_shows_its_time_as_it_was_sent() -> None:
    """The claim stays readable wherever the event was placed."""
    row = row_of(envelope(), track(time=0, timestamp="next tuesday"))
    assert row is not None
    assert describe(row)["timestamp"] == "next tuesday"


def test_an_activity_shows_what_the_client_sent_and_when_it_was_received() -> None:
    """Shape of design section 8."""
    row = row_of(envelope(), track())
    assert row is not None
    shown = describe(row)
    assert shown["type"] == "song_played"
    assert shown["event"] == "Song Played"
    assert shown["properties"] == {"n": 1}
    assert shown["received_at"] == "2024-01-01T00:00:00.000Z"
    assert shown["channel"] == "website"
    assert shown["legal_basis"] == "channel_default"
