"""The packages start under the real Lambda runtime client and runtime emulator, with nothing but what Lambda has."""

import json
import platform
import py_compile
import re
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from local.build import FUNCTIONS, ForeignPython, build, unpacked
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


def _bytecode(*words: object, runtime: Path | None = None) -> subprocess.CompletedProcess[str]:
    """What .ci/bytecode.py finds, by this Python without its site-packages."""
    command = [getattr(sys, "_base_executable", sys.executable), "-S", str(ROOT / ".ci" / "bytecode.py")]
    environment = {"PYTHONPATH": str(runtime)} if runtime else {}
    return subprocess.run(
        [*command, *map(str, words)], env=environment, capture_output=True, text=True, check=False, timeout=120
    )


def test_every_module_of_every_package_has_valid_bytecode(packages: Path) -> None:
    """Host builds compile for the Python that runs them: its magic number, no look at times, the hash of the source."""
    found = _bytecode("valid", *(packages / name for name in ("layer", *FUNCTIONS)))
    assert found.returncode == 0, found.stderr
    assert "bytecode is valid" in found.stdout


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_cold_start_reads_no_source(packages: Path, name: str) -> None:
    """Nothing of ours or of the layer is compiled, though the files' times are those of the zip."""
    found = _bytecode("start", packages / name, packages / "layer" / "python", runtime=packages / "runtime")
    assert found.returncode == 0, found.stderr
    assert "starts from bytecode" in found.stdout


@pytest.mark.parametrize(
    "change",
    [
        lambda app, compiled: app.write_text("changed = True\n"),
        lambda app, compiled: compiled.unlink(),
        lambda app, compiled: py_compile.compile(str(app), str(compiled)),
        lambda app, compiled: compiled.write_bytes(b"\0\0\r\n" + compiled.read_bytes()[4:]),
        lambda app, compiled: compiled.with_name("gone.cpython-39.pyc").touch(),
    ],
    ids=["stale", "missing", "by time", "of another Python", "stray"],
)
def test_the_proof_sees_a_flaw(tmp_path: Path, change: Callable[[Path, Path], object]) -> None:
    """What would triple a cold start is found."""
    unpacked("flush", tmp_path, architecture="host", python="host")
    assert _bytecode("valid", tmp_path).returncode == 0
    change(tmp_path / "app.py", tmp_path / "__pycache__" / f"app.{sys.implementation.cache_tag}.pyc")
    assert _bytecode("valid", tmp_path).returncode == 1


def test_the_proof_sees_source_that_is_read(tmp_path: Path) -> None:
    """Without bytecode, a start reads the source, and the proof says so."""
    (tmp_path / "app.py").write_text("")
    found = _bytecode("start", tmp_path)
    assert found.returncode == 1
    assert "read as source" in found.stderr


def test_bytecode_is_the_same_wherever_it_is_built(tmp_path: Path) -> None:
    """It names the file as Lambda sees it."""
    compiled = Path("__pycache__") / f"app.{sys.implementation.cache_tag}.pyc"
    for folder in ("one", "two"):
        unpacked("track", tmp_path / folder, architecture="host", python="host")
    code = (tmp_path / "one" / compiled).read_bytes()
    assert code == (tmp_path / "two" / compiled).read_bytes()
    assert b"/var/task/app.py" in code
    assert str(tmp_path).encode() not in code


def test_no_bytecode_is_made_for_another_python(tmp_path: Path) -> None:
    """It is refused, or left out if that was asked for."""
    with pytest.raises(ForeignPython, match=r"needs Python 3\.9"):
        unpacked("track", tmp_path, architecture="host", python="3.9")
    unpacked("track", tmp_path, architecture="host", python="3.9", compiled=False)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["app.py", "kxt.js"]


def test_sam_builds_with_the_python_of_the_template() -> None:
    """Bytecode of any other version would be ignored on Lambda."""
    (version,) = re.findall(r"^RUNTIME := (.+)$", (ROOT / "local" / "sam" / "build.mk").read_text(), re.MULTILINE)
    template = (ROOT / "template.yaml").read_text()
    assert re.findall(r"\bRuntime: (\S+)", template) == [f"python{version}"]
    assert re.findall(r"CompatibleRuntimes: \[(\S+)\]", template) == [f"python{version}"]
