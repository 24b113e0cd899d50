"""Imports as an admin drives them in a test, with the time in the test's hands."""

from typing import Any

import pytest

from cdp_core import clock
from cdp_core.usecases import jobs
from cdp_core.wire.segment import reread
from tests.integration.test_profiles_api import call
from tests.support.product import seed_keys

START = 1_900_000_000_000
COLUMNS = {"E": "email", "F": "first_name", "C": "city"}


class Clock:
    """The time of this test (ms)."""

    now = START


def begin(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock at its start, and channels to send from."""
    Clock.now = START
    monkeypatch.setattr(clock, "now_ms", lambda: Clock.now)
    seed_keys()


def make(
    csv: str | None, *, columns: dict[str, str | None] | None = None, mode: str = "overwrite", **more: Any
) -> dict[str, Any]:
    """A new import, half a minute after whatever came before."""
    Clock.now += 30_000
    body = {"key": "email", "mode": mode, "columns": columns or COLUMNS, **more}
    status, made = call("POST", "/imports", body | ({} if csv is None else {"csv": csv}))
    assert status == 201, made
    return dict(made)


def start(import_id: str) -> None:
    """Starts it and works its job to the end."""
    status, job = call("POST", f"/imports/{import_id}/start")
    assert (status, job["job_id"], job["type"]) == (202, import_id, "import"), job
    finish(import_id)


def finish(import_id: str) -> None:
    """Works all jobs until this one is at its end."""
    for _ in range(40):
        Clock.now += 1_000
        jobs.work_jobs(lambda: 60_000, reread)
        if call("GET", f"/jobs/{import_id}")[1]["status"] in ("done", "failed"):
            return
    raise AssertionError("the job never ended")


def load(csv: str, **more: Any) -> str:
    """Imports a small file; the import's id."""
    import_id = str(make(csv, **more)["import_id"])
    start(import_id)
    return import_id


def counts(import_id: str) -> dict[str, int]:
    """The outcomes that there were; their sum is the number of rows."""
    found = call("GET", f"/imports/{import_id}")[1]["counts"]
    rows = found.pop("rows")
    assert sum(found.values()) == rows
    return {name: count for name, count in found.items() if count}


def report(import_id: str, query: str = "") -> list[dict[str, Any]]:
    """The whole report, page by page."""
    items, cursor = [], ""
    while True:
        status, found = call("GET", f"/imports/{import_id}/report?limit=7{query}{cursor}")
        assert status == 200, found
        items += found["items"]
        if found["cursor"] is None:
            return items
        cursor = f"&cursor={found['cursor']}"


def person(text: str) -> dict[str, Any] | None:
    """The contact of whoever is meant, or None."""
    status, profile = call("GET", f"/profiles/{text.replace(':', '%3A')}")
    return dict(profile["contact"]) if status == 200 else None
