"""Logs as JSON and metrics in CloudWatch's embedded format: identifiers and counts only, never what people said.

One line each on the standard output, in one form for all functions; small enough for the start of the hot path.
"""

import json
import logging
import os
import sys
import time
from functools import cache, lru_cache
from typing import Any

NAMESPACE = "cdp"
_ORDINARY = {*logging.makeLogRecord({}).__dict__, "message", "asctime", "taskName"}  # what every record has of its own


class _Json(logging.Formatter):
    """A record as one JSON object: level, place, message, time, and whatever the caller added."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "level": record.levelname,
            "location": f"{record.module}.{record.funcName}:{record.lineno}",
            "message": record.getMessage(),
            "timestamp": f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created))}.{int(record.msecs):03d}Z",
            "service": NAMESPACE,
        }
        line |= {"function": name} if (name := os.environ.get("AWS_LAMBDA_FUNCTION_NAME")) else {}
        line |= {"xray_trace_id": trace} if (trace := _trace()) else {}
        line |= {name: value for name, value in record.__dict__.items() if name not in _ORDINARY}
        if record.exc_info and record.exc_info[0]:
            line |= {"exception": self.formatException(record.exc_info), "exception_name": record.exc_info[0].__name__}
        # In ASCII: half a surrogate pair could not be printed, and the line would be lost.
        return json.dumps(line, default=str)


def _trace() -> str:
    """The trace that Lambda wrote down for this invocation, or nothing."""
    return os.environ.get("_X_AMZN_TRACE_ID", "").partition("Root=")[2].partition(";")[0]


class _Standard(logging.StreamHandler[Any]):
    """Writes to whatever is the standard output now."""

    @property
    def stream(self) -> Any:
        return sys.stdout

    @stream.setter
    def stream(self, value: Any) -> None:
        """The handler's own wish for a stream is not heard."""


@cache
def logger() -> logging.Logger:
    """The process's logger. One line a request or batch, from its outcome; `extra` adds fields."""
    made = logging.getLogger(NAMESPACE)
    handler = _Standard()
    handler.setFormatter(_Json())
    made.handlers, made.propagate = [handler], False
    made.setLevel(logging.INFO)
    return made


def count(**metrics: int) -> None:
    """Adds to CloudWatch metrics of these names, in one line of embedded metric format; zeroes are left out."""
    given = {name: value for name, value in metrics.items() if value}
    if not given:
        return
    now, values = time.time_ns() // 1_000_000, "".join([f',"{name}":{value}' for name, value in given.items()])
    line = f'{{"_aws":{{"Timestamp":{now},{_directive(*given)}}},"service":"{NAMESPACE}"{values}}}'
    print(line)  # noqa: T201 - this is how metrics leave a function


@lru_cache(maxsize=64)
def _directive(*names: str) -> str:
    """What says that these fields of a line are metrics."""
    metrics = [{"Name": name, "Unit": "Count"} for name in names]
    about = {"CloudWatchMetrics": [{"Namespace": NAMESPACE, "Dimensions": [["service"]], "Metrics": metrics}]}
    return json.dumps(about)[1:-1]
