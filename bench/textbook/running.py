"""Starts the engine and the contenders, and ends them."""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

from tests.double.strict import ENVIRONMENT, IN_MEMORY


@contextmanager
def endpoint() -> Iterator[dict[str, str]]:
    """A running engine; the environment of functions that talk to it."""
    paths = {"PYTHONPATH": os.pathsep.join(["layers/cdp_core", "."])}
    process = _started("bench.textbook.endpoint", environment={**os.environ, **paths})
    try:
        assert process.stdout
        url = f"http://127.0.0.1:{process.stdout.readline().strip()}"
        yield {**os.environ, **ENVIRONMENT, **IN_MEMORY, **paths, "AWS_ENDPOINT_URL": url}
    finally:
        process.kill()
        process.wait()


@contextmanager
def contenders(names: list[str], environment: dict[str, str]) -> Iterator[dict[str, "Contender"]]:
    """The contenders by name, all of them started."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(_contender(name, environment)) for name in names}


@contextmanager
def _contender(name: str, environment: dict[str, str]) -> Iterator["Contender"]:
    process = _started("bench.textbook.contender", name, environment=environment)
    try:
        yield Contender(process)
    finally:
        process.kill()
        process.wait()


class Contender:
    """A process that measures itself."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def measured(self, events: int, requests: int) -> tuple[float, float]:
        """CPU (us) and bytes of logs of an event when so many requests bring so many each."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{events} {requests}\n")
        self._process.stdin.flush()
        cpu, logs = json.loads(self._process.stdout.readline())
        return cpu, logs


def flushed(name: str, environment: dict[str, str], *numbers: int) -> "Flushed":
    """What a flush measured of itself in its second turn, and what the engine was asked for it."""
    process = _started("bench.textbook.flusher", name, *map(str, numbers), environment=environment)
    assert process.stdin
    assert process.stdout
    for _ in range(4):  # tracking and flushing, twice
        process.stdout.readline()
        counts = told(environment, "Counts")
        process.stdin.write("go\n")
        process.stdin.flush()
    figures: dict[str, float] = json.loads(process.stdout.readline())
    process.wait()
    return Flushed(figures, track=counts, flush=told(environment, "Counts"))


class Flushed(NamedTuple):
    """Events, CPU and seconds of a flush, and what tracking and flushing them asked of the engine."""

    figures: dict[str, float]
    track: dict[str, int]
    flush: dict[str, int]


def told(environment: dict[str, str], operation: str, **arguments: Any) -> dict[str, int]:
    """Tells the engine how to go on; what it was asked since the last time."""
    headers = {"X-Amz-Target": f"Bench.{operation}"}
    asked = urllib.request.Request(environment["AWS_ENDPOINT_URL"], json.dumps(arguments).encode(), headers)
    with urllib.request.urlopen(asked) as answer:
        counts: dict[str, int] = json.load(answer)
        return counts


def _started(module: str, *arguments: str, environment: dict[str, str]) -> "subprocess.Popen[str]":
    command = [sys.executable, "-W", "ignore", "-m", module, *arguments]
    return subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
