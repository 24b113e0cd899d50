"""Stands between an SDK and the product: answers for it as a test says, then passes everything on."""

import gzip
import http.client
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PASSED = None  # the product gets the request, and its answer arrives
LOST = 0  # the product gets the request, and its answer does not arrive
_TIMEOUT_SECONDS = 60
_OURS = ("transfer-encoding", "connection", "date", "server")  # headers that this server sends itself
_CORS = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "retry-after"}


@dataclass
class Relay:
    """A running relay. `script` says how the next POSTs are answered: a status is the relay's own. Behind its end all are PASSED."""

    port: int
    target: int
    script: list[int | None] = field(default_factory=list)
    seen: list[tuple[int, list[int]]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answers_to(self, number: int) -> list[int]:
        """The statuses that a numbered message met, in order."""
        return [status for status, numbers in self.seen if number in numbers]

    def next_answer(self) -> int | None:
        """How the script wants this POST answered."""
        with self._lock:
            return self.script.pop(0) if self.script else PASSED


@contextmanager
def relay(target: int, script: Sequence[int | None] = ()) -> Iterator[Relay]:
    """A relay to the product on port `target`."""
    with serving(_Handler) as server:
        active = Relay(server.server_address[1], target, list(script))
        server.relay = active  # type: ignore[attr-defined]
        yield active


@contextmanager
def serving(handler: Callable[..., BaseHTTPRequestHandler]) -> Iterator[ThreadingHTTPServer]:
    """A loopback server in threads of its own."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    """One connection of an SDK."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """The test's output stays clean."""

    def _serve(self) -> None:
        active: Relay = self.server.relay  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        scripted = active.next_answer() if self.command == "POST" else PASSED
        if scripted in (PASSED, LOST):
            status, headers, answer = self._ask(active.target, body)
        else:
            status, headers, answer = scripted, _CORS | _headers(scripted), _body(scripted)
        if self.command == "POST":
            active.seen.append((LOST if scripted == LOST else status, _numbers(body)))
        if scripted == LOST:
            self.close_connection = True
            return
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = do_OPTIONS = _serve

    def _ask(self, port: int, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_SECONDS)
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            headers = {name: value for name, value in answer.getheaders() if name.lower() not in _OURS}
            return answer.status, headers, answer.read()
        finally:
            connection.close()


def _headers(status: int) -> dict[str, str]:
    length = {"Content-Type": "application/json", "Content-Length": str(len(_body(status)))}
    return length | ({"Retry-After": "1"} if status in (429, 503) else {})


def _body(status: int) -> bytes:
    """An error as the product writes it."""
    return json.dumps({"success": False, "code": "scripted", "message": f"the test says {status}"}).encode()


def _numbers(body: bytes) -> list[int]:
    """The numbers of the messages in a request."""
    said = json.loads(gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body)
    messages = said.get("batch", [said])
    return [one["properties"]["number"] for one in messages if "number" in (one.get("properties") or {})]
