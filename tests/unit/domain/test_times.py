"""How client clocks are read (protocol section 8; failures F10)."""

import pytest

from cdp_core.domain.times import DAY_MS, NO_TIME, iso, parse_time, position

NEW_YEAR_2024 = 1_704_067_200_000


@pytest.mark.parametrize(
    ("text", "millis"),
    [
        ("2024-01-01T00:00:00.000Z", NEW_YEAR_2024),
        ("2024-01-01T00:00:00Z", NEW_YEAR_2024),
        ("2024-01-01 00:00:00", NEW_YEAR_2024),
        ("2024-01-01", NEW_YEAR_2024),
        ("2024-01-01T02:00:00.5+02:00", NEW_YEAR_2024 + 500),
        ("2024-01-01T00:00:00.123456+00:00", NEW_YEAR_2024 + 123),
        ("2024-1-1T00:00:00.000Z", NEW_YEAR_2024),
        ("2023-12-31T23:59:60Z", NEW_YEAR_2024),
    ],
)
def test_a_usable_time_is_read_to_the_millisecond(text: str, millis: int) -> None:
    """Every form that SDKs were seen to send, leap seconds and one-digit months included."""
    assert parse_time(text) == millis


@pytest.mark.parametrize(
    "value",
    [None, 1_704_067_200, "", "yesterday", "1999-12-31T23:59:59.999Z", "2100-01-01T00:00:00Z", "2024-02-30", "0001-01-01",
     "9999-12-31T00:00:00Z", "2024-01-01T00:00:00+99:99", "2" * 100],
)  # fmt: skip
def test_an_unusable_time_is_no_time(value: object) -> None:
    """What cannot be read or lies outside 2000..2099 places nothing and raises nothing."""
    assert parse_time(value) == NO_TIME


@pytest.mark.parametrize("ahead", [0, DAY_MS])
def test_a_claim_up_to_a_day_ahead_is_believed(ahead: int) -> None:
    """Skewed clocks are ordinary."""
    assert position(NEW_YEAR_2024 + ahead, NEW_YEAR_2024) == NEW_YEAR_2024 + ahead


@pytest.mark.parametrize("claimed", [NO_TIME, NEW_YEAR_2024 + DAY_MS + 1])
def test_a_claim_that_is_missing_or_too_far_ahead_is_placed_at_its_receipt(claimed: int) -> None:
    """A clock in 2031 cannot freeze a trait."""
    assert position(claimed, NEW_YEAR_2024) == NEW_YEAR_2024


def test_an_instant_reads_back_as_it_was_shown() -> None:
    """What the API shows is what a client may send again."""
    assert parse_time(iso(NEW_YEAR_2024 + 7)) == NEW_YEAR_2024 + 7
