"""The client of AWS's JSON services, over real sockets."""

import datetime
import ipaddress
import json
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from cdp_core import aws, clock, connection
from cdp_core.aws import CallRefused, Client, NoAnswer
from cdp_core.tables import dynamo
from tests.unit.aws.server import CLOSE, SILENT, Scripted, answer, serving

ERROR = b'{"__type":"com.amazonaws.dynamodb.v20120810#%s","message":"why","Item":{"pk":{"S":"x"}}}'


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "the/token+of==a-role")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setattr(aws, "pause", lambda attempt: None)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scripted]:
    """A scripted service under AWS_ENDPOINT_URL."""
    with serving() as (script, port):
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        yield script


def client(service: str = "dynamodb", read_seconds: float = 5) -> Client:
    """A new client: no connection yet."""
    return Client(service, read_seconds=read_seconds)


def head_and_body(request: bytes) -> tuple[dict[str, str], bytes]:
    """The headers of a request by their names in small letters, and its body."""
    head, _, body = request.partition(b"\r\n\r\n")
    pairs = (line.partition(": ") for line in head.decode().split("\r\n")[1:])
    return {name.lower(): value for name, _, value in pairs}, body


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


def test_a_function_without_a_session_token_sends_none(service: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_SESSION_TOKEN")
    client().call("GetItem", {})
    assert "x-amz-security-token" not in head_and_body(service.asked[0][1])[0]


def test_calls_share_one_connection(service: Scripted) -> None:
    ours = client()
    for _ in range(3):
        ours.call("GetItem", {})
    assert [number for number, _ in service.asked] == [1, 1, 1]


def test_a_connection_that_was_closed_meanwhile_is_replaced_without_a_try(service: Scripted) -> None:
    ours = client()
    service.answers = [answer(), CLOSE, answer(b'{"Item":{}}')]
    ours.call("GetItem", {})
    with mock.patch.object(aws, "TRIES", 1):
        assert ours.call("GetItem", {}) == {"Item": {}}
    assert [number for number, _ in service.asked] == [1, 1, 2]


def test_a_connection_idle_for_too_long_is_not_used_again(service: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = client()
    ours.call("GetItem", {})
    later = clock.now_ms() + (aws.IDLE_SECONDS + 1) * 1000  # a frozen function's other clock would not say so
    monkeypatch.setattr("cdp_core.clock.now_ms", lambda: later)
    ours.call("GetItem", {})
    assert [number for number, _ in service.asked] == [1, 2]


def test_a_connection_that_says_close_is_not_used_again(service: Scripted) -> None:
    ours = client()
    service.answers = [answer(head=b"Connection: close\r\n"), answer()]
    for _ in range(2):
        ours.call("GetItem", {})
    assert [number for number, _ in service.asked] == [1, 2]


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


@pytest.mark.parametrize(
    ("region", "environment", "url"),
    [
        ("eu-central-1", {}, "https://sqs.eu-central-1.amazonaws.com"),
        ("cn-north-1", {}, "https://sqs.cn-north-1.amazonaws.com.cn"),
        ("eu-central-1", {"AWS_ENDPOINT_URL": "http://a:1"}, "http://a:1"),
        ("eu-central-1", {"AWS_ENDPOINT_URL": "http://a:1", "AWS_ENDPOINT_URL_SQS": "http://b:2"}, "http://b:2"),
    ],
)
def test_where_a_service_is(
    region: str, environment: dict[str, str], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert aws.endpoint("sqs", region) == url


def _certificate(folder: Path) -> Path:
    """A certificate for 127.0.0.1 that nobody but its reader trusts, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(address, critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    path = folder / "certificate.pem"
    path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def secure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Scripted, Path]]:
    """The same service behind TLS, and its certificate."""
    path = _certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    with serving(context) as (script, port):
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"https://127.0.0.1:{port}")
        connection._tls.cache_clear()
        yield script, path
    connection._tls.cache_clear()


def test_calls_share_one_tls_connection(secure: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    service, path = secure
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    ours = client()
    service.answers = [answer(), answer(), CLOSE, answer(b'{"a":"b"}')]
    assert [ours.call("GetItem", {}) for _ in range(3)] == [{}, {}, {"a": "b"}]
    assert [number for number, _ in service.asked] == [1, 1, 1, 2]


def test_a_certificate_that_nobody_vouches_for_is_refused(secure: Any) -> None:
    service, _ = secure
    with pytest.raises(NoAnswer, match="SSLCertVerificationError"):
        client().call("GetItem", {})
    assert service.asked == []


def test_pauses_grow_and_are_random(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    for attempt in (1, 2, 3):
        for _ in range(50):
            aws.pause(attempt)
    assert max(slept[:50]) <= 0.1 < max(slept[100:]) <= 0.4


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
