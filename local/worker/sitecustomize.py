"""Runs at the start of every Python process of the embedded engine, and matters in those that run a function.

The engine hands a function's output to CloudWatch Logs only when the invocation ends, and a flush lives for a minute.
So a function's output is also written to one file as it comes, where `make run` reads the line of each drain.
"""

import os
import sys
from typing import TextIO


class _Tee:
    """Writes to the engine's pipe and to the file."""

    def __init__(self, pipe: TextIO, path: str) -> None:
        self._pipe = pipe
        self._file = open(path, "a", buffering=1, encoding="utf-8")  # noqa: SIM115 - lives as long as the process

    def write(self, text: str) -> int:
        self._file.write(text)
        return self._pipe.write(text)

    def flush(self) -> None:
        self._file.flush()
        self._pipe.flush()

    def __getattr__(self, name: str) -> object:
        return getattr(self._pipe, name)


if os.environ.get("AWS_LAMBDA_FUNCTION_NAME") and os.environ.get("CDP_LOCAL_FUNCTION_LOG"):
    sys.stderr = _Tee(sys.stderr, os.environ["CDP_LOCAL_FUNCTION_LOG"])
