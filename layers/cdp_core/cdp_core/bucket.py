"""Gateway of the bucket: what must outlive the tables."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from cdp_core.config import settings
from cdp_core.domain.erasure import NOTHING_SAID, Asked, asked_of, erased_until, lives
from cdp_core.domain.jobs import Job
from cdp_core.domain.times import iso
from cdp_core.errors import Unavailable

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

_LEDGER = "erasures/"
_CONFIG = Config(connect_timeout=1, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """One entry of the ledger of erasures: the job, the leaves with the epoch each has since, and up to when nothing comes back (ms).

    What was asked is kept as well: a suppression that came with an erasure comes with its replay.
    """

    key: str
    job_id: str
    created_at: int
    erased_until: int
    lives: dict[str, int]
    asked: Asked = NOTHING_SAID


@cache
def _s3() -> "S3Client":
    return boto3.client("s3", config=_CONFIG)


def write_erasure(job: Job) -> None:
    """Records an erasure outside the tables, so that it survives a restore: leaves are keyed hashes, nothing else is personal.

    Entries sort by time, so that a replay meets the lives of a leaf in their order. Raises Unavailable.
    """
    body = {
        "job_id": job.id,
        "created_at": job.created_at,
        "erased_at": iso(job.created_at),
        "erased_until": erased_until(job),
        "leaves": dict(lives(job)),
        "asked": asdict(asked_of(job.request)),
    }
    key = f"{_LEDGER}{job.created_at:013d}-{job.id}.json"
    _call("put_object", Key=key, Body=json.dumps(body).encode())


def erasures_after(key: str) -> Iterator[Erased]:
    """The ledger's entries behind `key` (all behind an empty text), oldest first. Raises Unavailable."""
    options = {"StartAfter": key} if key else {}
    while True:
        page = _call("list_objects_v2", Prefix=_LEDGER, **options)
        yield from (_read(found["Key"]) for found in page.get("Contents", []))
        if not page.get("IsTruncated"):
            return
        options["StartAfter"] = page["Contents"][-1]["Key"]


def _read(key: str) -> Erased:
    try:
        plain = json.loads(_call("get_object", Key=key)["Body"].read())
    except (BotoCoreError, OSError) as error:
        raise Unavailable("the ledger of erasures could not be read") from error
    return Erased(
        key=key,
        job_id=plain["job_id"],
        created_at=plain["created_at"],
        erased_until=plain["erased_until"],
        lives=plain["leaves"],
        asked=asked_of(plain.get("asked", {})),
    )


def _call(operation: str, **arguments: Any) -> Any:
    try:
        return getattr(_s3(), operation)(Bucket=settings().bucket, **arguments)
    except (ClientError, BotoCoreError) as error:
        raise Unavailable("the bucket gave no certain answer") from error
