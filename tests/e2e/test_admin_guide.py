"""The admin guide's commands, run as they are printed, against the running platform."""

import json
import re
import subprocess

import pytest

from tests.e2e.running import ROOT, Running

pytestmark = pytest.mark.e2e

GUIDE = (ROOT / "docs" / "admin-guide.md").read_text()


def blocks() -> list[str]:
    """Every block of commands; the first one says how to ask."""
    return re.findall(r"^```sh\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)


def test_every_command_of_the_guide_is_answered_with_what_it_promises(running: Running) -> None:
    """In their order, each line's answer for itself: nothing is refused but the look for somebody who was erased."""
    ask, *rest = blocks()
    lines = [line for block in rest for line in block.splitlines()]
    printed = "\n".join(f"{line} | tr -d '\\r\\n'; echo" for line in lines)
    program = running.here(f"{ask}\n{printed}")
    done = subprocess.run(["bash", "-c", program], check=True, capture_output=True, text=True)
    answers = done.stdout.splitlines()[1:]
    assert len(answers) == len(lines)
    for line, answer in zip(lines, answers, strict=True):
        refused = json.loads(answer).get("error") if answer.startswith("{") else None
        assert (refused is not None) == line.endswith("/profiles/user_id%3Aguide-2"), (line, answer)
