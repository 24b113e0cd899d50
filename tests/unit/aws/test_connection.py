"""Which connections are used again, how answers are framed, and who is trusted."""

import socket
import ssl
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from cryptography import x509

from cdp_core import aws, clock, connection
from cdp_core.aws import NoAnswer
from cdp_core.config import Misconfigured
from cdp_core.connection import Connection
from tests.unit.aws.conftest import certificate
from tests.unit.aws.server import CLOSE, SILENT, Scripted, answer, client, serving

OPEN = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"


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
        OPEN + b"Connection: keep-alive, close\r\n\r\n{}",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        answer() + b"HTTP/1.1 200 OK\r\n",  # nobody asked for more
    ],
)
def test_what_may_not_be_used_again_is_closed(service: Scripted, opened: list[Connection], reply: bytes) -> None:
    ours = client()
    service.answers = [reply, answer()]
    for _ in range(2):
        assert ours.call("GetItem", {}) == {}
    assert [number for number, _ in service.asked] == [1, 2]
    assert [is_closed(one) for one in opened] == [True, False]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Connection]:
    """Every connection that is made."""
    found: list[Connection] = []

    def made(*arguments: Any, **more: Any) -> Connection:
        found.append(Connection(*arguments, **more))
        return found[-1]

    monkeypatch.setattr(aws, "Connection", made)
    return found


def is_closed(one: Connection) -> bool:
    """Whether its descriptor was given back."""
    return one._socket.fileno() < 0


def test_a_connection_that_failed_is_closed(service: Scripted, opened: list[Connection]) -> None:
    service.answers = [b"SMTP ready\r\n\r\n", answer()]
    client().call("GetItem", {})
    assert [is_closed(one) for one in opened] == [True, False]


@pytest.fixture
def sockets(monkeypatch: pytest.MonkeyPatch) -> list[socket.socket]:
    """Every socket that the client makes."""
    found: list[socket.socket] = []

    class Noted(socket.socket):
        def __init__(self, *arguments: Any, **more: Any) -> None:
            super().__init__(*arguments, **more)
            if "fileno" not in more:  # the service's own come from `accept`
                found.append(self)

    monkeypatch.setattr(socket, "socket", Noted)
    return found


def test_a_socket_that_reached_nobody_is_closed(sockets: list[socket.socket], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(NoAnswer) as error:
        client().call("GetItem", {})
    assert error.value.__cause__ is not None  # and with it the frames that still hold the sockets
    assert [one.fileno() for one in sockets] == [-1] * aws.TRIES


def test_a_socket_that_could_not_be_secured_is_closed(
    secure: Any, sockets: list[socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "_tls", mock.Mock(side_effect=OSError))
    ours = client()
    with pytest.raises(NoAnswer) as error:
        ours.call("GetItem", {})
    assert error.value.__cause__ is not None
    assert [one.fileno() for one in sockets] == [-1] * aws.TRIES


def test_what_is_sent_is_not_held_back_for_more(service: Scripted) -> None:
    """Nagle's algorithm would wait for the answer to what was sent before."""
    ours = client()
    ours.call("GetItem", {})
    ((_, kept),) = ours._idle
    assert kept._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_connections_that_are_too_old_are_closed(
    service: Scripted, opened: list[Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = client()
    ours.call("GetItem", {})
    first = ours._kept()
    ours.call("GetItem", {})
    assert first is not None
    ours._idle.appendleft((clock.now_ms(), first))
    later = clock.now_ms() + (aws.IDLE_SECONDS + 1) * 1000
    monkeypatch.setattr("cdp_core.clock.now_ms", lambda: later)
    ours.call("GetItem", {})
    assert [is_closed(one) for one in opened] == [True, True, False]


@pytest.mark.parametrize("error", [ssl.SSLEOFError, ssl.SSLZeroReturnError, BrokenPipeError, ConnectionResetError])
def test_however_a_kept_connection_shows_that_it_was_closed_it_is_replaced_at_once(
    service: Scripted, monkeypatch: pytest.MonkeyPatch, error: type[OSError]
) -> None:
    ours, exchange, paused = client(), Connection.exchange, mock.Mock()
    ours.call("GetItem", {})
    ((_, kept),) = ours._idle

    def broken(self: Connection, *arguments: Any) -> Any:
        if self is kept:
            raise error
        return exchange(self, *arguments)

    monkeypatch.setattr(Connection, "exchange", broken)
    monkeypatch.setattr(aws, "TRIES", 1)
    monkeypatch.setattr(aws, "pause", paused)
    assert ours.call("GetItem", {}) == {}
    assert not paused.called


def test_a_kept_connection_that_stays_silent_was_a_try(service: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = client(read_seconds=0.2)
    service.answers = [answer(), SILENT]
    ours.call("GetItem", {})
    monkeypatch.setattr(aws, "TRIES", 1)
    with pytest.raises(NoAnswer, match="TimeoutError"):
        ours.call("GetItem", {})
    assert [number for number, _ in service.asked] == [1, 1]


@pytest.mark.parametrize("size", [1, 2, 7])
@pytest.mark.parametrize(
    "reply",
    [
        answer(b'{"a":"b"}', head=b"X-Other: x\r\n"),
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{"a":"b"}\r\n0\r\n\r\n',
        b"HTTP/1.1 100 Continue\r\n\r\n" + answer(b'{"a":"b"}'),
    ],
)
def test_an_answer_may_be_cut_anywhere(
    service: Scripted, monkeypatch: pytest.MonkeyPatch, reply: bytes, size: int
) -> None:
    monkeypatch.setattr(connection, "_CHUNK", size)
    service.answers = [reply]
    ours = client()
    assert [ours.call("GetItem", {}) for _ in range(2)] == [{"a": "b"}] * 2
    assert service.connections == 1


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"0" * 200_000,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 50,
        b"HTTP/1.1 2x0 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2_0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n{}",
    ],
)
def test_what_is_no_answer_is_not_waited_for(service: Scripted, reply: bytes) -> None:
    service.answers = [reply]
    with pytest.raises(NoAnswer, match="Broken"):
        client().call("GetItem", {})


@pytest.mark.parametrize(
    ("region", "environment", "url"),
    [
        ("eu-central-1", {}, "https://sqs.eu-central-1.amazonaws.com"),
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


@pytest.mark.parametrize("service", ["dynamodb", "sqs"])
def test_aws_is_where_the_sdk_finds_it_in_every_partition(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import botocore.session

    session = botocore.session.Session()
    regions = [
        region
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("ec2", partition)[:1]
    ]
    assert len(regions) >= 6
    for region in {*regions, "cn-northwest-1", "us-isof-south-1", "eu-isoe-west-1", "eusc-de-east-1"}:
        assert aws.endpoint(service, region) == session.create_client(service, region).meta.endpoint_url


@pytest.mark.parametrize(
    "url", ["127.0.0.1:4566", "localhost", "ftp://a", "http://", "https://:1", "http://a/b", "http://a:b", "http://a?b"]
)
@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SQS"])
def test_an_address_that_is_none_is_named_before_anything_is_called(
    name: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, url)
    with pytest.raises(Misconfigured, match=f"{name} must"):
        client("sqs")


@pytest.mark.parametrize("url", ["http://a", "HTTP://a:1/", "https://a-b.c:443", "http://[::1]:80"])
def test_an_address_may_have_a_port_and_a_slash(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    assert client("sqs")._url.hostname in ("a", "a-b.c", "::1")


@pytest.mark.parametrize(("url", "port"), [("https://a", 443), ("http://a", 80), ("https://a:8443", 8443)])
def test_the_port_follows_from_the_address(url: str, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = mock.Mock(side_effect=socket.gaierror)
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    monkeypatch.setattr(socket, "getaddrinfo", looked)
    with pytest.raises(NoAnswer, match="gaierror"):
        client().call("GetItem", {})
    assert looked.call_args.args == ("a", port)


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


@pytest.mark.parametrize("name", ["localhost", "another.example"])
def test_a_certificate_must_be_for_the_name_that_was_called(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = certificate(tmp_path, x509.DNSName(name))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    called: list[str | None] = []
    context.sni_callback = lambda connection, asked_for, context: called.append(asked_for)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    connection._tls.cache_clear()
    with serving(context) as (script, port):
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"https://localhost:{port}")
        if name == "localhost":
            assert client().call("GetItem", {}) == {}
        else:
            with pytest.raises(NoAnswer, match="SSLCertVerificationError"):
                client().call("GetItem", {})
        assert len(script.asked) == (name == "localhost")
    connection._tls.cache_clear()
    assert set(called) == {"localhost"}
