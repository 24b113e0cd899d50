"""Time, people and jobs of suppression's tests."""

from typing import Any

from cdp_core.config import settings
from cdp_core.usecases import jobs
from cdp_core.wire.segment import reread
from tests.double import StrictAws
from tests.integration.test_profiles_api import identify, page
from tests.support.product import batch, drain_all

START = 1_900_000_000_000
DAY = 86_400_000
WHO = {"kind": "user_id", "value": "42", "reason": "request"}


class Clock:
    """The time of this test (ms)."""

    now = START


def later(ms: int = 60_000) -> None:
    """Time passes."""
    Clock.now += ms


def fill() -> None:
    """A person with two identifiers and a page visit each."""
    batch(page("v1", anonymousId="anon"))
    drain_all()
    batch(page("u1", userId="42", anonymousId="anon"), identify("42", email="a@b.c"))
    drain_all()
    later()


def finish(job_id: str) -> dict[str, Any]:
    """Works the job to its end."""
    for _ in range(12):
        jobs.work_jobs(lambda: 60_000, reread)
        later(settings().erasure_wait_seconds * 1000 + 100_000)
        if jobs.job_view(job_id)["status"] == "done":
            return jobs.job_view(job_id)
    raise AssertionError("the job never ended")


def stored(aws: StrictAws) -> set[str]:
    """The message ids of all activities that are stored."""
    return {item["sk"]["S"].partition("#")[2] for item in aws.items("activities")}
