"""Gateway of the files that people fetch and bring: exports and imports in the bucket, by links that are good for minutes."""

from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from cdp_core.config import settings
from cdp_core.errors import NotFound, Unavailable

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

LINK_SECONDS = 900
_CONFIG = Config(
    connect_timeout=1,
    read_timeout=10,
    retries={"mode": "standard", "total_max_attempts": 3},
    signature_version="s3v4",
)


@cache
def _s3() -> "S3Client":
    return boto3.client("s3", config=_CONFIG)


def write(key: str, body: bytes, *, kind: str) -> None:
    """Stores a file of a content type; again under the same key takes its place. Raises Unavailable."""
    _call("put_object", Key=key, Body=body, ContentType=kind)


def size(key: str) -> int | None:
    """How many bytes a file has; None if there is none. Raises Unavailable."""
    try:
        return int(_s3().head_object(Bucket=settings().bucket, Key=key)["ContentLength"])
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in ("404", "NoSuchKey", "NotFound"):
            return None
        raise Unavailable("the bucket gave no certain answer") from error
    except BotoCoreError as error:
        raise Unavailable("the bucket gave no certain answer") from error


def read(key: str, *, start: int, length: int) -> bytes:
    """At most `length` bytes of a file from `start`; none behind its end. Raises NotFound, Unavailable."""
    try:
        found = _s3().get_object(Bucket=settings().bucket, Key=key, Range=f"bytes={start}-{start + length - 1}")
        return bytes(found["Body"].read())
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code")
        if code in ("InvalidRange", "416"):
            return b""
        if code in ("NoSuchKey", "404"):
            raise NotFound("the file is not there, or no longer") from error
        raise Unavailable("the bucket gave no certain answer") from error
    except (BotoCoreError, OSError) as error:
        raise Unavailable("the bucket gave no certain answer") from error


def link_to_get(key: str, *, name: str) -> str:
    """A link that anybody may use for LINK_SECONDS to fetch a file, under a name of its own."""
    given = {"Bucket": settings().bucket, "Key": key, "ResponseContentDisposition": f'attachment; filename="{name}"'}
    return _s3().generate_presigned_url("get_object", Params=given, ExpiresIn=LINK_SECONDS)


def link_to_put(key: str) -> str:
    """A link that anybody may use for LINK_SECONDS to bring a file, with PUT."""
    given = {"Bucket": settings().bucket, "Key": key}
    return _s3().generate_presigned_url("put_object", Params=given, ExpiresIn=LINK_SECONDS)


def _call(operation: str, **arguments: Any) -> Any:
    try:
        return getattr(_s3(), operation)(Bucket=settings().bucket, **arguments)
    except (ClientError, BotoCoreError) as error:
        raise Unavailable("the bucket gave no certain answer") from error
