"""The front door: one port on loopback in front of the deployed functions, the demo page beside them."""

import json
import mimetypes
import threading
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from local.gateway import (
    Api,
    HttpAnswer,
    HttpRequest,
    answer_of,
    event_of,
    find,
    is_preflight,
    message,
    preflight_answer,
    with_cors,
)

MAX_BODY = 10 * 1024 * 1024  # API Gateway's
MAX_EVENT = 6 * 1024 * 1024  # Lambda's, for the whole event
MAX_AT_ONCE = 8  # functions run as processes here: more requests than this wait their turn
DEMO = Path(__file__).resolve().parent / "demo"

Invoke = Callable[[str, bytes], Any]
"""Runs a function by its name with an event (JSON) and gives its result; raises on any failure of the function."""


class FrontDoor(ThreadingHTTPServer):
    """Serves the APIs and the demo page on 127.0.0.1."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int) -> None:
        """Takes the port; raises OSError if somebody else has it."""
        super().__init__(("127.0.0.1", port), _Handler)
        self._turns = threading.BoundedSemaphore(MAX_AT_ONCE)

    def open(self, apis: Sequence[Api], invoke: Invoke) -> None:
        """Says what to serve, before the first request is."""
        self._apis = apis
        self._invoke = invoke

    @property
    def hosts(self) -> set[str]:
        """The Host headers that are ours: a page on another name that resolves here must not reach the keys."""
        port = self.server_address[1]
        return {f"{name}:{port}" for name in ("127.0.0.1", "localhost")}

    def answer(self, request: HttpRequest) -> HttpAnswer:
        """The answer to a request, CORS headers included."""
        if request.header("host") not in self.hosts:
            return message(421, f"this server answers to {' and '.join(sorted(self.hosts))} only")
        if request.path == "/" or request.path == "/demo" or request.path.startswith("/demo/"):
            return _demo(request.path)
        match = find(self._apis, request.method, request.path)
        if is_preflight(request):
            return preflight_answer(match.api.cors, request)
        answer = message(404, "Not Found")
        if match.route is not None:
            answer = self._run(match.route.function, json.dumps(event_of(request, match)).encode())
        return with_cors(answer, match.api.cors, request.header("origin"))

    def _run(self, function: str, event: bytes) -> HttpAnswer:
        if len(event) > MAX_EVENT:
            return message(413, "Request Entity Too Large")
        try:
            with self._turns:
                return answer_of(self._invoke(function, event))
        except Exception as error:
            print(f"{function} failed: {error}", flush=True)
            return message(500, "Internal Server Error")


def _demo(path: str) -> HttpAnswer:
    """A file of the demo page; the bare paths lead to it."""
    if path in ("/", "/demo"):
        return HttpAnswer(302, b"", [("location", "/demo/")])
    file = (DEMO / (unquote(path.removeprefix("/demo/")) or "index.html")).resolve()
    if not file.is_relative_to(DEMO) or not file.is_file():
        return message(404, "Not Found")
    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    return HttpAnswer(
        200, file.read_bytes(), [("content-type", f"{kind}; charset=utf-8"), ("cache-control", "no-store")]
    )


class _Unreadable(Exception):
    """A request that cannot be read to its end."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    server: FrontDoor
    protocol_version = "HTTP/1.1"
    server_version = "cdp-local"
    sys_version = ""
    timeout = 75
    disable_nagle_algorithm = True

    def _serve(self) -> None:
        try:
            self._send(self.server.answer(self._request()))
        except _Unreadable as error:
            self.close_connection = True  # the rest of the body would be taken for the next request
            self._send(message(error.status, str(error)))

    def _request(self) -> HttpRequest:
        path, _, query = self.path.partition("?")
        is_chunked = "chunked" in self.headers.get("transfer-encoding", "").lower()
        return HttpRequest(
            method=self.command,
            path=path,
            query=query,
            headers=self.headers.items(),
            body=b"".join(self._chunks()) if is_chunked else self._read(self.headers.get("content-length", "0"), 10),
            client=self.client_address[0],
        )

    def _chunks(self) -> Iterator[bytes]:
        left = MAX_BODY
        while chunk := self._read(self.rfile.readline(32).partition(b";")[0].strip().decode("latin-1"), 16, left):
            yield chunk
            left -= len(chunk)
            self.rfile.readline(8)
        while self.rfile.readline(8192).strip():  # trailers
            pass

    def _read(self, length: str, base: int, most: int = MAX_BODY) -> bytes:
        """So many bytes of the body, as a header says it. Raises _Unreadable."""
        try:
            size = int(length, base)
        except ValueError:
            raise _Unreadable(400, "Bad Request") from None
        if not 0 <= size <= most:
            raise _Unreadable(413, "Request Entity Too Large")
        return self.rfile.read(size)

    def _send(self, answer: HttpAnswer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers:
            if name not in ("content-length", "connection", "transfer-encoding"):
                self.send_header(name, value)
        if self.close_connection:
            self.send_header("connection", "close")
        if answer.status != 204:
            self.send_header("content-length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: paths hold identifiers, and the terminal is for the flushes."""

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_HEAD = _serve
