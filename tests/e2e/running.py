"""A `make run` of the tests' own: free port, state in a folder of its own, a flush every second."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
_START_SECONDS = 180
_PATIENCE_SECONDS = 60
ADMIN = {"Authorization": "Bearer local-admin-key"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


class Running:
    """A started `make run`."""

    def __init__(self, state: Path, *, port: int | None = None) -> None:
        self.port = port or free_port()
        self.output = state.with_suffix(f".{self.port}.out")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        environment |= {"PORT": str(self.port), "FLUSH_INTERVAL_SECONDS": "1", "LOCAL_STATE": str(state)}
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                ["make", "run"],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_until_ready(self) -> "Running":
        """Waits for the line that says so."""
        wait_for(lambda: "ready:" in self.printed() or self.process.poll() is not None, seconds=_START_SECONDS)
        assert self.process.poll() is None, self.printed()
        return self

    def printed(self) -> str:
        """What the terminal shows so far."""
        return self.output.read_text(errors="replace")

    def interrupt(self) -> None:
        """ctrl-C, as a terminal sends it: to make and to what it runs."""
        os.killpg(self.process.pid, signal.SIGINT)
        self.process.wait(timeout=_PATIENCE_SECONDS)

    def kill(self) -> None:
        """The worst that can happen to the run itself; the engine has a session of its own."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=_PATIENCE_SECONDS)

    def here(self, text: str) -> str:
        """A text of the README with this run's port."""
        return re.sub(r"127\.0\.0\.1:8787", f"127.0.0.1:{self.port}", text)

    def request(self, method: str, path: str, *, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Answer:
        """One request, its path sent as it is."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_PATIENCE_SECONDS)
        try:
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            return Answer(answer.status, {n.lower(): v for n, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def get(self, path: str) -> Answer:
        """A request of an admin."""
        return self.request("GET", path, headers=ADMIN)

    def wait_for_events(self, profile: str, total: int) -> dict[str, Any]:
        """The profile, once it has so many activities."""
        wait_for(lambda: _total(self.get(f"/profiles/{profile}")) >= total)
        return dict(self.get(f"/profiles/{profile}").json)


def _total(answer: Answer) -> int:
    return int(answer.json["activity_counts"]["total"]) if answer.status == 200 else 0


def wait_for(condition: Callable[[], bool], *, seconds: float = _PATIENCE_SECONDS) -> None:
    """Polls until the condition holds; fails if it never does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.2)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
