"""The packages start under the real Lambda runtime client and runtime emulator, with nothing but what Lambda has."""

import json
import platform
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from local.build import build
from tests.support.product import request

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.e2e

# What Lambda's Python runtime brings of its own.
RUNTIME = (
    "awslambdaric snapshot_restore_py simplejson boto3 botocore s3transfer jmespath dateutil urllib3 six.py".split()
)
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_LAMBDA_FUNCTION_TIMEOUT": "10",
    "PROFILES_TABLE": "profiles",
    "ACTIVITIES_TABLE": "activities",
    "QUEUE_URL": "http://127.0.0.1:9/queue",
    "ADMIN_SECRET": "admin",
    "IDENTITY_SECRET": "identity",
}


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked packages for this machine, and the emulator beside them."""
    subprocess.run(["bash", str(ROOT / ".ci" / "sam_cli.sh")], check=True, stdout=subprocess.DEVNULL)
    folder = tmp_path_factory.mktemp("packages")
    for path in build(folder / "zips"):
        zipfile.ZipFile(path).extractall(folder / path.stem)
    runtime = folder / "runtime"
    runtime.mkdir()
    for name in RUNTIME:
        (runtime / name).symlink_to(Path(sysconfig.get_paths()["purelib"]) / name)
    for library in Path(sysconfig.get_paths()["purelib"]).glob("runtime_client*.so"):
        (runtime / library.name).symlink_to(library)
    return folder


@contextmanager
def started(packages: Path, name: str) -> Iterator[str]:
    """A function under the emulator; the address that invokes it."""
    bootstrap = packages / f"bootstrap-{name}"
    interpreter = getattr(sys, "_base_executable", sys.executable)
    bootstrap.write_text(f'#!/bin/sh\ncd "$LAMBDA_TASK_ROOT"\nexec {interpreter} -S -m awslambdaric "$_HANDLER"\n')
    bootstrap.chmod(0o755)
    task, port, api = packages / name, _free_port(), _free_port()
    command = [str(_emulator()), "--runtime-interface-emulator-address", f"127.0.0.1:{port}"]
    command += ["--runtime-api-address", f"127.0.0.1:{api}", str(bootstrap), "app.handler"]
    paths = (packages / "layer" / "python", task, packages / "runtime")
    environment = ENVIRONMENT | {
        "LAMBDA_TASK_ROOT": str(task),
        "PYTHONPATH": ":".join(map(str, paths)),
        "PATH": "/usr/bin:/bin",
    }
    log = (packages / f"{name}.log").open("wb")
    process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        yield f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations"
    finally:
        process.terminate()
        process.wait(timeout=20)
        log.close()


def _emulator() -> Path:
    name = {"aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "x86_64")
    (found,) = ROOT.glob(f".build/sam/lib/python3*/site-packages/samcli/local/rapid/aws-lambda-rie-{name}")
    return found


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def invoke(address: str, event: dict[str, Any]) -> Any:
    """What the function answers, once the emulator listens."""
    for _ in range(100):
        try:
            with urllib.request.urlopen(address, json.dumps(event).encode(), timeout=30) as answer:
                return json.load(answer)
        except (ConnectionError, urllib.error.URLError):
            time.sleep(0.1)
    raise AssertionError("the emulator never listened")


def test_track_answers_health(packages: Path) -> None:
    """The smallest request there is."""
    with started(packages, "track") as address:
        answer = invoke(address, request("GET", "/health"))
    assert answer["statusCode"] == 200


def test_the_profiles_api_answers_with_its_document(packages: Path) -> None:
    """The whole import closure of the API, schema generation included."""
    with started(packages, "profiles_api") as address:
        answer = invoke(address, request("GET", "/openapi.json"))
    assert answer["statusCode"] == 200
    assert "/profiles/{id}" in json.loads(answer["body"])["paths"]


def test_the_flush_reports_a_queue_that_it_cannot_reach(packages: Path) -> None:
    """A12: it fails fast and in its own words, so that Lambda's error alarm rings."""
    with started(packages, "flush") as address:
        answer = invoke(address, {})
    assert answer["errorType"] == "Unavailable"


def test_the_bytecode_in_the_layer_is_there_for_every_module(packages: Path) -> None:
    """A cold start reads no source; host builds compile for the Python that runs them."""
    ours = packages / "layer" / "python" / "cdp_core"
    tag = sys.implementation.cache_tag
    missing = [
        path for path in ours.rglob("*.py") if not (path.parent / "__pycache__" / f"{path.stem}.{tag}.pyc").exists()
    ]
    assert missing == []
