"""The engines that the gateways must agree on: moto under the strict double, the embedded engine, DynamoDB Local."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import boto3

from tests.double import strict_aws
from tests.double.memory import Memory
from tests.double.stack import create_tables
from tests.double.strict import ENVIRONMENT, clear_caches

ROOT = Path(__file__).parents[2]
DYNAMODB_LOCAL = ROOT / ".build" / "dynamodb-local" / "libs"
STARTS_WITHIN_SECONDS = 60


def available() -> list[str]:
    """The engines on this machine. AWS_ENDPOINT_URL adds any other that is running already."""
    names = ["moto", "memory", "embedded"]
    if shutil.which("java") and DYNAMODB_LOCAL.exists():
        names.append("dynamodb-local")
    return names + (["endpoint"] if os.environ.get("AWS_ENDPOINT_URL") else [])


@contextmanager
def running(name: str) -> Iterator[None]:
    """The product's tables on this engine."""
    if name in ("moto", "memory"):
        with strict_aws(memory=Memory() if name == "memory" else None):
            yield
    elif name == "endpoint":
        with _tables_at(os.environ["AWS_ENDPOINT_URL"]):
            yield
    else:
        with _process(name) as url, _tables_at(url):
            yield


@contextmanager
def _tables_at(url: str) -> Iterator[None]:
    with mock.patch.dict(os.environ, ENVIRONMENT | {"AWS_ENDPOINT_URL": url}):
        client = boto3.client("dynamodb")
        os.environ.update(create_tables(client))
        clear_caches()
        try:
            yield
        finally:
            for table in client.list_tables()["TableNames"]:
                if table in ("ProfilesTable", "ActivitiesTable"):
                    client.update_table(TableName=table, DeletionProtectionEnabled=False)
                    client.delete_table(TableName=table)
            clear_caches()


@contextmanager
def _process(name: str) -> Iterator[str]:
    port = _free_port()
    process = subprocess.Popen(
        _command(name, port),
        env={**os.environ, "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait_for(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=20)


def _command(name: str, port: int) -> list[str]:
    if name == "embedded":
        return [sys.executable, "-m", "ministack"]
    libs = str(DYNAMODB_LOCAL)
    main = "software.amazon.dynamodb.services.local.main.ServerRunner"
    options = ["-inMemory", "-sharedDb", "-disableTelemetry", "-port", str(port)]
    return ["java", f"-Djava.library.path={libs}", "-cp", f"{libs}/*", main, *options]


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait_for(port: int) -> None:
    until = time.monotonic() + STARTS_WITHIN_SECONDS
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the engine did not start")
