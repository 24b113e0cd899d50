"""Leads the product's own client the same way as the SDK, so that both meet the same double.

Only the single try is led: the client's own loop of tries stays, so that use cases meet what their own lost calls did.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cdp_core.aws import CallRefused, Client, NoAnswer

SdkCall = Callable[[Any, str, dict[str, Any]], Any]


def named(service: str) -> Any:
    """What stands for an SDK's client where only its service is asked for."""
    return SimpleNamespace(meta=SimpleNamespace(service_model=SimpleNamespace(service_name=service)))


def led(
    call: SdkCall, sdk: Callable[[str], Any] = named, *, gives_up: Callable[[], bool] = lambda: False
) -> Callable[..., Any]:
    """One try of `cdp_core.aws.Client` over an SDK's call: requests, answers and errors as they come over the wire.

    If the client `gives_up` after trouble, that was its last try, as it is where no time is left.
    """

    def once(client: Client, operation: str, body: bytes, until: float, kept: Any) -> Any:
        try:
            return as_json(call(sdk(client.service), operation, as_sdk(json.loads(body))))
        except (ClientError, BotoCoreError) as error:
            told = _told(error)
            told.may_pass = told.may_pass and not gives_up()
            raise told from error

    return once


def _told(error: ClientError | BotoCoreError) -> CallRefused | NoAnswer:
    return _error(error) if isinstance(error, ClientError) else NoAnswer(str(error))


def _error(error: ClientError) -> CallRefused | NoAnswer:
    said: Any = error.response
    name = said["Error"]["Code"]
    if name == "InternalServerError":
        return NoAnswer(str(error))
    rest = {key: value for key, value in said.items() if key not in ("Error", "ResponseMetadata")}
    return CallRefused(name, {"message": said["Error"].get("Message", ""), **as_json(rest)})


def as_json(value: Any) -> Any:
    """A value as it comes over the wire: bytes as base64."""
    if isinstance(value, dict):
        return {name: as_json(part) for name, part in value.items()}
    if isinstance(value, list):
        return [as_json(part) for part in value]
    return b64encode(value).decode() if isinstance(value, bytes) else value


def as_sdk(value: Any) -> Any:
    """A value as the SDK takes it: base64 as bytes, where DynamoDB's notation has a binary value."""
    if isinstance(value, dict):
        return {
            name: b64decode(part) if (name, type(part)) == ("B", str) else as_sdk(part) for name, part in value.items()
        }
    return [as_sdk(part) for part in value] if isinstance(value, list) else value
