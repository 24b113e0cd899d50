"""What starting costs: CPU of imports in fresh interpreters, with bytecode in place as in the packages, and instructions."""

import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

BASE = (
    "import datetime, decimal, importlib, json, logging, os, sys, time, traceback\n"  # what Lambda's runtime client has
)
TRACK = "sys.path[:0] = ['functions/track', 'layers/cdp_core', '.']\n"
STARTS = {
    "boto3": "import boto3; boto3.client('sqs')",
    "textbook": TRACK + "import bench.textbook.textbook_track",
    "ours": TRACK + "import app",
    "floor": TRACK + "import cdp_core.aws",
}
# What a start of ours does without, or until later, each by itself.
SPARED = {
    "Powertools' logger and metrics": "from aws_lambda_powertools import Logger, Metrics; Logger('a'); Metrics('a', 'a')",
    "`http.client`": "import http.client",
    "`urllib3`": "import urllib3; urllib3.PoolManager()",
    "`dataclasses`": "import dataclasses",
    "the system's certificates, read at the first call": "import ssl; ssl.create_default_context()",
}
BARE = "ours, where bytecode is missing"
_CPU = "began = time.process_time()\n{start}\nprint((time.process_time() - began) * 1000)"


@contextmanager
def compiled(environment: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """The environment of starts that find all bytecode, in a folder of this bench: each was started once to write it."""
    with tempfile.TemporaryDirectory() as folder:
        rest = {name: value for name, value in environment.items() if name != "PYTHONDONTWRITEBYTECODE"}
        ready = rest | {"PYTHONPYCACHEPREFIX": folder}
        for start in (STARTS | SPARED).values():
            _run(BASE + _CPU.format(start=start), ready)
        yield ready


def milliseconds(environment: dict[str, str], rounds: int) -> dict[str, float]:
    """Median CPU of each start above the base, in milliseconds, also of what ours spares; the starts take turns."""
    starts = {name: (start, environment) for name, start in (STARTS | SPARED).items()}
    found: dict[str, list[float]] = {name: [] for name in (*starts, BARE)}
    with _sources() as folder:
        bare = f"sys.path[:0] = ['{folder}/track', '{folder}/cdp_core']\nimport app"
        starts[BARE] = (bare, environment | {"PYTHONDONTWRITEBYTECODE": "1"})
        for _ in range(rounds):
            for name, (start, ready) in starts.items():
                found[name].append(float(_run(BASE + _CPU.format(start=start), ready)))
    return {name: statistics.median(values) for name, values in found.items()}


@contextmanager
def _sources() -> Iterator[str]:
    """A copy of track and the library, of which nobody has any bytecode."""
    with tempfile.TemporaryDirectory() as folder:
        for source in ("functions/track", "layers/cdp_core"):
            shutil.copytree(source, Path(folder) / Path(source).name)
        yield folder


def instructions(environment: dict[str, str]) -> dict[str, int]:
    """Instructions of each whole process less those of the base, counted by valgrind; empty where there is none."""
    if not shutil.which("valgrind"):
        return {}
    base = _counted("", environment)
    return {name: _counted(start, environment) - base for name, start in STARTS.items()}


def _counted(start: str, environment: dict[str, str]) -> int:
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", sys.executable, "-W", "ignore", "-c"]
    done = subprocess.run([*command, BASE + start], env=environment, capture_output=True, text=True, check=True)
    return int(done.stderr.split("Collected :")[1].split()[0])


def _run(code: str, environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()[-1]
