"""A small client of AWS's JSON services: one signed POST a call, over connections that stay open.

The SDK's start and calls are most of what tracking costs (docs/performance.md). This knows what the hot paths call:
DynamoDB and SQS in JSON 1.0, with the credentials of the environment. Proxies of the environment are not used.
"""

import os
import re
import time
from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

from cdp_core import clock, deadline, sigv4
from cdp_core.config import Misconfigured
from cdp_core.connection import CLOSED, Answer, Connection
from cdp_core.errors import CdpError

TRIES = 3
CALL_SECONDS = 8  # for all tries of a call, with their pauses
IDLE_SECONDS = 15  # what is idle for longer may have been closed by AWS: it is not used again
CONDITIONS = frozenset({"ConditionalCheckFailedException", "TransactionCanceledException"})
_PAUSE_SECONDS = 0.05
_TARGETS = {"dynamodb": "DynamoDB_20120810", "sqs": "AmazonSQS"}
_THROTTLED = frozenset(
    "ProvisionedThroughputExceededException RequestLimitExceeded RequestThrottled RequestThrottledException Throttling "
    "ThrottlingException ThrottledException TooManyRequestsException TransactionInProgressException".split()
)
_SUFFIXES = {
    "cn-": "amazonaws.com.cn",
    "eusc-": "amazonaws.eu",
    "us-iso-": "c2s.ic.gov",
    "us-isob-": "sc2s.sgov.gov",
    "us-isof-": "csp.hci.ic.gov",
    "eu-isoe-": "cloud.adc-e.uk",
}
_ADDRESS = re.compile(r"https?://(\[[0-9a-fA-F:.]+\]|[^\s/?#@:\[\]]+)(:[0-9]{1,5})?/?", re.IGNORECASE)


class CallRefused(CdpError):
    """The service answered with an error: its `name`, such as ConditionalCheckFailedException, and the answer as it came.

    `may_pass` says that the same call may succeed a moment later, `in_doubt` that an earlier try of it may have happened.
    """

    code = "call_refused"
    in_doubt = False

    def __init__(self, name: str, answer: Mapping[str, Any], status: int = 400) -> None:
        super().__init__(f"{name}: {answer.get('message') or answer.get('Message') or ''}")
        self.name = name
        self.answer = answer
        self.may_pass = status == 429 or name in _THROTTLED


class NoAnswer(CdpError):
    """Nobody knows whether the call happened: no connection, no answer in time, or trouble on AWS's side until the last try."""

    code = "no_answer"
    may_pass = True


class _Left(NoAnswer):
    """The other side had left a connection that was kept."""


class _Prepared(NamedTuple):
    """What the requests of one operation and second have in common."""

    second: int
    head: str
    signer: sigv4.Signer


class Client:
    """Calls one service in the region of the environment. Threads may share it: each call takes a connection for itself.

    `read_seconds` is how long an answer may stay away, and CALL_SECONDS or the invocation's deadline end it all. AWS_ENDPOINT_URL
    and AWS_ENDPOINT_URL_<SERVICE> name another address.
    """

    def __init__(self, service: str, *, read_seconds: float) -> None:
        """Raises Misconfigured for an address that is none, KeyError without region or credentials."""
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
        body, until = msgspec.json.encode(arguments), deadline.within(CALL_SECONDS)
        try:
            return self._once(operation, body, until, self._kept())
        except (CallRefused, NoAnswer) as error:
            return self._again(operation, body, until, error)

    def _again(self, operation: str, body: bytes, until: float, error: CallRefused | NoAnswer) -> dict[str, Any]:
        """What is left of the tries, each over a new connection: those that are kept may all be dead.

        A kept connection that was closed meanwhile is replaced at once: that was no try.
        """
        tries, in_doubt = int(not isinstance(error, _Left)), isinstance(error, NoAnswer)
        while tries < TRIES and error.may_pass and deadline.left(until) > 0:
            if tries:
                pause(tries)
            tries += 1
            try:
                return self._once(operation, body, until, None)
            except (CallRefused, NoAnswer) as again:
                error, in_doubt = again, in_doubt or isinstance(again, NoAnswer)
        raise _given_up(error, self.service, operation, tries=tries, in_doubt=in_doubt)

    def _once(self, operation: str, body: bytes, until: float, kept: Connection | None) -> dict[str, Any]:
        """One try."""
        answer = self._exchange(self._request(operation, body), until, kept)
        found = _object(answer.body)
        if answer.status == 200 and found is not None:
            return found
        raise self._trouble(answer, found or {})

    def _trouble(self, answer: Answer, found: Mapping[str, Any]) -> CallRefused | NoAnswer:
        name = _name(answer.error or str(found.get("__type", "")))
        if answer.status == 200 or answer.status >= 500 or not (name or answer.status == 429):
            return NoAnswer(f"{self.service} answered {answer.status} {name}".rstrip())
        return CallRefused(name or "TooManyRequestsException", found, answer.status)

    def _request(self, operation: str, body: bytes) -> bytes:
        second = int(time.time())
        prepared = self._prepared.get(operation)
        if prepared is None or prepared.second != second:
            prepared = self._prepared[operation] = self._prepare(operation, second)
        signed = prepared.signer.authorization(body)
        return f"{prepared.head}authorization: {signed}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body

    def _prepare(self, operation: str, second: int) -> _Prepared:
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

    def _exchange(self, request: bytes, until: float, kept: Connection | None) -> Answer:
        """One request and its answer, over a kept connection or a new one."""
        try:
            return self._over(
                kept or Connection(self._url, read_seconds=self._read_seconds, until=until), request, until
            )
        except OSError as error:
            if kept and isinstance(error, TimeoutError):
                self._forget()  # what was frozen for long, or lost its way, has lost all of them
            kind = _Left if kept and isinstance(error, CLOSED) else NoAnswer
            raise kind(f"{self.service} gave no answer: {type(error).__name__}") from error

    def _over(self, connection: Connection, request: bytes, until: float) -> Answer:
        try:
            answer = connection.exchange(request, until)
        except BaseException:
            connection.close()
            raise
        if answer.stays:
            self._idle.append((clock.now_ms(), connection))
        else:
            connection.close()
        return answer

    def _kept(self) -> Connection | None:
        """A connection that was used a moment ago, the latest first. If that was long ago, so were all others."""
        try:
            used_at, connection = self._idle.pop()
        except IndexError:
            return None
        if clock.is_recent(used_at, seconds=IDLE_SECONDS):
            return connection
        connection.close()
        self._forget()
        return None

    def _forget(self) -> None:
        """Closes every connection that is kept."""
        for _ in range(len(self._idle)):
            try:
                self._idle.pop()[1].close()
            except IndexError:  # another thread has taken it
                return


def pause(attempt: int) -> None:
    """Exponential backoff with full jitter: at most 100 ms after the first try, doubling."""
    import random  # a cold start does without it

    seconds = random.uniform(0, _PAUSE_SECONDS * 2**attempt)
    time.sleep(max(0.0, deadline.left(deadline.within(seconds))))


def endpoint(service: str, region: str) -> str:
    """Where a service is: what the environment says, else AWS's own address. Raises Misconfigured, naming the variable."""
    for name in (f"AWS_ENDPOINT_URL_{service.upper()}", "AWS_ENDPOINT_URL"):
        if given := os.environ.get(name):
            if not _ADDRESS.fullmatch(given):
                raise Misconfigured(f"{name} must be http:// or https:// with a host, perhaps a port, and no path")
            return given
    suffix = next((suffix for start, suffix in _SUFFIXES.items() if region.startswith(start)), "amazonaws.com")
    return f"https://{service}.{region}.{suffix}"


def _name(said: str) -> str:
    """An error's name, out of `prefix#Name:address`."""
    return said.partition(":")[0].rpartition("#")[2].strip()


def _given_up(
    error: CallRefused | NoAnswer, service: str, operation: str, *, tries: int, in_doubt: bool
) -> CallRefused | NoAnswer:
    """The error as the caller gets it. It is logged, but for failed conditions, which are ordinary."""
    about = {"aws_service": service, "operation": operation, "tries": tries}
    if isinstance(error, NoAnswer):
        _log(about | {"error": str(error)})
    else:
        error.in_doubt = in_doubt
        if error.name not in CONDITIONS:
            _log(about | {"error": error.name})  # never its message, which may quote what people said
    return error


def _log(about: dict[str, Any]) -> None:
    from cdp_core.observability import logger  # a call that goes well does without it

    logger().warning("a call to AWS failed", extra=about)


def _object(answer: bytes) -> dict[str, Any] | None:
    """The answer's JSON object; None for anything else, such as a proxy's page."""
    try:
        found = msgspec.json.decode(answer)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return found if isinstance(found, dict) else None
