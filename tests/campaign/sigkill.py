"""SIGKILL for the function processes of a running `make run`, under load; then every count must be exact.

python -m tests.campaign.sigkill --events 2000 --kills 10 --seed 1
"""

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e.running import Running, wait_for
from tests.support.product import WRITE_KEY, basic

USERS = 20
A_REQUEST = 20
_REST_SECONDS = 300  # messages in flight come back after their visibility, and the schedule has its minute


@dataclass(slots=True)
class Load:
    """Events of a seed, some of them sent again with the same ids, as clients do; and what must be there at the end."""

    events: int
    seed: int
    requests: list[bytes] = field(default_factory=list)
    expected: dict[str, dict[str, str]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    resent: int = 0

    def __post_init__(self) -> None:
        dice = random.Random(self.seed)
        events = [self._event(dice, number) for number in range(self.events)]
        for at in range(0, self.events, A_REQUEST):
            body = json.dumps({"batch": events[at : at + A_REQUEST]}).encode()
            self.requests.append(body)
            if dice.random() < 0.2:
                self.resent += 1
                self.requests.insert(dice.randrange(len(self.requests)), body)

    def _event(self, dice: random.Random, number: int) -> dict[str, Any]:
        user, kind = f"user-{dice.randrange(USERS)}", dice.choice(("page", "track", "track", "identify"))
        time_ = f"2026-01-02T{number // 3600 % 24:02d}:{number // 60 % 60:02d}:{number % 60:02d}.000Z"
        event: dict[str, Any] = {"type": kind, "userId": user, "messageId": f"{self.seed}-{number}", "timestamp": time_}
        if kind == "identify":
            event["traits"] = {"name": f"Name {number}"}
            self.names[user] = f"Name {number}"
        else:
            event |= {"event": f"Event {dice.randrange(3)}"} if kind == "track" else {}
            type_ = "pagevisit" if kind == "page" else event["event"].replace(" ", "_").lower()
            self.expected.setdefault(user, {})[event["messageId"]] = type_
        return event


def function_processes(state: Path) -> list[int]:
    """The processes in which this run's engine executes functions, told by their environment."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            environment = (entry / "environ").read_bytes() if entry.name.isdigit() else b""
        except OSError:
            continue
        is_ours = f"CDP_LOCAL_FUNCTION_LOG={state}".encode() in environment
        if is_ours and b"AWS_LAMBDA_FUNCTION_NAME=" in environment and int(entry.name) != os.getpid():
            found.append(int(entry.name))
    return found


def run(running: Running, state: Path, *, events: int, kills: int, seed: int) -> dict[str, int]:
    """Sends the load while processes are killed; then compares each person's message ids, counters and name. The figures."""
    load, killed, stop = Load(events, seed), Counter[str](), threading.Event()
    killer = threading.Thread(target=_kill_now_and_then, args=(state, kills, seed, stop, killed))
    killer.start()
    for body in load.requests:
        _send(running, body)
    killer.join()
    stop.set()
    wait_for(lambda: _totals(running) == {user: len(ids) for user, ids in load.expected.items()}, seconds=_REST_SECONDS)
    wrong = [user for user in load.expected if not _is_exact(running, user, load)]
    assert not wrong, f"seed {seed}: {wrong} are not exact"
    return {
        "events": events,
        "requests": len(load.requests),
        "resent": load.resent,
        "people": len(load.expected),
        "kills": killed["done"],
    }


def _kill_now_and_then(state: Path, kills: int, seed: int, stop: threading.Event, killed: "Counter[str]") -> None:
    dice = random.Random(seed)
    while killed["done"] < kills and not stop.wait(dice.uniform(0.2, 2.0)):
        for process in dice.sample(found := function_processes(state), min(1, len(found))):
            os.kill(process, signal.SIGKILL)
            killed["done"] += 1


def _send(running: Running, body: bytes) -> None:
    """As an SDK does: again until it is taken."""
    headers = {"Authorization": basic(WRITE_KEY), "Content-Type": "application/json"}

    def is_taken() -> bool:
        try:
            return running.request("POST", "/v1/batch", body=body, headers=headers).status == 200
        except OSError:
            return False

    wait_for(is_taken, seconds=120)


def _totals(running: Running) -> dict[str, int]:
    answers = {f"user-{n}": running.get(f"/profiles/user_id%3Auser-{n}") for n in range(USERS)}
    return {
        user: answer.json["activity_counts"]["total"]
        for user, answer in answers.items()
        if answer.status == 200 and answer.json["activity_counts"]["total"]
    }


def _is_exact(running: Running, user: str, load: Load) -> bool:
    profile = running.get(f"/profiles/user_id%3A{user}").json
    shown = dict(_timeline(running, user))
    expected = load.expected[user]
    return bool(
        shown == expected
        and profile["activity_counts"]["by_type"] == dict(Counter(expected.values()))
        and profile["contact"].get("name") == load.names.get(user)
    )


def _timeline(running: Running, user: str) -> Iterator[tuple[str, str]]:
    cursor = ""
    while cursor is not None:
        page = running.get(
            f"/profiles/user_id%3A{user}/activities?limit=100" + (f"&cursor={cursor}" if cursor else "")
        ).json
        yield from ((one["message_id"], one["type"]) for one in page["items"])
        cursor = page["cursor"]


def main() -> None:
    """Starts a run of its own, and prints the figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign.sigkill")
    for name, default in (("events", 2_000), ("kills", 10), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        state, began = Path(folder) / "state", time.monotonic()
        running = Running(state)
        try:
            figures = run(
                running.wait_until_ready(), state, events=options.events, kills=options.kills, seed=options.seed
            )
        finally:
            running.interrupt()
    sys.stdout.write(f"{figures}, {time.monotonic() - began:.0f} s: every count exact\n")


if __name__ == "__main__":
    main()
