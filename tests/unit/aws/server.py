"""A service on loopback that answers by script, and remembers what it was asked."""

import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from cdp_core.aws import Client

CLOSE, SILENT = b"close", b"silent"  # instead of an answer: the connection ends, or nothing comes
ERROR = (
    b'{"__type":"com.amazonaws.dynamodb.v20120810#%s","message":"why","Item":{"pk":{"S":"x"}}}'  # an error by its name
)
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


def answer(body: bytes = b"{}", status: int = 200, head: bytes = b"") -> bytes:
    """An answer with a length."""
    return b"HTTP/1.1 %d X\r\n%sContent-Length: %d\r\n\r\n%s" % (status, head, len(body), body)


@dataclass(slots=True)
class Scripted:
    """What was received over which connection (numbered from 1), and what is answered next: the last one again and again."""

    answers: list[bytes] = field(default_factory=lambda: [answer()])
    asked: list[tuple[int, bytes]] = field(default_factory=list)
    connections: int = 0
    lock: Any = field(default_factory=threading.Lock)

    def next(self, number: int, request: bytes) -> bytes:
        """Remembers a request, and says what to answer."""
        with self.lock:
            self.asked.append((number, request))
            return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[tuple[Scripted, int]]:
    """The service and its port."""
    script, listener = Scripted(), socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=_accept, args=(listener, script, tls), daemon=True).start()
    try:
        yield script, listener.getsockname()[1]
    finally:
        listener.close()


def _accept(listener: socket.socket, script: Scripted, tls: ssl.SSLContext | None) -> None:
    while True:
        try:
            plain, _ = listener.accept()
        except OSError:
            return
        script.connections += 1
        threading.Thread(target=_converse, args=(plain, script, script.connections, tls), daemon=True).start()


def _converse(plain: socket.socket, script: Scripted, number: int, tls: ssl.SSLContext | None) -> None:
    try:
        connection = tls.wrap_socket(plain, server_side=True) if tls else plain
        with connection:
            while request := _request(connection):
                reply = script.next(number, request)
                if reply == CLOSE:
                    return
                if reply != SILENT:
                    connection.sendall(reply)
    except OSError:
        plain.close()


def _request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65_536)
        if not part:
            return b""
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    found = _LENGTH.search(head)
    while found and len(body) < int(found[1]):
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


def client(service: str = "dynamodb", read_seconds: float = 5) -> Client:
    """A new client: no connection yet."""
    return Client(service, read_seconds=read_seconds)


def head_and_body(request: bytes) -> tuple[dict[str, str], bytes]:
    """The headers of a request by their names in small letters, and its body."""
    head, _, body = request.partition(b"\r\n\r\n")
    pairs = (line.partition(": ") for line in head.decode().split("\r\n")[1:])
    return {name.lower(): value for name, _, value in pairs}, body
