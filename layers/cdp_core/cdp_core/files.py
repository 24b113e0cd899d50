"""Gateway of the files that people fetch and bring: exports and imports in the bucket, by links that are good for minutes."""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from cdp_core.config import settings
from cdp_core.errors import Unavailable

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

LINK_SECONDS = 900
_CONFIG = Config(
    connect_timeout=1,
    read_timeout=10,
    retries={"mode": "standard", "total_max_attempts": 3},
    signature_version="s3v4",
    s3={"addressing_style": "virtual"},  # links go to the bucket's own region: the global address would redirect them
)
_MISSING = ("NoSuchKey", "404", "AccessDenied")  # where one may not list, what is missing is forbidden


@dataclass(frozen=True, slots=True)
class Slice:
    """Some bytes of a file, how many the whole has, and which version of it they are of."""

    data: bytes
    size: int
    version: str


@cache
def _s3() -> "S3Client":
    return boto3.client("s3", config=_CONFIG)


def write(key: str, body: bytes, *, kind: str) -> None:
    """Stores a file of a content type; again under the same key takes its place. Raises Unavailable."""
    _call("put_object", Key=key, Body=body, ContentType=kind)


def read(key: str, *, start: int, length: int) -> Slice | None:
    """The bytes of a file from `start` on, fewer at its end; None if there is no such file. Raises Unavailable."""
    try:
        found = _s3().get_object(Bucket=settings().bucket, Key=key, Range=f"bytes={start}-{start + length - 1}")
        return Slice(found["Body"].read(), int(found["ContentRange"].rpartition("/")[2]), found["ETag"])
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code")
        if code in ("InvalidRange", "416"):  # an empty file has no bytes to ask for
            return Slice(b"", 0, "")
        if code in _MISSING:
            return None
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
