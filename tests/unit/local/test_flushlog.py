"""What `make run` prints of the functions' logs."""

import json
from pathlib import Path
from typing import Any

import pytest

from local.flushlog import describe, follow_file, follow_group


def test_a_drain_is_one_line_of_counts() -> None:
    line = json.dumps(
        {"level": "INFO", "message": "flush", "envelopes": 3, "events": 7, "dead_letters": 1, "milliseconds": 41}
    )
    assert str(describe(line)).endswith(
        "flush: 3 envelopes, 7 events, 0 activities, 0 leaves, 0 duplicates, 1 dead letters in 41 ms"
    )


def test_an_error_is_shown_and_everything_else_is_not() -> None:
    assert describe('{"level": "ERROR", "message": "a tracking request failed"}') == "error: a tracking request failed"
    for line in ("", "plain", "[]", '{"level": "INFO", "message": "something"}', '{"_aws": {}}'):
        assert describe(line) is None


def test_a_line_is_given_once_it_is_complete(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("one\ntw")
    seen: list[str] = []

    def stopped() -> bool:
        """Ends the following after the second look; the rest of the line comes in between."""
        if seen == ["one"] and log.read_text() == "one\ntw":
            log.write_text("one\ntwo\n")
            return False
        return seen == ["one", "two"]

    for line in follow_file(log, stopped):
        seen.append(line)
    assert seen == ["one", "two"]


class Logs:
    """A log group whose answers are given, one a look."""

    def __init__(self, *looks: list[str]) -> None:
        self.looks = list(looks)

    def get_paginator(self, name: str) -> "Logs":
        return self

    def paginate(self, **request: Any) -> list[dict[str, Any]]:
        events = [{"timestamp": 1, "logStreamName": "one", "message": text} for text in self.looks.pop(0)]
        return [{"events": events}]


def test_a_log_event_is_shown_once_however_often_the_group_tells_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local.flushlog.time.sleep", lambda seconds: None)
    logs = Logs(["a"], ["a", "b"], ["b", "c"])
    assert list(follow_group(logs, "flush", lambda: not logs.looks)) == ["a", "b", "c"]
