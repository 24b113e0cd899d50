"""The README's examples, run as they are printed."""

import json
import re
import subprocess
import sys

import pytest

from tests.e2e.running import ROOT, Running, wait_for

pytestmark = pytest.mark.e2e

README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def shell(running: Running, command: str) -> str:
    return subprocess.run(["bash", "-c", running.here(command)], check=True, capture_output=True, text=True).stdout


def test_the_curl_is_accepted_and_the_person_is_there_after_the_next_flush(running: Running) -> None:
    send, look = (block for block in blocks("sh") if block.startswith("curl"))
    assert json.loads(shell(running, send)) == {"success": True}
    wait_for(lambda: "signed_up" in json.loads(shell(running, look)).get("activity_counts", {}).get("by_type", {}))


def test_the_three_lines_of_the_segment_sdk_send_their_event(running: Running) -> None:
    (program,) = blocks("python")
    assert len([line for line in program.splitlines() if line]) == 3
    subprocess.run([sys.executable, "-c", running.here(program)], check=True)
    wait_for(lambda: b"order_completed" in running.get("/profiles/user_id%3A42").body)


def test_the_make_targets_exist() -> None:
    targets = re.findall(r"^make (\w+)", "".join(blocks("sh")), re.MULTILINE)
    assert targets == ["run", "test"]
    for target in targets:
        subprocess.run(["make", "--dry-run", target], cwd=ROOT, check=True, capture_output=True)


def test_its_links_lead_somewhere() -> None:
    for link in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / link).exists(), link


def test_the_first_channel_and_key_are_made_as_the_deployment_guide_says(running: Running) -> None:
    guide = (ROOT / "docs" / "deploying.md").read_text()
    # The local stack has a channel `website` already.
    guide = guide.replace('"code_name": "website"', '"code_name": "webshop"').replace(
        "channels/website", "channels/webshop"
    )
    create, key = re.findall(r'^curl "\$ADMIN_URL.*$', guide, re.MULTILINE)
    access = f"ADMIN_URL=http://127.0.0.1:{running.port} ADMIN_KEY=local-admin-key; "
    assert json.loads(shell(running, access + create))["code_name"] == "webshop"
    made = json.loads(shell(running, access + key))["key"]
    event = """-d '{"userId": "7", "event": "Seen"}'"""
    assert json.loads(shell(running, f"curl http://127.0.0.1:8787/v1/track -u {made}: {event}")) == {"success": True}
