"""A small client of AWS's JSON services: one signed POST a call, over connections that stay open.

The SDK's start and calls are most of what tracking costs (docs/performance.md). This knows what the hot paths call:
DynamoDB and SQS in JSON 1.0, with the credentials of the environment. Proxies of the environment are not used.
"""

import os
import time
from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

from cdp_core import clock, sigv4
from cdp_core.connection import CLOSED, Answer, Connection
from cdp_core.errors import CdpError

TRIES = 3
IDLE_SECONDS = 15  # what is idle for longer may have been closed by AWS: it is not used again
_PAUSE_SECONDS = 0.05
_TARGETS = {"dynamodb": "DynamoDB_20120810", "sqs": "AmazonSQS"}
_THROTTLED = frozenset(
    "ProvisionedThroughputExceededException ThrottlingException RequestLimitExceeded RequestThrottled "
    "TransactionInProgressException".split()
)


class CallRefused(CdpError):
    """The service answered with an error: its `name`, such as ConditionalCheckFailedException, and the answer as it came."""

    code = "call_refused"

    def __init__(self, name: str, answer: Mapping[str, Any]) -> None:
        super().__init__(f"{name}: {answer.get('message') or answer.get('Message') or ''}")
        self.name = name
        self.answer = answer


class NoAnswer(CdpError):
    """Nobody knows whether the call happened: no connection, no answer in time, or trouble on AWS's side until the last try."""

    code = "no_answer"


class _Prepared(NamedTuple):
    """What the requests of one operation and second have in common."""

    second: int
    head: str
    signer: sigv4.Signer


class Client:
    """Calls one service in the region of the environment. Threads may share it: each call takes a connection for itself.

    `read_seconds` is how long an answer may take. AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_<SERVICE> name another address.
    """

    def __init__(self, service: str, *, read_seconds: float) -> None:
        self.service = service
        self._read_seconds = read_seconds
        self._region = os.environ.get("AWS_REGION") or os.environ["AWS_DEFAULT_REGION"]
        self._url = urlsplit(endpoint(service, self._region))
        self._who = sigv4.from_environment()
        self._idle: deque[tuple[int, Connection]] = deque()
        self._prepared: dict[str, _Prepared] = {}

    def call(self, operation: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The service's answer; bytes travel as base64, both ways. Raises CallRefused for its errors, NoAnswer where nobody knows.

        Throttling, trouble on AWS's side and lost answers are tried again, TRIES times in all with full jitter: every call of
        this product may be repeated, as conditions, tokens and the keys of envelopes see to it.
        """
        body = msgspec.json.encode(arguments)
        for attempt in range(1, TRIES + 1):
            try:
                return self._once(operation, body)
            except (CallRefused, NoAnswer) as error:
                if attempt == TRIES or (isinstance(error, CallRefused) and error.name not in _THROTTLED):
                    raise
            pause(attempt)
        raise AssertionError("the last try returns or raises")

    def _once(self, operation: str, body: bytes) -> dict[str, Any]:
        answer = self._exchange(self._request(operation, body))
        found = _object(answer.body)
        if answer.status == 200 and found is not None:
            return found
        name = str((found or {}).get("__type", "")).rpartition("#")[2]
        if found is None or not name or answer.status >= 500:
            raise NoAnswer(f"{self.service} answered {answer.status} {name}")
        raise CallRefused(name, found)

    def _request(self, operation: str, body: bytes) -> bytes:
        second = int(time.time())
        prepared = self._prepared.get(operation)
        if prepared is None or prepared.second != second:
            prepared = self._prepared[operation] = self._prepare(operation, second)
        signed = prepared.signer.authorization(body)
        return f"{prepared.head}authorization: {signed}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body

    def _prepare(self, operation: str, second: int) -> "_Prepared":
        now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(second))
        headers = {
            "content-type": "application/x-amz-json-1.0",
            "host": self._url.netloc,
            "x-amz-date": now,
            "x-amz-target": f"{_TARGETS[self.service]}.{operation}",
        }
        if self._who.token:
            headers["x-amz-security-token"] = self._who.token
        scope = sigv4.Scope(now[:8], self._region, self.service)
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        signer = sigv4.signer(self._who, scope, sigv4.Unsigned("POST", "/", "", headers))
        return _Prepared(second, f"POST / HTTP/1.1\r\n{lines}", signer)

    def _exchange(self, request: bytes) -> Answer:
        """One request and its answer. A kept connection that was closed meanwhile is replaced at once: that is no try."""
        try:
            if kept := self._kept():
                try:
                    return self._over(kept, request)
                except CLOSED:
                    pass
            return self._over(Connection(self._url, read_seconds=self._read_seconds), request)
        except OSError as error:
            raise NoAnswer(f"{self.service} gave no answer: {type(error).__name__}") from error

    def _over(self, connection: Connection, request: bytes) -> Answer:
        try:
            answer = connection.exchange(request)
        except BaseException:
            connection.close()
            raise
        if answer.stays:
            self._idle.append((clock.now_ms(), connection))
        else:
            connection.close()
        return answer

    def _kept(self) -> Connection | None:
        """A connection that was used a moment ago, the latest first."""
        try:
            used_at, connection = self._idle.pop()
        except IndexError:
            return None
        if clock.is_recent(used_at, seconds=IDLE_SECONDS):
            return connection
        connection.close()
        return None


def pause(attempt: int) -> None:
    """Exponential backoff with full jitter: at most 100 ms after the first try, doubling."""
    import random  # a cold start does without it

    time.sleep(random.uniform(0, _PAUSE_SECONDS * 2**attempt))


def endpoint(service: str, region: str) -> str:
    """Where a service is: what the environment says, else AWS's own address."""
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    given = os.environ.get(f"AWS_ENDPOINT_URL_{service.upper()}") or os.environ.get("AWS_ENDPOINT_URL")
    return given or f"https://{service}.{region}.{suffix}"


def _object(answer: bytes) -> dict[str, Any] | None:
    """The answer's JSON object; None for anything else, such as a proxy's page."""
    try:
        found = msgspec.json.decode(answer) if answer else {}
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return found if isinstance(found, dict) else None
