"""Which profiles a list shows: what the index can find, and what is looked at afterwards."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cdp_core.domain.listing import ANONYMOUS, VERIFIED
from cdp_core.domain.times import day_of, parse_time

ALL = "all"
_FIRST_DAY, _LAST_DAY = "", "\U0010ffff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Conditions that all hold; None is no condition. Times in ms, `since` included and `until` not.

    Verification and `seen_since` drive the index; the others are looked at in what it finds.
    """

    verification: str = VERIFIED
    channel: str | None = None
    status: str | None = None
    activity_type: str | None = None
    seen_since: int | None = None
    seen_until: int | None = None
    created_since: int | None = None
    created_until: int | None = None

    def verifications(self) -> list[str]:
        """The parts of the index that can hold what is wanted."""
        return [VERIFIED, ANONYMOUS] if self.verification == ALL else [self.verification]

    def days(self) -> tuple[str, str]:
        """The span of index keys that can hold what is wanted.

        A profile is listed under the day of its last activity, or of its first receipt if that is later (what it did may
        be reported long after): so only the lower bound can be taken to the index.
        """
        return day_of(self.seen_since) if self.seen_since is not None else _FIRST_DAY, _LAST_DAY

    def takes(self, shown: Mapping[str, Any]) -> bool:
        """Whether a profile, as the API shows it, is wanted."""
        return (
            (self.verification == ALL or shown["verified"] == (self.verification == VERIFIED))
            and self.channel in (None, *shown["channels"])
            and self.status in (None, shown["status"])
            and self.activity_type in (None, *shown["activity_counts"]["by_type"])
            and _within(shown["last_seen_at"] or shown["created_at"], self.seen_since, self.seen_until)
            and _within(shown["created_at"], self.created_since, self.created_until)
        )


def _within(shown: str | None, since: int | None, until: int | None) -> bool:
    if since is None and until is None:
        return True
    at = parse_time(shown)
    return at != 0 and (since is None or since <= at) and (until is None or at < until)
