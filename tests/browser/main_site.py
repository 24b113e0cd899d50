"""A main site of the tests' own: it serves kxt.js, answers as a test says, remembers what it was told, and hosts pages."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

SCRIPT = Path(__file__).parents[2] / "functions" / "track" / "kxt.js"
KEY = "website-key"
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "authorization, content-type",
    "Access-Control-Expose-Headers": "Retry-After",
}
DROPPED = 0  # as a status: the connection is closed without an answer


@dataclass(frozen=True, slots=True)
class Asked:
    """One request."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: str
    at: float

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


@dataclass
class MainSite:
    """What it answers, and what it was asked. Pages lie on `localhost`, the main site on 127.0.0.1: two origins.

    While `held` is an event that nobody has set, no POST is answered.
    """

    port: int = 0
    channel: dict[str, Any] = field(
        default_factory=lambda: {
            "channel": "website",
            "cookie_level": 1000,
            "consent_gate": True,
            "tracking_consent": "tracking",
        }
    )
    pages: dict[str, str] = field(default_factory=dict)
    answers: dict[str, list[tuple[int, dict[str, str]]]] = field(default_factory=dict)
    agreed: dict[tuple[str, str], bool] = field(default_factory=dict)
    held: threading.Event | None = None
    asked: list[Asked] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The main site's address."""
        return f"http://127.0.0.1:{self.port}"

    def page(self, path: str = "/", host: str = "localhost") -> str:
        """The address of a page of the website."""
        return f"http://{host}:{self.port}{path}"

    def answer_next(self, path: str, status: int, *, times: int = 1, **headers: str) -> None:
        """The next requests for this path get this answer."""
        self.answers.setdefault(path, []).extend([(status, headers)] * times)

    def asked_for(self, part: str, method: str | None = None) -> list[Asked]:
        """The requests with this in their path, preflights left out."""
        return [one for one in self.asked if part in one.path and one.method == (method or one.method) != "OPTIONS"]

    @property
    def batches(self) -> list[Asked]:
        """The requests with events."""
        return self.asked_for("/v1/batch")

    @property
    def events(self) -> list[dict[str, Any]]:
        """All events of all batches, repeats included."""
        return [event for batch in self.batches for event in batch.json["batch"]]

    def named(self, name: str) -> list[dict[str, Any]]:
        """The events of this type; page visits are `page`."""
        return [event for event in self.events if event.get("event", event["type"]) == name]

    def wait(self, condition: Callable[[], Any], seconds: float = 10) -> Any:
        """What the condition gives as soon as it gives something."""
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < deadline, [(one.method, one.path, one.body) for one in self.asked]
            time.sleep(0.02)
        return found

    def reply(self, asked: Asked) -> tuple[int, dict[str, str], str]:
        """Status, headers and body."""
        if self.held and asked.method == "POST":
            self.held.wait(10)
        scripted = self.answers.get(asked.path)
        if scripted and asked.method != "OPTIONS":
            status, headers = scripted.pop(0)
            return status, headers, '{"success": false, "code": "told_so"}'
        if asked.method == "OPTIONS":
            return 204, {"Access-Control-Allow-Methods": "GET, POST"}, ""
        if asked.path == "/kxt.js":
            return 200, {"Content-Type": "text/javascript"}, SCRIPT.read_text()
        if asked.path == f"/v1/projects/{KEY}/settings":
            return 200, {"Content-Type": "application/json"}, json.dumps({"kxt": self.channel})
        if asked.path == "/v1/batch":
            return 200, {}, '{"success": true}'
        if asked.path.startswith("/Kentico.Tracking/"):
            return self._consent(asked)
        if asked.path in self.pages:
            return 200, {"Content-Type": "text/html; charset=utf-8"}, self.pages[asked.path]
        return 404, {}, '{"code": "not_found"}'

    def _consent(self, asked: Asked) -> tuple[int, dict[str, str], str]:
        if asked.headers.get("authorization") != f"Bearer {KEY}":
            return 401, {}, "{}"
        parts = asked.path.split("/")[2:]
        if parts[-1] == "unheard-of":
            return 404, {}, '{"message": "no such consent"}'
        if parts[0] == "consents":
            language = asked.query.get("languageName", ["en"])[0]
            return 200, {}, json.dumps({"shortText": f"<p>short {language}</p>", "fullText": f"<p>full {language}</p>"})
        who = (parts[1], parts[3])
        if asked.method == "GET":
            return 200, {}, json.dumps({"isAgreed": self.agreed.get(who, False)})
        self.agreed[who] = asked.json["agree"]
        return 200, {}, '{"success": true}'


@contextmanager
def main_site() -> Iterator[MainSite]:
    """A main site on a free port."""
    site = MainSite()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.command, parts.path, parse_qs(parts.query), headers, body, time.monotonic())
            site.asked.append(asked)
            status, more, text = site.reply(asked)
            if status == DROPPED:
                return
            self.send_response(status)
            for name, value in (CORS | more).items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: Any) -> None:
            pass

        do_GET = do_POST = do_OPTIONS = _serve

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A browser that went away."""

    with Server(("127.0.0.1", 0), Handler) as server:
        site.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield site
        finally:
            server.shutdown()
