"""Log lines reach the log whatever is in them."""

import json

import pytest

from cdp_core.observability import logger


@pytest.mark.parametrize("value", ["\ud800", "ü\udfff", "\u2028\x00😀", "plain"])
def test_no_line_is_lost_to_what_it_says(value: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Half a surrogate pair has no form in UTF-8."""
    logger().warning("said", extra={"value": value})
    captured = capfd.readouterr()
    assert json.loads(captured.out)["value"] == value
    assert captured.err == ""
