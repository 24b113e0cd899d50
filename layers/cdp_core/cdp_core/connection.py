"""A kept-alive HTTP/1.1 connection to AWS: one request, one answer, again and again.

The standard library's client reads answers with its parser of e-mails: that costs more than signing and sending together,
and a tenth of a cold start (bench/performance). This reads what AWS's services send: a length, chunks, or until the end.
"""

import re
import socket
import ssl
from functools import cache
from typing import NamedTuple
from urllib.parse import SplitResult

CONNECT_SECONDS = 1
_MAX_HEAD = 65_536
_FRAMING = re.compile(rb"\r\n(content-length|transfer-encoding|connection):[ \t]*([^\r\n]*?)[ \t]*(?=\r\n|$)")
_CHUNK = 65_536


class Broken(ConnectionError):
    """The other side closed in the middle, or what it sent is no HTTP."""


CLOSED = (ConnectionError, ssl.SSLError)  # how a connection shows that the other side has left it


class Answer(NamedTuple):
    """What came back; `stays` says whether the connection can be used again."""

    status: int
    body: bytes
    stays: bool


class Connection:
    """One connection to the host of a URL. Not for several threads at a time. Every failure is an OSError."""

    def __init__(self, url: SplitResult, *, read_seconds: float) -> None:
        """Connects. Raises OSError, after CONNECT_SECONDS at the latest for each address of the host."""
        host = url.hostname or ""
        plain = socket.create_connection((host, url.port or _PORTS[url.scheme]), CONNECT_SECONDS)
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket = _tls().wrap_socket(plain, server_hostname=host) if url.scheme == "https" else plain
        except BaseException:
            plain.close()
            raise
        self._socket.settimeout(read_seconds)
        self._data = b""

    def exchange(self, request: bytes) -> Answer:
        """Sends a whole request and reads its answer. Raises TimeoutError or another OSError; the connection is of no use then."""
        self._socket.sendall(request)
        status, version, headers = self._head()
        while 100 <= status < 200:
            status, version, headers = self._head()
        stays = version == b"HTTP/1.1" and headers.get(b"connection") != b"close"
        if b"chunked" in headers.get(b"transfer-encoding", b""):
            body = self._chunks()
        elif b"content-length" in headers:
            body = self._exactly(_number(headers[b"content-length"], 10))
        else:
            body, stays = self._rest(), False
        return Answer(status, body, stays and not self._data)

    def close(self) -> None:
        """Ends the connection."""
        self._socket.close()

    def _head(self) -> tuple[int, bytes, dict[bytes, bytes]]:
        """Status, version, and those of the headers, in small letters, that say how the body comes."""
        head = self._until(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1."):
            raise Broken("no HTTP")
        return _number(head[9:12], 10), head[:8], dict(_FRAMING.findall(head.lower()))

    def _chunks(self) -> bytes:
        parts = []
        while size := _number(self._until(b"\r\n").partition(b";")[0], 16):
            parts.append(self._exactly(size))
            self._until(b"\r\n")
        while self._until(b"\r\n"):  # trailers, which nobody asked for
            pass
        return b"".join(parts)

    def _until(self, mark: bytes) -> bytes:
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

    def _rest(self) -> bytes:
        parts = [self._data]
        while part := self._socket.recv(_CHUNK):
            parts.append(part)
        return b"".join(parts)

    def _more(self) -> bytes:
        part = self._socket.recv(_CHUNK)
        if not part:
            raise Broken("closed before the end")
        return part


_PORTS = {"http": 80, "https": 443}


def _number(text: bytes, base: int) -> int:
    try:
        return int(text, base)
    except ValueError as error:
        raise Broken("no number where HTTP has one") from error


@cache
def _tls() -> ssl.SSLContext:
    """Trusts what the system trusts; made once, as reading the certificates takes longer than any call."""
    return ssl.create_default_context()
