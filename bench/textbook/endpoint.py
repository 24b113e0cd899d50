"""An AWS on loopback in a process of its own: the in-memory engine of the tests behind HTTP, so that only its callers' CPU counts.

    python -m bench.textbook.endpoint

Prints its port. DynamoDB answers after the milliseconds that Bench.Wait sets; Bench.Counts says and forgets what was asked.
After Bench.Can what tracking asks gets canned answers: an engine at work beside its caller takes the caches from it.
"""

import base64
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec
from botocore.exceptions import ClientError

from cdp_core.domain.channels import Channel
from cdp_core.tables import channels
from tests.double import strict_aws
from tests.double.memory import Memory

KEYS = {"open": False, "gated": True}  # write keys, and whether their channels ask for consents
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_TARGET = re.compile(rb"x-amz-target: *(\w+)\.(\w+)", re.IGNORECASE)
_BINARY = {"e", "hz", "ring"}  # the attributes that hold bytes


class Engine:
    """The engine, what it was asked, and how long it lets DynamoDB's callers wait."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.counts: Counter[str] = Counter()
        self.wait_seconds = 0.0
        self.canned: dict[str, Callable[[Any], Any]] = {}
        self.lock = threading.Lock()

    def answer(self, service: bytes, operation: str, body: bytes) -> tuple[int, Any]:
        """Status and answer of one call."""
        given = msgspec.json.decode(body)
        if service == b"Bench":
            return 200, self._bench(operation, given)
        if operation in self.canned:
            return 200, self.canned[operation](given)
        if service.startswith(b"DynamoDB"):
            time.sleep(self.wait_seconds)
            given = _converted(given, base64.b64decode, str)
        with self.lock:
            status, answer = self._done(operation, given)
            size = len(msgspec.json.encode(answer)) if operation == "ReceiveMessage" else len(body)
            self.counts.update({operation: 1, f"{operation} bytes": size})
        return status, answer

    def _done(self, operation: str, given: Any) -> tuple[int, Any]:
        try:
            answer = self.memory.handle(operation, given)
        except ClientError as error:
            said: Any = error.response
            rest = {name: part for name, part in said.items() if name not in ("Error", "ResponseMetadata")}
            return 400, {"__type": f"com.amazonaws.dynamodb.v20120810#{said['Error']['Code']}", "message": "", **rest}
        if operation == "SendMessageBatch":
            answer["Successful"] = [one | _sent(one) for one in answer["Successful"]]
        return 200, answer

    def _bench(self, operation: str, given: Any) -> Any:
        if operation == "Wait":
            self.wait_seconds = given["milliseconds"] / 1000
        if operation == "Can":
            self.canned = {"SendMessage": _sent, "SendMessageBatch": _all_sent, "BatchGetItem": _nothing_known}
        counts, self.counts = self.counts, Counter()
        return dict(counts)


def _sent(_: Any) -> Any:
    return {"MessageId": "m", "MD5OfMessageBody": "0"}


def _all_sent(given: Any) -> Any:
    return {"Successful": [{"Id": entry["Id"], **_sent(entry)} for entry in given["Entries"]]}


def _nothing_known(_: Any) -> Any:
    return {"Responses": {}, "UnprocessedKeys": {}}


def _converted(value: Any, convert: Any, kind: type) -> Any:
    """A value with the content of its binary attributes converted."""
    if isinstance(value, list):
        return [_converted(part, convert, kind) for part in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1 and isinstance(value.get("B"), kind):
        return {"B": convert(value["B"])}
    return {name: _converted(part, convert, kind) for name, part in value.items()}


def _serve(connection: socket.socket, engine: Engine) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while request := _request(connection):
        head, body = request
        target = _TARGET.search(head)
        assert target
        status, answer = engine.answer(target[1], target[2].decode(), body)
        text = msgspec.json.encode(answer)
        head = b"HTTP/1.1 %d OK\r\nx-amzn-requestid: 1\r\ncontent-length: %d\r\n\r\n" % (status, len(text))
        connection.sendall(head + text)


def _request(connection: socket.socket) -> tuple[bytes, bytes] | None:
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(1 << 20)
        if not part:
            return None
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    length = _LENGTH.search(head)
    while length and len(body) < int(length[1]):
        body += connection.recv(1 << 20)
    return head, body


def _seed() -> None:
    for name, is_gated in KEYS.items():
        channels.save_channel(Channel(code_name=name, name=name, type="website", consent_gate=is_gated))
        channels.save_write_key(name, channel=name, secret=False)


def main() -> None:
    """Serves until its parent ends it."""
    memory = Memory()
    with strict_aws(memory=memory):
        _seed()
    engine, listener = Engine(memory), socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_serve, args=(connection, engine), daemon=True).start()


if __name__ == "__main__":
    main()
