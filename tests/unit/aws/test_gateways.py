"""What the gateways make of SQS's and DynamoDB's answers, as they come over the wire."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from cdp_core import config, queue
from cdp_core.errors import Unavailable
from cdp_core.tables import dynamo
from cdp_core.usecases import drain, redrive
from tests.unit.aws.server import CLOSE, ERROR, Scripted, answer, head_and_body

DENIED = answer(ERROR % b"AccessDeniedException", 400)
KEY = ("pk", "sk")


@pytest.fixture(autouse=True)
def _gateways(service: Scripted, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("QUEUE_URL", "events")
    cached = (config.settings, queue._client, dynamo._client)
    for one in cached:
        one.cache_clear()
    yield
    for one in cached:
        one.cache_clear()


@pytest.fixture(autouse=True)
def paused(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The pauses between DynamoDB's rounds."""
    found: list[int] = []
    monkeypatch.setattr(dynamo, "pause", found.append)
    return found


def said(value: Any) -> bytes:
    """An answer that holds this value."""
    return answer(json.dumps(value).encode())


def entries(service: Scripted) -> list[list[str]]:
    """The ids of the entries of each call."""
    bodies = [json.loads(head_and_body(raw)[1]) for _, raw in service.asked]
    return [[entry["Id"] for entry in body["Entries"]] for body in bodies]


def failed(*ids: str) -> list[dict[str, Any]]:
    """Entries that SQS could not take."""
    return [{"Id": id, "Code": "InternalError", "SenderFault": False, "Message": "canary"} for id in ids]


def logged(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The lines of the log."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_what_sqs_calls_failed_is_sent_once_more_and_nothing_else(service: Scripted) -> None:
    service.answers = [
        said({"Successful": [{"Id": "0"}], "Failed": failed("1")}),
        said({"Successful": [{"Id": "1"}], "Failed": None}),
    ]
    assert queue.send(["a", "b", "c"]) == [True, True, False]  # of c nothing was said
    assert entries(service) == [["0", "1", "2"], ["1"]]


def test_what_stays_failed_is_one_line_in_the_log_with_its_codes(
    service: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    service.answers = [said({"Successful": None, "Failed": failed("0", "1")})]
    assert queue.send(["canary", "b"]) == [False, False]
    (line,) = logged(capsys)
    assert (line["level"], line["operation"], line["codes"]) == ("WARNING", "SendMessageBatch", ["InternalError"])
    assert (line["entries"], line["tries"]) == (2, 2)
    assert "canary" not in json.dumps(line)
    assert len(service.asked) == 2


@pytest.mark.parametrize("trouble", [CLOSE, DENIED, answer(ERROR % b"ThrottlingException", 400)])
def test_tries_are_not_multiplied_and_other_batches_not_begun(service: Scripted, trouble: bytes) -> None:
    service.answers = [trouble]
    assert queue.send(["x"] * 25) == [False] * 25
    assert len(service.asked) == (1 if trouble == DENIED else 3)
    service.asked.clear()
    assert queue.delete(["x"] * 25) == 0
    assert len(service.asked) == (1 if trouble == DENIED else 3)


def test_what_was_taken_before_the_trouble_was_taken(service: Scripted) -> None:
    service.answers = [said({"Successful": [{"Id": str(n)} for n in range(10)]}), DENIED]
    assert queue.send(["x"] * 25) == [True] * 10 + [False] * 15


def test_a_message_that_could_not_be_deleted_is_asked_for_once_more(service: Scripted) -> None:
    service.answers = [
        said({"Successful": [{"Id": "1"}], "Failed": failed("0")}),
        said({"Successful": [{"Id": "0"}], "Failed": []}),
    ]
    assert queue.delete(["a", "b"]) == 2
    assert entries(service) == [["0", "1"], ["0"]]


def test_no_messages_are_none_however_that_is_said(service: Scripted) -> None:
    service.answers = [said({"Messages": None}), said({"Messages": []}), said({})]
    assert [queue.receive(visibility_seconds=1) for _ in range(3)] == [[], [], []]


def test_a_receive_may_wait_for_as_long_as_any_caller_asks() -> None:
    assert max(drain.WAIT_SECONDS, redrive._WAIT_SECONDS) <= queue.MAX_WAIT_SECONDS < queue._READ_SECONDS


def test_nothing_left_undone_is_said_by_null_too(service: Scripted, paused: list[int]) -> None:
    item = {"pk": {"S": "pk"}, "sk": {"S": "sk"}}
    for left in (None, {}, {"t": None}, {"t": {"Keys": None}}):
        service.answers = [said({"Responses": {"t": [item]}, "UnprocessedKeys": left})]
        assert dynamo.get_many("t", [KEY]) == {KEY: item}
    for left in (None, {}, {"t": None}, {"t": []}):
        service.answers = [said({"UnprocessedItems": left})]
        dynamo.delete_many("t", [KEY])
    assert paused == []


def test_there_are_pauses_between_rounds_and_none_after_the_last(
    service: Scripted, paused: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    left = {"t": {"Keys": [dynamo.key_of(KEY)]}}
    service.answers = [said({"Responses": {}, "UnprocessedKeys": left})]
    with pytest.raises(Unavailable):
        dynamo.get_many("t", [KEY])
    assert len(service.asked) == dynamo._ATTEMPTS
    assert paused == [1, 2, 3, 4, 5]
    assert [(line["level"], line["operation"]) for line in logged(capsys)] == [("WARNING", "BatchGetItem")]


@pytest.mark.parametrize("trouble", [CLOSE, DENIED])
def test_what_is_said_of_our_trouble_tells_nothing_of_the_inside(service: Scripted, trouble: bytes) -> None:
    service.answers = [trouble]
    for ask in (lambda: dynamo.get("t", KEY), lambda: dynamo.delete("t", KEY)):
        with pytest.raises(Unavailable) as error:
            ask()
        assert str(error.value) == "a table did not answer with certainty; send the request again"


@pytest.mark.parametrize(
    ("before", "was_there"), [([], False), ([CLOSE], True), ([answer(ERROR % b"ThrottlingException", 400)], False)]
)
def test_what_ones_own_first_try_deleted_was_there(service: Scripted, before: list[bytes], was_there: bool) -> None:
    service.answers = [*before, answer(ERROR % b"ConditionalCheckFailedException", 400)]
    assert dynamo.delete("t", KEY) is was_there


def test_an_item_that_is_deleted_was_there(service: Scripted) -> None:
    assert dynamo.delete("t", KEY)
