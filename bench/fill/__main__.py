"""Sends made-up people to a running platform and waits until the last one is there.

    make fill PROFILES=100000 [PORT=8787] [SEED=1]

Everything goes the way of real events: batches to the tracking API, the queue, the flush. The same seed makes the same
people, with the same message ids: a run that was stopped may be started again, and adds what is missing.
"""

import argparse
import base64
import json
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from bench.fill.people import events, last_of

BATCH = 500  # events a request; the tracking API takes 2 500
ADMIN_KEY, SECRET_KEY = "local-admin-key", "local-secret-key"


def main() -> None:
    """Reads the options and fills the platform."""
    options = argparse.ArgumentParser(prog="make fill", description=__doc__)
    options.add_argument("--profiles", type=int, default=100_000)
    options.add_argument("--port", type=int, default=8787)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    _fill(f"http://127.0.0.1:{given.port}", given.profiles, given.seed)


def _fill(address: str, profiles: int, seed: int) -> None:
    began, sent, shown = time.monotonic(), 0, 0.0
    for number, batch in _batches(profiles, seed):
        _send(address, batch)
        sent += len(batch)
        if time.monotonic() - shown > 2:
            shown = time.monotonic()
            _say(f"{number:,} of {profiles:,} people sent, {sent:,} events, {sent / (shown - began):,.0f} a second")
    seconds = time.monotonic() - began
    _say(f"{profiles:,} people sent, {sent:,} events in {seconds:,.0f} s; waiting for the flush ...", end="\n")
    _wait(address, *last_of(profiles, seed))
    seconds = time.monotonic() - began
    print(
        f"done: {profiles:,} people with {sent:,} events after {seconds:,.0f} s, {sent / seconds:,.0f} events a second"
    )


def _batches(profiles: int, seed: int) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """Batches of events, each with the number of people up to its end."""
    batch: list[dict[str, Any]] = []
    for number, mine in enumerate(events(profiles, seed), start=1):
        batch += mine
        if len(batch) >= BATCH:
            yield number, batch
            batch = []
    if batch:
        yield profiles, batch


def _send(address: str, batch: list[dict[str, Any]]) -> None:
    """Sends a batch until it was taken; what fails for a moment is sent again, and counts once."""
    key = base64.b64encode(f"{SECRET_KEY}:".encode()).decode()
    headers = {"Content-Type": "application/json", "Authorization": f"Basic {key}"}
    body = json.dumps({"batch": batch}).encode()
    for attempt in range(10):
        try:
            urllib.request.urlopen(urllib.request.Request(f"{address}/v1/batch", body, headers), timeout=60).close()
            return
        except urllib.error.HTTPError as error:
            if error.code < 429:
                sys.exit(f"the platform refused a batch: {error.code} {error.read().decode()[:300]}")
        except OSError:
            pass
        time.sleep(min(5, 0.2 * 2**attempt))
    sys.exit(f"nobody answers at {address}; is `make run` running?")


def _wait(address: str, kind: str, value: str) -> None:
    """Until the last person can be read."""
    url = f"{address}/profiles/{quote(f'{kind}:{value}', safe='')}"
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {ADMIN_KEY}"})
    while True:
        try:
            urllib.request.urlopen(request, timeout=60).close()
            return
        except urllib.error.HTTPError as error:
            if error.code not in (404, 429, 503):
                raise
        time.sleep(2)


def _say(text: str, *, end: str = "") -> None:
    print(f"\r{text:<100}", end=end, flush=True)


if __name__ == "__main__":
    main()
