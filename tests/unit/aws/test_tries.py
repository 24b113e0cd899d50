"""What is tried again, how often and over which connection, and what is said when it was all in vain."""

import json
import time

import pytest
from botocore.retries.standard import ThrottledRetryableChecker

from cdp_core import aws, clock, deadline
from cdp_core.aws import CallRefused, NoAnswer
from cdp_core.tables import dynamo
from tests.unit.aws.server import CLOSE, ERROR, SILENT, Scripted, answer, client, head_and_body

UNMET = answer(ERROR % b"ConditionalCheckFailedException", 400)
OTHERS = {
    "BandwidthLimitExceeded",
    "LimitExceededException",
    "SlowDown",
    "PriorRequestNotComplete",
    "EC2ThrottledException",
}


def test_an_error_has_its_name_and_what_came_with_it(service: Scripted) -> None:
    service.answers = [answer(ERROR % b"ConditionalCheckFailedException", 400)]
    with pytest.raises(CallRefused) as refused:
        client().call("PutItem", {})
    assert refused.value.name == "ConditionalCheckFailedException"
    assert refused.value.answer["Item"] == {"pk": {"S": "x"}}
    assert "why" in str(refused.value)
    assert len(service.asked) == 1


@pytest.mark.parametrize(
    "trouble",
    [
        answer(ERROR % b"ProvisionedThroughputExceededException", 400),
        answer(ERROR % b"InternalServerError", 500),
        answer(b"<html>Bad gateway</html>", 502),
        answer(b"not JSON"),
        b"SMTP ready\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\nConnection: close\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}",
        answer(b""),
        answer(b"[]"),
        CLOSE,
        SILENT,
    ],
)
def test_trouble_is_tried_again_and_passes(service: Scripted, trouble: bytes) -> None:
    service.answers = [trouble, answer(b'{"a":"b"}')]
    assert client(read_seconds=0.3).call("PutItem", {}) == {"a": "b"}


@pytest.mark.parametrize("trouble", [answer(ERROR % b"InternalServerError", 503), answer(b"?"), CLOSE, SILENT])
def test_trouble_that_stays_means_that_nobody_knows(service: Scripted, trouble: bytes) -> None:
    service.answers = [trouble]
    with pytest.raises(NoAnswer):
        client(read_seconds=0.2).call("PutItem", {})
    assert len(service.asked) == aws.TRIES


def test_throttling_that_stays_is_an_error_with_a_name(service: Scripted) -> None:
    service.answers = [answer(ERROR % b"ThrottlingException", 400)]
    with pytest.raises(CallRefused, match="ThrottlingException"):
        client().call("PutItem", {})
    assert len(service.asked) == aws.TRIES


@pytest.mark.parametrize("name", sorted({*ThrottledRetryableChecker._THROTTLED_ERROR_CODES} - OTHERS))
def test_what_the_sdk_calls_throttling_is_tried_again(service: Scripted, name: str) -> None:
    """But for the names of services that are not called."""
    service.answers = [answer(ERROR % name.encode(), 400), answer(b'{"a":"b"}')]
    assert client().call("PutItem", {}) == {"a": "b"}


@pytest.mark.parametrize("body", [b"", ERROR % b"Whatever"])
def test_too_many_requests_are_tried_again_whatever_they_are_called(service: Scripted, body: bytes) -> None:
    service.answers = [answer(body, 429), answer(b'{"a":"b"}')]
    assert client().call("PutItem", {}) == {"a": "b"}


def test_too_many_requests_without_a_word_have_a_name(service: Scripted) -> None:
    service.answers = [answer(b"", 429)]
    with pytest.raises(CallRefused, match="TooManyRequestsException"):
        client().call("PutItem", {})


@pytest.mark.parametrize(
    "reply",
    [
        answer(b'{"__type":"com.amazonaws#NoSuchThing:http://internal.amazon.com/coral/"}', 400),
        answer(b"", 400, head=b"X-Amzn-ErrorType: NoSuchThing:http://internal.amazon.com/coral/\r\n"),
        answer(b"<html>", 400, head=b"x-amzn-errortype: com.amazonaws#NoSuchThing\r\n"),
        answer(b'{"__type":"NoSuchThing"}', 400),
    ],
)
def test_an_errors_name_is_found_wherever_it_is(service: Scripted, reply: bytes) -> None:
    service.answers = [reply]
    with pytest.raises(CallRefused) as refused:
        client().call("GetItem", {})
    assert refused.value.name == "NoSuchThing"
    assert len(service.asked) == 1


def test_pauses_grow_and_are_random(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    for attempt in (1, 2, 3):
        for _ in range(50):
            aws.pause(attempt)
    assert max(slept[:50]) <= 0.1 < max(slept[100:]) <= 0.4


@pytest.fixture
def paused(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """After which tries there was a pause."""
    found: list[int] = []
    monkeypatch.setattr(aws, "pause", found.append)
    return found


def test_there_is_a_pause_between_two_tries_and_none_after_the_last(service: Scripted, paused: list[int]) -> None:
    service.answers = [answer(b"?")]
    with pytest.raises(NoAnswer):
        client().call("PutItem", {})
    assert paused == [1, 2]


def test_a_pause_ends_with_the_invocation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    monkeypatch.setattr("random.uniform", lambda low, high: high)
    monkeypatch.setattr(deadline, "now", lambda: 100.0)
    deadline.begin(0.25)
    try:
        aws.pause(5)
    finally:
        deadline.end()
    aws.pause(5)
    assert slept == pytest.approx([0.25, 1.6])


def test_tries_after_the_first_have_a_new_connection(service: Scripted, paused: list[int]) -> None:
    """A function that was frozen has lost all that it kept: each of them would cost a try."""
    ours = client(read_seconds=0.2)
    ours.call("GetItem", {})
    first = ours._kept()
    ours.call("GetItem", {})
    assert first is not None
    ours._idle.append((clock.now_ms(), first))
    service.answers = [SILENT, answer(b'{"a":"b"}')]
    assert ours.call("GetItem", {}) == {"a": "b"}
    assert [number for number, _ in service.asked] == [1, 2, 1, 3]
    assert len(ours._idle) == 1
    assert paused == [1]


def test_throttling_over_a_kept_connection_is_tried_again_over_a_new_one(service: Scripted) -> None:
    ours = client()
    service.answers = [answer(), answer(ERROR % b"ThrottlingException", 400), answer()]
    ours.call("GetItem", {})
    ours.call("GetItem", {})
    assert [number for number, _ in service.asked] == [1, 1, 2]


@pytest.mark.parametrize(
    ("answers", "in_doubt"),
    [
        ([UNMET], False),
        ([answer(ERROR % b"ThrottlingException", 400), UNMET], False),
        ([CLOSE, UNMET], True),
        ([answer(ERROR % b"ThrottlingException", 400), CLOSE, UNMET], True),
        ([answer(ERROR % b"InternalServerError", 500), answer(ERROR % b"ThrottlingException", 400), UNMET], True),
    ],
)
def test_a_refusal_says_whether_an_earlier_try_may_have_happened(
    service: Scripted, answers: list[bytes], in_doubt: bool
) -> None:
    service.answers = answers
    with pytest.raises(CallRefused) as refused:
        client().call("DeleteItem", {})
    assert refused.value.in_doubt is in_doubt


def test_a_call_over_a_connection_that_was_left_may_have_happened(service: Scripted) -> None:
    ours = client()
    service.answers = [answer(), CLOSE, UNMET]
    ours.call("GetItem", {})
    with pytest.raises(CallRefused) as refused:
        ours.call("DeleteItem", {})
    assert refused.value.in_doubt


@pytest.mark.parametrize(
    ("trouble", "said", "tries"),
    [
        (answer(ERROR % b"AccessDeniedException", 400), "AccessDeniedException", 1),
        (answer(ERROR % b"ThrottlingException", 400), "ThrottlingException", 3),
        (answer(ERROR % b"InternalServerError", 500), "sqs answered 500 InternalServerError", 3),
        (CLOSE, "sqs gave no answer: Broken", 3),
    ],
)
def test_a_call_that_failed_is_one_line_in_the_log_without_what_was_said(
    service: Scripted, capsys: pytest.CaptureFixture[str], trouble: bytes, said: str, tries: int
) -> None:
    service.answers = [trouble]
    with pytest.raises((CallRefused, NoAnswer)):
        client("sqs").call("SendMessageBatch", {"Entries": "canary"})
    (line,) = [json.loads(one) for one in capsys.readouterr().out.splitlines()]
    assert line["level"] == "WARNING"
    assert {name: line[name] for name in ("aws_service", "operation", "error", "tries")} == {
        "aws_service": "sqs",
        "operation": "SendMessageBatch",
        "error": said,
        "tries": tries,
    }
    assert not {"canary", "why"} & set(json.dumps(line).replace('"', " ").split())


@pytest.mark.parametrize("name", sorted(aws.CONDITIONS))
def test_a_failed_condition_is_an_ordinary_answer_and_not_logged(
    service: Scripted, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    service.answers = [answer(ERROR % name.encode(), 400)]
    with pytest.raises(CallRefused):
        client().call("PutItem", {})
    assert capsys.readouterr().out == ""


def test_a_transaction_that_is_sent_again_is_the_same_one(service: Scripted) -> None:
    """Its answer may be lost: without a token it would fail on its own conditions, or happen twice."""
    service.answers = [CLOSE, answer(), answer()]
    dynamo._client.cache_clear()
    try:
        assert dynamo.transact([{"Put": {}}])
        assert dynamo.transact([{"Put": {}}])
    finally:
        dynamo._client.cache_clear()
    tokens = [json.loads(head_and_body(raw)[1])["ClientRequestToken"] for _, raw in service.asked]
    assert len(tokens) == 3
    assert tokens[0] == tokens[1] != tokens[2]
