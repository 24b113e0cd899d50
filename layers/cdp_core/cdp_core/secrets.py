"""The secrets the functions need, read from Secrets Manager once a process."""

from functools import cache, lru_cache

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from cdp_core import clock
from cdp_core.config import settings
from cdp_core.errors import Unavailable

ADMIN_KEY_SECONDS = 60
_CONFIG = Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 3})


@cache
def identity_key() -> bytes:
    """The key of every leaf's hash. Raises Unavailable."""
    return _read(settings().identity_secret).encode()


def admin_key() -> str:
    """The first admin key; one that was changed holds everywhere within ADMIN_KEY_SECONDS. Raises Unavailable."""
    return _admin_key(clock.now_ms() // 1000 // ADMIN_KEY_SECONDS)


@lru_cache(maxsize=1)
def _admin_key(period: int) -> str:  # noqa: ARG001 - another period is read anew
    return _read(settings().admin_secret)


def _read(secret: str) -> str:
    try:
        client = boto3.client("secretsmanager", config=_CONFIG)
        return client.get_secret_value(SecretId=secret)["SecretString"]
    except (ClientError, BotoCoreError) as error:
        raise Unavailable("a secret could not be read") from error
