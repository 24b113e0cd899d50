"""AWS Signature Version 4: proves to AWS who sends a request, and that nobody changed it on its way.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
import os
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

_ALGORITHM = "AWS4-HMAC-SHA256"


class Credentials(NamedTuple):
    """Who signs. `token` comes with the short-lived credentials of a role."""

    access_key: str
    secret_key: str
    token: str = ""

    def __repr__(self) -> str:
        return f"Credentials({self.access_key}, ...)"


def from_environment() -> Credentials:
    """The credentials that Lambda gives a function, for as long as its process lives. Raises KeyError without them."""
    return Credentials(
        os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"], os.environ.get("AWS_SESSION_TOKEN", "")
    )


class Scope(NamedTuple):
    """Where a signature holds: the day (`20260123`), the region and the service."""

    day: str
    region: str
    service: str


class Signed(NamedTuple):
    """What is signed: method, canonical path and query, the headers by their names in small letters, and the body."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


def authorization(who: Credentials, scope: Scope, request: Signed) -> str:
    """The Authorization header. All headers are signed; `x-amz-date` must be among them."""
    names = ";".join(sorted(request.headers))
    place = f"{scope.day}/{scope.region}/{scope.service}/aws4_request"
    digest = hashlib.sha256(_canonical(request, names).encode()).hexdigest()
    text = f"{_ALGORITHM}\n{request.headers['x-amz-date']}\n{place}\n{digest}"
    signature = hmac.digest(_key(who.secret_key, scope), text.encode(), "sha256").hex()
    return f"{_ALGORITHM} Credential={who.access_key}/{place}, SignedHeaders={names}, Signature={signature}"


def _canonical(request: Signed, names: str) -> str:
    headers = "\n".join([f"{name}:{' '.join(request.headers[name].split())}" for name in names.split(";")])
    body = hashlib.sha256(request.body).hexdigest()
    return f"{request.method}\n{request.path}\n{request.query}\n{headers}\n\n{names}\n{body}"


@lru_cache(maxsize=8)
def _key(secret: str, scope: Scope) -> bytes:
    """The key of a day: the same for all requests of it."""
    key = f"AWS4{secret}".encode()
    for part in (*scope, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
