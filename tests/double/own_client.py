"""Leads the product's own client the same way as the SDK, so that both meet the same double."""

from base64 import b64encode
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cdp_core.aws import CallRefused, Client, NoAnswer

SdkCall = Callable[[Any, str, dict[str, Any]], Any]


def named(service: str) -> Any:
    """What stands for an SDK's client where only its service is asked for."""
    return SimpleNamespace(meta=SimpleNamespace(service_model=SimpleNamespace(service_name=service)))


def led(call: SdkCall, sdk: Callable[[str], Any] = named) -> Callable[[Client, str, Mapping[str, Any]], Any]:
    """`cdp_core.aws.Client.call` over an SDK's call: answers and errors as they come over the wire."""

    def own(client: Client, operation: str, arguments: Mapping[str, Any]) -> Any:
        try:
            return as_json(call(sdk(client.service), operation, dict(arguments)))
        except ClientError as error:
            raise _error(error) from error
        except BotoCoreError as error:
            raise NoAnswer(str(error)) from error

    return own


def _error(error: ClientError) -> Exception:
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
