"""Signature Version 4 against the test vectors that AWS publishes (aws-sig-v4-test-suite), and its promises."""

import pytest

from cdp_core.sigv4 import Credentials, Scope, Unsigned, signer

WHO = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
SCOPE = Scope("20150830", "us-east-1", "service")
HEADERS = {"host": "example.amazonaws.com", "x-amz-date": "20150830T123600Z"}
FORM = HEADERS | {"content-type": "application/x-www-form-urlencoded"}
TOKEN = (
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7"
    "mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+"
    "xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
)

VECTORS = {
    "get-vanilla": (
        Unsigned("GET", "/", "", HEADERS),
        b"",
        "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    ),
    "get-vanilla-query-order-key-case": (
        Unsigned("GET", "/", "Param1=value1&Param2=value2", HEADERS),
        b"",
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
    ),
    "get-header-value-trim": (
        Unsigned("GET", "/", "", HEADERS | {"my-header1": " value1", "my-header2": ' "a   b   c"'}),
        b"",
        "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
    ),
    "post-vanilla": (
        Unsigned("POST", "/", "", HEADERS),
        b"",
        "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
    ),
    "post-x-www-form-urlencoded": (
        Unsigned("POST", "/", "", FORM),
        b"Param1=value1",
        "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
    ),
    "post-sts-header-before": (
        Unsigned("POST", "/", "", HEADERS | {"x-amz-security-token": TOKEN}),
        b"",
        "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
    ),
}


@pytest.mark.parametrize("name", VECTORS)
def test_the_published_vectors(name: str) -> None:
    request, body, signature = VECTORS[name]
    prepared = signer(WHO, SCOPE, request)
    for _ in range(2):  # one signer signs many
        assert prepared.authorization(body) == (
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
            f"SignedHeaders={';'.join(sorted(request.headers))}, Signature={signature}"
        )
        prepared.authorization(b"another body")


def test_every_part_of_a_request_is_signed() -> None:
    request = Unsigned("POST", "/", "", HEADERS)
    changed = [
        request._replace(method="PUT"),
        request._replace(path="/other"),
        request._replace(query="a=1"),
        request._replace(headers=HEADERS | {"host": "other"}),
    ]
    headers = {signer(WHO, SCOPE, one).authorization(b"body") for one in (request, *changed)}
    headers.add(signer(WHO, SCOPE, request).authorization(b"bodY"))
    assert len(headers) == 2 + len(changed)


def test_a_new_day_has_a_key_of_its_own() -> None:
    tomorrow = SCOPE._replace(day="20150831")
    request = Unsigned("POST", "/", "", HEADERS)
    assert (
        signer(WHO, SCOPE, request).authorization(b"")[-64:] != signer(WHO, tomorrow, request).authorization(b"")[-64:]
    )


def test_credentials_do_not_show_themselves() -> None:
    assert "wJalr" not in repr(WHO._replace(token="secret-token"))
    assert "secret-token" not in repr(WHO._replace(token="secret-token"))
