"""The client of AWS's JSON services, over real sockets."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from cdp_core import aws
from cdp_core.aws import NoAnswer
from tests.unit.aws.server import Scripted, answer, client, head_and_body


def test_a_call_is_one_signed_post_that_the_sdk_would_sign_the_same(service: Scripted) -> None:
    service.answers = [answer(b'{"Item":{"a":{"S":"b"}}}')]
    assert client().call("GetItem", {"TableName": "t", "Key": {"pk": {"B": b"\x00\xff"}}}) == {
        "Item": {"a": {"S": "b"}}
    }
    ((_, raw),) = service.asked
    headers, body = head_and_body(raw)
    assert raw.startswith(b"POST / HTTP/1.1\r\n")
    assert headers["x-amz-target"] == "DynamoDB_20120810.GetItem"
    assert json.loads(body) == {"TableName": "t", "Key": {"pk": {"B": "AP8="}}}
    signed = {name: headers[name] for name in headers if name.startswith(("content-type", "host", "x-amz"))}
    request = AWSRequest(method="POST", url=f"http://{headers['host']}/", data=body, headers=signed)
    request.context["timestamp"] = headers["x-amz-date"]
    sdk = SigV4Auth(Credentials("AKID", "secret", "the/token+of==a-role"), "dynamodb", "eu-central-1")
    text = sdk.string_to_sign(request, sdk.canonical_request(request))
    assert headers["authorization"].endswith(f"Signature={sdk.signature(text, request)}")


def test_every_request_names_the_second_in_which_it_is_sent(service: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    one = client()
    for second in (1_700_000_000, 1_700_000_000.9, 1_700_000_001, 1_700_086_400):
        monkeypatch.setattr(aws.time, "time", lambda second=second: second)
        one.call("GetItem", {})
    heads = [head_and_body(raw)[0] for _, raw in service.asked]
    dates = [head["x-amz-date"] for head in heads]
    assert dates == ["20231114T221320Z", "20231114T221320Z", "20231114T221321Z", "20231115T221320Z"]
    assert all(f"Credential=AKID/{date[:8]}/" in head["authorization"] for head, date in zip(heads, dates, strict=True))


def test_the_second_is_of_universal_time(service: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        patch.setattr(aws.time, "time", lambda: 1_700_000_000)
        client().call("GetItem", {})
    time.tzset()
    assert head_and_body(service.asked[0][1])[0]["x-amz-date"] == "20231114T221320Z"


def test_a_call_of_the_queue_names_its_service_and_the_region_of_the_function(
    service: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    client("sqs").call("SendMessageBatch", {})
    head = head_and_body(service.asked[0][1])[0]
    assert head["x-amz-target"] == "AmazonSQS.SendMessageBatch"
    assert "/eu-central-1/sqs/aws4_request" in head["authorization"]


def test_a_function_without_a_session_token_sends_none(service: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_SESSION_TOKEN")
    client().call("GetItem", {})
    assert "x-amz-security-token" not in head_and_body(service.asked[0][1])[0]


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{\"a\"\r\n5;x=y\r\n:\"b\"}\r\n0\r\nTrailer: z\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" + answer(b'{"a":"b"}'),
        b"HTTP/1.0 200 OK\r\nContent-Length: 9\r\n\r\n" + b'{"a":"b"}',
        answer(b'{"a":"b"}', head=b"X-Long: " + b"x" * 9_000 + b"\r\n"),
    ],
)  # fmt: skip
def test_every_form_of_an_answer_is_read(service: Scripted, reply: bytes) -> None:
    service.answers = [reply]
    ours = client()
    assert [ours.call("GetItem", {}) for _ in range(2)] == [{"a": "b"}] * 2


def test_an_answer_in_small_pieces_is_read_whole(service: Scripted) -> None:
    large = json.dumps({"a": "ü" * 300_000}).encode()
    service.answers = [answer(large)]
    assert client().call("Query", {}) == json.loads(large)


def test_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:9")
    with pytest.raises(NoAnswer, match="ConnectionRefusedError"):
        client("sqs").call("SendMessageBatch", {})


def test_threads_never_share_a_connection_at_a_time(service: Scripted) -> None:
    ours = client()
    service.answers = [answer(b'{"a":"b"}')]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: ours.call("GetItem", {"n": n}), range(200)))
    assert found == [{"a": "b"}] * 200
    assert service.connections <= 8
    assert sorted(json.loads(head_and_body(raw)[1])["n"] for _, raw in service.asked) == list(range(200))


def test_proxies_of_the_environment_are_not_used(service: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert client().call("GetItem", {}) == {}
