"""`make run` as a new user meets it."""

import base64
import gzip
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.running import Running, wait_for

pytestmark = pytest.mark.e2e

BASIC = {"Authorization": "Basic " + base64.b64encode(b"local-write-key:").decode()}


def track(running: Running, event: dict[str, Any], **headers: str) -> None:
    body = json.dumps(event).encode()
    answer = running.request(
        "POST", "/v1/track", body=body, headers=BASIC | {"Content-Type": "application/json"} | headers
    )
    assert (answer.status, answer.json) == (200, {"success": True})


def test_a_drain_of_the_flush_prints_a_line(running: Running) -> None:
    track(running, {"userId": "line", "event": "Seen"})
    wait_for(lambda: bool(re.search(r"flush: \d+ envelopes, \d+ events, \d+ activities", running.printed())))


def test_what_it_prints_as_a_curl_works(running: Running) -> None:
    commands = re.search(r"^  (curl .*?)\n  (curl .*?)\n", running.printed(), re.DOTALL | re.MULTILINE)
    assert commands is not None
    for command in commands.groups():
        subprocess.run(["bash", "-c", command], check=True, capture_output=True)


def test_numbers_and_text_come_back_as_they_were_sent(running: Running) -> None:
    sent = (
        b'{"userId":"odd","event":"Odd","messageId":"odd-1","properties":{"n":0.1000000000000000055,"big":12345678901234567890123,'
        + ('"text":"žluťoučký 🐎\\u0000","none":null,"nested":{"a":[1,{"b":[]}]}}}'.encode())
    )
    answer = running.request("POST", "/v1/track", body=sent, headers=BASIC | {"Content-Type": "text/plain"})
    assert answer.status == 200
    running.wait_for_events("user_id%3Aodd", 1)
    timeline = running.get("/profiles/user_id%3Aodd/activities").body.decode()
    assert '"n":0.1000000000000000055' in timeline.replace(" ", "")
    assert '"big":12345678901234567890123' in timeline.replace(" ", "")
    properties = json.loads(timeline)["items"][0]["properties"]
    assert properties["text"] == "žluťoučký 🐎\0"
    assert properties["nested"] == {"a": [1, {"b": []}]}
    assert properties["none"] is None


def test_a_gzipped_body_arrives_intact(running: Running) -> None:
    body = gzip.compress(
        json.dumps({"batch": [{"type": "track", "userId": "zip", "event": f"e{n}"} for n in range(50)]}).encode()
    )
    answer = running.request("POST", "/v1/batch", body=body, headers=BASIC | {"Content-Encoding": "gzip"})
    assert answer.status == 200
    assert running.wait_for_events("user_id%3Azip", 50)["activity_counts"]["total"] == 50


def test_an_identifier_in_a_path_may_hold_anything_that_is_encoded(running: Running) -> None:
    track(running, {"userId": "a b:c@d+ž", "event": "Odd Name"})
    profile = running.wait_for_events("user_id%3Aa%20b%3Ac%40d%2B%C5%BE", 1)
    assert profile["identities"][0]["value"] == "a b:c@d+ž"


def test_any_website_may_ask_to_track_and_none_to_administer(running: Running) -> None:
    ask = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
    allowed = running.request("OPTIONS", "/v1/batch", headers=ask)
    assert (allowed.status, allowed.headers["access-control-allow-origin"]) == (204, "*")
    assert "authorization" in allowed.headers["access-control-allow-headers"]
    refused = running.request("OPTIONS", "/profiles", headers=ask)
    assert "access-control-allow-origin" not in refused.headers


def test_errors_carry_cors_headers_or_a_browser_sdk_would_retry_them(running: Running) -> None:
    for path, status in (("/v1/track", 401), ("/v1/unheard-of", 404)):
        answer = running.request("POST", path, body=b"{}", headers={"Origin": "https://shop.example"})
        assert (answer.status, answer.headers["access-control-allow-origin"]) == (status, "*")


def test_a_foreign_host_is_turned_away(running: Running) -> None:
    assert running.request("GET", "/docs", headers={"Host": f"rebound.example:{running.port}"}).status == 421


@pytest.mark.parametrize("path", ["/health", "/docs", "/openapi.json", "/demo/", "/demo/demo.js"])
def test_its_pages_are_served(running: Running, path: str) -> None:
    assert running.request("GET", path).status == 200


def test_the_demo_page_serves_its_own_folder_only(running: Running) -> None:
    assert running.request("GET", "/demo/..%2F..%2Fsettings.py").status == 404


def test_a_port_in_use_is_said(running: Running, tmp_path: Path) -> None:
    second = Running(tmp_path / "state", port=running.port)
    assert second.process.wait(timeout=60) != 0
    assert "in use" in second.printed()


def test_data_survive_ctrl_c_and_even_a_killed_run(tmp_path: Path) -> None:
    first = Running(tmp_path / "state").wait_until_ready()
    track(first, {"userId": "stays", "event": "Before"})
    first.wait_for_events("user_id%3Astays", 1)
    first.interrupt()
    second = Running(tmp_path / "state").wait_until_ready()
    track(second, {"userId": "stays", "event": "Between"})
    second.kill()
    third = Running(tmp_path / "state").wait_until_ready()
    try:
        assert third.wait_for_events("user_id%3Astays", 2)["activity_counts"]["by_type"] == {"before": 1, "between": 1}
    finally:
        third.interrupt()
    assert not (tmp_path / "state" / "engine.pid").exists()
