"""Prints what an import costs a row: AWS calls, units and time, by mode and by whether the people are there already.

    PYTHONPATH=layers/cdp_core:. python bench/import_rows.py

On the strict double with the engine in memory: the calls and units are AWS's, the time is this machine's without any network.
"""

import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "layers" / "cdp_core")]

from cdp_core.usecases import jobs  # noqa: E402
from cdp_core.wire.segment import reread  # noqa: E402
from tests.double import StrictAws, strict_aws  # noqa: E402
from tests.double.memory import Memory  # noqa: E402
from tests.support.product import ADMIN_KEY, Context, function, request, seed_keys  # noqa: E402

ROWS = 2_000


def call(method: str, path: str, body: Any = None) -> dict[str, Any]:
    """Asks the profiles API."""
    event = request(method, path, json.dumps(body) if body else "", authorization=f"Bearer {ADMIN_KEY}")
    answer: dict[str, Any] = json.loads(function("profiles_api").handler(event, Context())["body"])
    return answer


def load(aws: StrictAws, key: str, mode: str, city: str) -> tuple[Counter[str], float]:
    """Imports ROWS rows; the calls of the job by operation, and its seconds."""
    columns = {"E": "email", "F": "first_name", "C": "city"} | ({"U": "user_id"} if key == "user_id" else {"U": None})
    csv = "U,E,F,C\n" + "".join(f"u{n},p{n}@example.com,First{n},{city}\n" for n in range(ROWS))
    made = call("POST", "/imports", {"key": key, "mode": mode, "columns": columns, "csv": csv})
    call("POST", f"/imports/{made['import_id']}/start")
    aws.reset()
    began = time.perf_counter()
    while call("GET", f"/jobs/{made['import_id']}")["status"] != "done":
        jobs.work_jobs(lambda: 60_000, reread)
    return Counter(aws.calls), time.perf_counter() - began


def main() -> None:
    """Prints a line for each kind of import."""
    print(
        f"{'key':<8} {'what':<28} {'calls/row':>9} {'write units':>11} {'read units':>10} {'rows/s':>7}  by operation"
    )
    for key in ("user_id", "email"):
        with strict_aws(memory=Memory()) as aws:
            seed_keys()
            for what, mode, city in (
                ("new people", "overwrite", "Rome"),
                ("the same again", "overwrite", "Rome"),
                ("another value", "overwrite", "Oslo"),
                ("left alone", "skip", "Paris"),
                ("erased", "delete", ""),
            ):
                calls, seconds = load(aws, key, mode, city)
                writes, reads = aws.write_units.total() / ROWS, aws.read_units.total() / ROWS
                named = ", ".join(f"{name} {count / ROWS:.2f}" for name, count in calls.most_common(6))
                print(
                    f"{key:<8} {what:<28} {calls.total() / ROWS:>9.2f} {writes:>11.2f} {reads:>10.2f} "
                    f"{ROWS / seconds:>7.0f}  {named}"
                )


if __name__ == "__main__":
    main()
