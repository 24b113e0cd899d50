"""Gateway to Lambda: starts further runs of the flush for a backlog."""

import json
from functools import cache
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from cdp_core.errors import Unavailable

if TYPE_CHECKING:
    from mypy_boto3_lambda.client import LambdaClient

WORKER = {"worker": True}


@cache
def _client() -> "LambdaClient":
    return boto3.client("lambda", config=Config(connect_timeout=1, read_timeout=3, retries={"total_max_attempts": 2}))


def start(function_name: str) -> None:
    """Asks for one asynchronous run as a worker. Raises Unavailable."""
    try:
        _client().invoke(FunctionName=function_name, InvocationType="Event", Payload=json.dumps(WORKER))
    except (ClientError, BotoCoreError) as error:
        raise Unavailable("a worker could not be started") from error
