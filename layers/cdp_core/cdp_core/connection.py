"""A kept-alive HTTP/1.1 connection to AWS: one request, one answer, again and again.

The standard library's client reads answers with its parser of e-mails: that costs more than signing and sending together,
and a part of a cold start (docs/performance.md). This reads what AWS's services send: a length, or chunks.
"""

import re
import socket
import ssl
from functools import cache
from typing import NamedTuple
from urllib.parse import SplitResult

from cdp_core import deadline

CONNECT_SECONDS = 1
_MAX_HEAD = 65_536
_MAX_INTERIM = 10  # answers of 1xx before the one that counts
_HEX = b"0123456789abcdefABCDEF"
_MAX_DIGITS = 15
_ERROR = b"x-amzn-errortype"
_ERROR_TYPE = re.compile(rb"\r\nx-amzn-errortype:[ \t]*([^\r\n]*)", re.IGNORECASE)
_FRAMING = re.compile(rb"\r\n(content-length|transfer-encoding|connection):[ \t]*([^\r\n]*?)[ \t]*(?=\r\n|$)")
_CHUNK = 65_536


class Broken(ConnectionError):
    """The other side closed in the middle, or what it sent is no HTTP."""


CLOSED = (ConnectionError, ssl.SSLError)  # how a connection shows that the other side has left it


class Answer(NamedTuple):
    """What came back; `stays` says whether the connection can be used again, `error` what the head calls the error."""

    status: int
    body: bytes
    stays: bool
    error: str


_Head = tuple[int, bytes, dict[bytes, bytes]]  # status, version, and the headers that say how the body comes


class Connection:
    """One connection to the host of a URL. Not for several threads at a time. Every failure is an OSError.

    Each step has `read_seconds`, and all of them end at a deadline (`until`, see cdp_core.deadline).
    """

    def __init__(self, url: SplitResult, *, read_seconds: float, until: float) -> None:
        """Connects. Raises OSError, after CONNECT_SECONDS at the latest for each address of the host and for TLS.

        How long the system may look for the host's addresses is not bounded here.
        """
        self._socket = _connected(url, until)
        self._read_seconds = read_seconds
        self._until = until
        self._allowed: float | None = None
        self._data = b""

    def exchange(self, request: bytes, until: float) -> Answer:
        """Sends a whole request and reads its answer. Raises TimeoutError or another OSError; the connection is of no use then."""
        self._until = until
        self._allow()
        self._socket.sendall(request)
        head = self._head()
        status, version, headers = head if head[0] >= 200 else self._after_interim()
        body = self._body(headers)
        stays = version == b"HTTP/1.1" and b"close" not in headers.get(b"connection", b"") and not self._data
        return Answer(status, body, stays, headers[_ERROR].decode("latin-1") if _ERROR in headers else "")

    def close(self) -> None:
        """Ends the connection."""
        self._socket.close()

    def _allow(self) -> None:
        """Lets the next step wait for as long as it may. To say so is a system call, and ordinarily nothing has changed."""
        seconds = self._until - deadline.now()
        if seconds < self._read_seconds or self._allowed != self._read_seconds:
            self._allowed = _positive(min(seconds, self._read_seconds))
            self._socket.settimeout(self._allowed)

    def _head(self) -> _Head:
        head = self._until_mark(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1."):
            raise Broken("no HTTP")
        status, headers = _number(head[9:12]), dict(_FRAMING.findall(head.lower()))
        if status >= 300 and (found := _ERROR_TYPE.search(head)):  # in letters as they came
            headers[_ERROR] = found[1]
        return status, head[:8], headers

    def _after_interim(self) -> _Head:
        for _ in range(_MAX_INTERIM):
            head = self._head()
            if head[0] >= 200:
                return head
        raise Broken("interim answers without an end")

    def _body(self, headers: dict[bytes, bytes]) -> bytes:
        """What ends with the connection is not trusted: nobody could tell whether that is all."""
        if b"chunked" in headers.get(b"transfer-encoding", b""):
            return self._chunks()
        if b"content-length" in headers:
            return self._exactly(_number(headers[b"content-length"]))
        raise Broken("an answer without a length")

    def _chunks(self) -> bytes:
        parts = []
        while size := _size(self._until_mark(b"\r\n")):
            parts.append(self._exactly(size))
            self._until_mark(b"\r\n")
        while self._until_mark(b"\r\n"):  # trailers, which nobody asked for
            pass
        return b"".join(parts)

    def _until_mark(self, mark: bytes) -> bytes:
        while (at := self._data.find(mark)) < 0:
            if len(self._data) > _MAX_HEAD:
                raise Broken("a head without an end")
            self._data += self._more()
        found, self._data = self._data[:at], self._data[at + len(mark) :]
        return found

    def _exactly(self, size: int) -> bytes:
        parts, left = [self._data], size - len(self._data)
        while left > 0:
            parts.append(self._more())
            left -= len(parts[-1])
        whole = b"".join(parts)
        self._data = whole[size:]
        return whole[:size]

    def _more(self) -> bytes:
        self._allow()
        part = self._socket.recv(_CHUNK)
        if not part:
            raise Broken("closed before the end")
        return part


_PORTS = {"http": 80, "https": 443}


def _connected(url: SplitResult, until: float) -> socket.socket:
    """A socket to the host of a URL, secured if the URL says so."""
    host = url.hostname or ""
    plain = _dialled(host, url.port or _PORTS[url.scheme], until)
    try:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if url.scheme == "http":
            return plain
        plain.settimeout(_positive(min(CONNECT_SECONDS, deadline.left(until))))
        return _tls().wrap_socket(plain, server_hostname=host)
    except BaseException:
        plain.close()
        raise


def _dialled(host: str, port: int, until: float) -> socket.socket:
    """A socket to the first of a host's addresses that answers."""
    trouble = OSError("no address")
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        made = socket.socket(family, kind, protocol)
        try:
            made.settimeout(_positive(min(CONNECT_SECONDS, deadline.left(until))))
            made.connect(address)
        except OSError as error:
            made.close()
            trouble = error
        else:
            return made
    raise trouble


def _positive(seconds: float) -> float:
    if seconds <= 0:
        raise TimeoutError("the time is over")
    return seconds


def _number(text: bytes) -> int:
    """A number of digits only: Python itself would take signs, spaces and underscores."""
    if not text.isdigit() or len(text) > _MAX_DIGITS:
        raise Broken("no number where HTTP has one")
    return int(text)


def _size(line: bytes) -> int:
    """How long a chunk is."""
    text = line.partition(b";")[0].rstrip()
    if not 0 < len(text) <= _MAX_DIGITS or text.strip(_HEX):
        raise Broken("no number where HTTP has one")
    return int(text, 16)


@cache
def _tls() -> ssl.SSLContext:
    """Trusts what the system trusts; made once, as reading the certificates takes longer than any call."""
    return ssl.create_default_context()
