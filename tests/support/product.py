"""The product as a test drives it: requests in, minutes pass, tables out. Functions are loaded as Lambda loads them."""

import base64
import importlib.util
import json
import time
from collections import Counter
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import parse_qsl

from moto.core import DEFAULT_ACCOUNT_ID
from moto.sqs.models import sqs_backends

from cdp_core.domain.channels import Channel
from cdp_core.domain.identity import ANONYMOUS_ID, USER_ID, Identifier, leaf_id
from cdp_core.domain.leaf import Leaf
from cdp_core.secrets import identity_key
from cdp_core.tables import channels, leaves
from cdp_core.usecases.drain import drain
from local.gateway import Api, Cors, Route, find
from tests.double.stack import template

ROOT = Path(__file__).parents[2]
WRITE_KEY, SECRET_KEY, ADMIN_KEY = "local-write-key", "local-secret-key", "local-admin-key"


class Context:
    """What Lambda tells a function of its invocation."""

    function_name = "flush"
    memory_limit_in_mb = 128
    invoked_function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:flush"
    aws_request_id = "request"

    def __init__(self, remaining_ms: int = 60_000) -> None:
        self.ends = time.monotonic() + remaining_ms / 1000

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda ends the invocation."""
        return int((self.ends - time.monotonic()) * 1000)


@cache
def function(name: str) -> ModuleType:
    """A function's module, loaded from its folder."""
    spec = importlib.util.spec_from_file_location(f"function_{name}", ROOT / "functions" / name / "app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def seed_keys() -> None:
    """Two channels: a website with a public key, a server with a secret one."""
    channels.save_channel(Channel(code_name="website", name="Website", type="website"))
    channels.save_channel(Channel(code_name="server", name="Server", type="server"))
    channels.save_write_key(WRITE_KEY, channel="website", secret=False)
    channels.save_write_key(SECRET_KEY, channel="server", secret=True)


@cache
def _routes() -> list[Route]:
    """The admin API's routes as template.yaml deploys them."""
    paths = template()["Resources"]["AdminApi"]["Properties"]["DefinitionBody"]["paths"]
    return [Route(method.upper(), path, "") for path, methods in paths.items() for method in methods]


def _route(method: str, path: str) -> dict[str, Any]:
    """The admin API's route that a path goes to and its decoded variables, as API Gateway names them in the event."""
    match = find([Api("admin", _routes(), Cors())], method, path)
    route = {"routeKey": match.route.key if match.route else "$default"}
    return route | ({"pathParameters": dict(match.parameters)} if match.parameters else {})


def request(method: str, path: str, body: bytes | str = b"", **headers: str) -> dict[str, Any]:
    """An API Gateway event, payload 2.0; header names with underscores for dashes."""
    data = body.encode() if isinstance(body, str) else body
    raw_path, _, query = path.partition("?")
    parameters = dict(parse_qsl(query, keep_blank_values=True))
    return {
        "version": "2.0",
        **_route(method, raw_path),
        "rawPath": raw_path,
        "rawQueryString": query,
        "queryStringParameters": parameters or None,
        "headers": {name.replace("_", "-").lower(): value for name, value in headers.items()},
        "requestContext": {"http": {"method": method, "path": raw_path}, "stage": "$default", "requestId": "r"},
        "body": base64.b64encode(data).decode(),
        "isBase64Encoded": True,
    }


def basic(key: str) -> str:
    """The Authorization header of a write key."""
    return "Basic " + base64.b64encode(f"{key}:".encode()).decode()


def track(path: str, body: Any, *, key: str = WRITE_KEY, **headers: str) -> tuple[int, dict[str, Any]]:
    """Sends a tracking request; status and decoded answer."""
    data = body if isinstance(body, bytes) else json.dumps(body)
    answer = function("track").handler(request("POST", path, data, authorization=basic(key), **headers), Context())
    return answer["statusCode"], json.loads(answer["body"])


def batch(*events: dict[str, Any], key: str = WRITE_KEY) -> int:
    """Sends events as one batch; the status."""
    return track("/v1/batch", {"batch": list(events)}, key=key)[0]


def drain_all(rounds: int = 20) -> Counter[str]:
    """Drains until the queue is empty; what was done."""
    total: Counter[str] = Counter()
    for _ in range(rounds):
        drained = drain(lambda: 60_000)
        total.update(drained.counts)
        if not drained.messages:
            return total
    raise AssertionError("the queue never became empty")


def visibility_expires(queue_url: str) -> None:
    """All messages in flight on moto come back, as they do when their visibility timeout is over."""
    queues = sqs_backends[DEFAULT_ACCOUNT_ID]["eu-central-1"].queues
    for message in queues[queue_url.rsplit("/", 1)[1]]._messages:
        message.change_visibility(0)


def leaf_of(kind: str, value: str) -> str:
    """The leaf of an identifier."""
    return leaf_id(identity_key(), Identifier(kind, value))


def user(value: str) -> Leaf:
    """The stored leaf of a user id."""
    return leaves.load(leaf_of(USER_ID, value))


def visitor(value: str) -> Leaf:
    """The stored leaf of an anonymous id."""
    return leaves.load(leaf_of(ANONYMOUS_ID, value))
