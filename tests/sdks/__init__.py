"""What the tests of real SDKs share: the installed packages, what is sent through them, and a relay with a will of its own."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.e2e.running import Running, wait_for

HERE = Path(__file__).parent
MODULES = HERE / "node_modules"
ODD: dict[str, Any] = {
    "big": 2**70,
    "tiny": 1e-300,
    "nested": {"a": [1, {"b": [True, ""]}]},
    "text": "\0žluťoučký 🐎",
    "half": "\ud83d",
}
SHOWN = ODD | {"half": "\ufffd"}
Call = dict[str, Any]


class Person:
    """A visitor who becomes a user. What is sent for them is numbered, so that it can be found again, once."""

    def __init__(self) -> None:
        name = uuid.uuid4().hex[:8]
        self.user, self.visitor, self.former = f"user-{name}", f"visitor-{name}", f"former-{name}"
        self.path = f"/profiles/user_id%3A{self.user}"
        self.numbers: list[int] = []

    def track(self, event: str = "Numbered", **more: Any) -> Call:
        """An activity with a number of its own."""
        return self.numbered({"call": "track", "event": event, "userId": self.user, **more})

    def numbered(self, call: Call) -> Call:
        """The call with the next number among its properties."""
        self.numbers.append(len(self.numbers))
        return call | {"properties": {**call.get("properties", {}), "number": self.numbers[-1]}}

    def shown(self, running: Running) -> list[dict[str, Any]]:
        """The activities of the profile, once there are as many as were sent; each number must be there once."""
        wait_for(lambda: _total(running, self.path) >= len(self.numbers))
        items = list(_activities(running, self.path))
        assert sorted(one["properties"]["number"] for one in items) == self.numbers
        assert len({one["message_id"] for one in items}) == len(self.numbers)
        return items


def _total(running: Running, path: str) -> int:
    answer = running.get(path)
    return int(answer.json["activity_counts"]["total"]) if answer.status == 200 else 0


def _activities(running: Running, path: str) -> Iterator[dict[str, Any]]:
    cursor: str | None = ""
    while cursor is not None:
        page = running.get(f"{path}/activities?limit=100" + (f"&cursor={quote(cursor)}" if cursor else "")).json
        yield from page["items"]
        cursor = page["cursor"]
