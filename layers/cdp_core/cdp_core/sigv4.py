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
_BLOCK = 64  # bytes that SHA-256 takes at a time


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


class Unsigned(NamedTuple):
    """What is signed besides the body: method, canonical path and query, and the headers by their names in small letters."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]


class Signer(NamedTuple):
    """Signs the requests of one moment that differ in nothing but their bodies: all that is the same was prepared once.

    `canonical` and `text` are the request and the string to sign up to where the body's hash has its say, `inner` and `outer`
    the two halves of HMAC-SHA256 with the key of the day, and `header` the header up to the signature.
    """

    canonical: bytes
    text: bytes
    inner: "hashlib._Hash"
    outer: "hashlib._Hash"
    header: str

    def authorization(self, body: bytes) -> str:
        """The Authorization header of the request with this body."""
        request = hashlib.sha256(self.canonical + hashlib.sha256(body).hexdigest().encode())
        inner, outer = self.inner.copy(), self.outer.copy()
        inner.update(self.text + request.hexdigest().encode())
        outer.update(inner.digest())
        return self.header + outer.hexdigest()


def signer(who: Credentials, scope: Scope, request: Unsigned) -> Signer:
    """Prepares everything but the body. All headers are signed; `x-amz-date` must be among them."""
    names = ";".join(sorted(request.headers))
    place = f"{scope.day}/{scope.region}/{scope.service}/aws4_request"
    headers = "\n".join([f"{name}:{' '.join(request.headers[name].split())}" for name in names.split(";")])
    inner, outer = _halves(who.secret_key, scope)
    return Signer(
        canonical=f"{request.method}\n{request.path}\n{request.query}\n{headers}\n\n{names}\n".encode(),
        text=f"{_ALGORITHM}\n{request.headers['x-amz-date']}\n{place}\n".encode(),
        inner=inner,
        outer=outer,
        header=f"{_ALGORITHM} Credential={who.access_key}/{place}, SignedHeaders={names}, Signature=",
    )


@lru_cache(maxsize=8)
def _halves(secret: str, scope: Scope) -> "tuple[hashlib._Hash, hashlib._Hash]":
    """HMAC-SHA256 (RFC 2104) with the key of a day, the same for all requests of it: what goes before the text, and before
    the text's hash. `hmac.digest` looks its hash up by name in each call, which costs more than the hashes.
    """
    key = f"AWS4{secret}".encode()
    for part in (*scope, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    padded = key.ljust(_BLOCK, b"\0")
    return hashlib.sha256(bytes(b ^ 0x36 for b in padded)), hashlib.sha256(bytes(b ^ 0x5C for b in padded))
