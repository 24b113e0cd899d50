"""Sends what should not be sent, and looks at what became of it."""

import json
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from cdp_core import queue
from local.gateway import HttpRequest
from tests.double import StrictAws
from tests.support.product import (
    ADMIN_KEY,
    drain_all,
    track,
)
from tests.support.wsgi import through_gateway

MB = 1024 * 1024
PAGE = {"type": "page", "messageId": "good", "userId": "neighbour"}
NINES = "9" * 5_000
SURROGATE, REPLACEMENT = r"\ud800", "\ufffd"


@dataclass(slots=True)
class Store:
    """What the product holds, against what it held before anybody sent anything."""

    aws: StrictAws
    before: list[dict[str, Any]]

    def is_untouched(self) -> bool:
        """Nothing waits on the queue and nothing was stored."""
        return (
            queue.backlog() == 0
            and self.aws.items("activities") == []
            and by_key(self.aws.items("profiles")) == self.before
        )

    def refused(self) -> list[str]:
        """The reasons of dead letters."""
        items = self.aws.items("activities")
        return [item["reason"]["S"] for item in items if item["sk"]["S"].startswith("dead#")]


def by_key(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The items in one order."""
    return sorted(items, key=lambda item: (item["pk"]["S"], item["sk"]["S"]))


def ask(method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, Any, str]:
    """Asks the profiles API through API Gateway; status, answer with exact numbers, answer as text."""
    path, _, query = path.partition("?")
    given = {"authorization": f"Bearer {ADMIN_KEY}"} | {name.replace("_", "-"): one for name, one in headers.items()}
    answer = through_gateway(
        HttpRequest(method=method, path=path, query=query, headers=tuple(given.items()), body=body)
    )
    text = answer.body.decode()
    return answer.status, json.loads(text, parse_float=Decimal, parse_int=Decimal), text


def activities(name: str) -> list[Any]:
    """A person's activities, with exact numbers."""
    status, answer, _ = ask("GET", f"/profiles/{quote(name, safe='')}/activities?limit=100")
    assert status == 200, answer
    return list(answer["items"])


def properties_of(body: bytes) -> tuple[Any, str | None]:
    """What becomes of properties that are sent as this text, and the note."""
    text = b'{"batch":[{"type":"page","userId":"42","messageId":"m","properties":%s},%s]}'
    assert track("/v1/batch", text % (body, json.dumps(PAGE).encode())) == (200, {"success": True})
    drain_all()
    assert [one["message_id"] for one in activities("user_id:neighbour")] == ["good"]
    (shown,) = activities("user_id:42")
    return shown["properties"], shown["note"]


def peak(act: Callable[[], Any]) -> tuple[int, Any]:
    """The most memory that something takes on top of what was there, and its result."""
    tracemalloc.start()
    try:
        result = act()
        return tracemalloc.get_traced_memory()[1], result
    finally:
        tracemalloc.stop()
