"""`make run`: the engine, the stack, the keys, the front door, until ctrl-C."""

import json
import os
import signal
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from subprocess import CalledProcessError
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from localstack_client.session import Session

from local.deploy import Deployment, DeploymentFailed, deploy
from local.engine import Engine, EngineFailed
from local.flushlog import describe, follow_file, follow_group
from local.frontdoor import MAX_AT_ONCE, FrontDoor
from local.packages import build
from local.seed import ADMIN_KEY, SECRET_KEY, WRITE_KEY, seed
from local.settings import REGION, ROOT, LocalSettings, read_settings, use_engine

ERASURE_WAIT_SECONDS = 90  # a local flush lives for 60 s
_LAMBDA_TIMEOUT_SECONDS = 30
_EXPECTED = (EngineFailed, DeploymentFailed, CalledProcessError, BotoCoreError, ClientError, ValueError, OSError)

_READY = """
ready: http://127.0.0.1:{port}   (ctrl-C stops it, the data stay)

  tracking      http://127.0.0.1:{port}/v1/    write key {write_key}, server key {secret_key}
  profiles API  http://127.0.0.1:{port}/docs   admin key {admin_key}
  demo          http://127.0.0.1:{port}/demo/

send an event, and after the next flush (every {interval} s) look at the profile:

  curl http://127.0.0.1:{port}/v1/track -u {write_key}: -H 'Content-Type: application/json' \\
    -d '{{"userId": "42", "event": "Signed Up", "properties": {{"plan": "free"}}}}'
  curl http://127.0.0.1:{port}/profiles/user_id%3A42 -H 'Authorization: Bearer {admin_key}'
"""


def main() -> int:
    """Runs until SIGINT or SIGTERM; the exit status."""
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    engine: Engine | None = None
    try:
        settings = read_settings(dict(os.environ))
        engine = None if settings.endpoint else Engine(settings.state)
        _run(settings, engine, stop)
        return 0
    except _EXPECTED as error:
        if not stop.is_set():  # ctrl-C reaches a build as well, which then fails
            print(f"make run: {error}", file=sys.stderr)
        return 0 if stop.is_set() else 1
    finally:
        _stop(engine)


def _run(settings: LocalSettings, engine: Engine | None, stop: threading.Event) -> None:
    door = FrontDoor(settings.port)  # first, so that a port in use is said at once
    packages = build(ROOT / ".build" / "local", python=_python_of(settings.endpoint))
    if engine is not None:
        print("starting the engine ...", flush=True)
        engine.start()
    use_engine(settings.endpoint or engine.endpoint)  # type: ignore[union-attr]
    print("deploying template.yaml ...", flush=True)
    deployment = deploy(ROOT / "template.yaml", packages=packages, given=_parameters(settings))
    _use_tables(deployment.names)
    seed(deployment.names)
    _start_flush(deployment.names)
    if not stop.is_set():
        _serve(door, deployment, settings, engine=engine, stop=stop)


def _python_of(endpoint: str | None) -> str:
    """ministack runs functions in a Python like ours; LocalStack and AWS in the template's."""
    if endpoint is None:
        return "host"
    try:
        with urllib.request.urlopen(f"{endpoint}/_ministack/health", timeout=5):
            return "host"
    except urllib.error.HTTPError:
        return "3.13"
    except urllib.error.URLError as error:
        raise OSError(f"nothing answers at {endpoint}: {error.reason}") from error


def _parameters(settings: LocalSettings) -> dict[str, str]:
    return {
        "Stage": "local",
        "Architecture": "arm64" if os.uname().machine in ("arm64", "aarch64") else "x86_64",
        "FlushIntervalSeconds": str(settings.flush_interval),
        "FlushIdle": "eager",
        "ErasureWaitSeconds": str(ERASURE_WAIT_SECONDS),
    }


def _use_tables(names: Mapping[str, str]) -> None:
    """Seeding goes through the product's own gateways, which read where the tables are from the environment."""
    os.environ |= {"PROFILES_TABLE": names["ProfilesTable"], "ACTIVITIES_TABLE": names["ActivitiesTable"]}


def _start_flush(names: Mapping[str, str]) -> None:
    """The schedule's first turn is up to a minute away."""
    _lambda_client().invoke(FunctionName=names["FlushFunction"], InvocationType="Event", Payload=b"{}")


def _lambda_client() -> Any:
    config = Config(
        max_pool_connections=MAX_AT_ONCE,
        read_timeout=_LAMBDA_TIMEOUT_SECONDS,
        retries={"total_max_attempts": 1},  # a repeated request would be a second delivery
    )
    return Session(region_name=REGION).client("lambda", config=config)


class FunctionFailed(Exception):
    """A function raised, or ran out of time."""


def _invoker() -> Any:
    client = _lambda_client()

    def invoke(function: str, event: bytes) -> Any:
        answer = client.invoke(FunctionName=function, Payload=event)
        result = json.loads(answer["Payload"].read() or b"null")
        if "FunctionError" in answer:
            raise FunctionFailed(result.get("errorMessage", "") if isinstance(result, dict) else "")
        return result

    return invoke


def _serve(
    door: FrontDoor, deployment: Deployment, settings: LocalSettings, *, engine: Engine | None, stop: threading.Event
) -> None:
    door.open(deployment.apis, _invoker())
    threading.Thread(target=door.serve_forever, daemon=True).start()
    keys = {"write_key": WRITE_KEY, "secret_key": SECRET_KEY, "admin_key": ADMIN_KEY}
    print(_READY.format(port=settings.port, interval=settings.flush_interval, **keys), flush=True)
    threading.Thread(target=_print_flushes, args=(deployment, engine, stop), daemon=True).start()
    while not stop.wait(1):
        if engine is not None and not engine.is_running:
            raise EngineFailed(f"the engine ended by itself; its log is {engine.state / 'engine.log'}")
    print("stopping ...", flush=True)
    door.shutdown()
    door.server_close()


def _print_flushes(deployment: Deployment, engine: Engine | None, stop: threading.Event) -> None:
    if engine is not None:
        lines = follow_file(engine.logs, stop.is_set)
    else:
        logs = Session(region_name=REGION).client("logs")
        lines = follow_group(logs, deployment.names["FlushLogGroup"], stop.is_set)
    for line in lines:
        if (text := describe(line)) is not None:
            print(text, flush=True)


def _stop(engine: Engine | None) -> None:
    # A second ctrl-C must not cut short the saving of the data.
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.SIG_IGN)
    if engine is not None:
        engine.stop()


if __name__ == "__main__":
    sys.exit(main())
