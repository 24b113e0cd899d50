"""One contender in a process of its own, told by its input what to do next and measuring its own CPU.

python -m bench.textbook.contender textbook|ours|gated|visitor|floor|logs
"""

import io
import json
import os
import sys
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from bench.textbook.events import People, key_of, request

CONTEXT = SimpleNamespace(
    function_name="track", memory_limit_in_mb=512, invoked_function_arn="arn:aws:lambda:x", aws_request_id="r"
)
Handler = Callable[[dict[str, Any]], Any]


def textbook() -> Handler:
    """The yardstick."""
    from bench.textbook.textbook_track import handler

    return lambda event: handler(event, CONTEXT)


def ours() -> Handler:
    """The product's function."""
    sys.path.insert(0, "functions/track")
    import app

    return lambda event: app.handler(event, CONTEXT)


def floor() -> Handler:
    """Nothing but signing and sending the same bytes."""
    from cdp_core.aws import Client

    client, queue = Client("sqs", read_seconds=3), os.environ["QUEUE_URL"]

    def send(event: dict[str, Any]) -> dict[str, int]:
        client.call("SendMessageBatch", {"QueueUrl": queue, "Entries": [{"Id": "0", "MessageBody": event["body"]}]})
        return {"statusCode": 200}

    return send


def logs() -> Handler:
    """Only what the product's function prints for a request."""
    from cdp_core.observability import count

    def only(_: dict[str, Any]) -> dict[str, int]:
        count(accepted=100)
        return {"statusCode": 200}

    return only


HANDLERS = {"textbook": textbook, "ours": ours, "gated": ours, "visitor": ours, "floor": floor, "logs": logs}


class Sink(io.TextIOBase):
    """Takes what a handler prints, and counts it (in characters)."""

    size = 0

    def write(self, text: str) -> int:
        """Forgets the text."""
        self.size += len(text)
        return len(text)


def _measure(name: str, handler: Handler, people: People, events: int, requests: int) -> float:
    """CPU of one event, in microseconds; made-up requests are made before."""
    of_one = name == "visitor"
    made = [request(people.batch(events, of_one=of_one), key_of(name)) for _ in range(requests)]
    began = time.process_time()
    for one in made:
        if handler(one)["statusCode"] != 200:
            raise RuntimeError("a request failed")
    return (time.process_time() - began) / events / requests * 1e6


def main() -> None:
    """Reads lines of `events requests`, and answers each with microseconds and bytes of logs an event."""
    name = sys.argv[1]
    report, sys.stdout = sys.stdout, (sink := Sink())
    handler, people = HANDLERS[name](), People(seed=1)
    for line in sys.stdin:
        events, requests = map(int, line.split())
        before = sink.size
        cpu = _measure(name, handler, people, events, requests)
        print(json.dumps([cpu, (sink.size - before) / events / requests]), file=report, flush=True)


if __name__ == "__main__":
    main()
