"""The secrets the functions need, read from Secrets Manager once a process."""

from functools import cache

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from cdp_core.config import settings
from cdp_core.errors import Unavailable

_CONFIG = Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 3})


@cache
def identity_key() -> bytes:
    """The key of every leaf's hash. Raises Unavailable."""
    return _read(settings().identity_secret).encode()


@cache
def admin_key() -> str:
    """The first admin key. Raises Unavailable."""
    return _read(settings().admin_secret)


def _read(secret: str) -> str:
    try:
        client = boto3.client("secretsmanager", config=_CONFIG)
        return client.get_secret_value(SecretId=secret)["SecretString"]
    except (ClientError, BotoCoreError) as error:
        raise Unavailable("a secret could not be read") from error
