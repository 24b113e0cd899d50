"""What `make run` prints of the functions' logs."""

import json
from pathlib import Path

from local.flushlog import describe, follow_file


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
