"""Signature Version 4 against the test vectors that AWS publishes (aws-sig-v4-test-suite), and its promises."""

import pytest

from cdp_core.sigv4 import Credentials, Scope, Signed, authorization

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
        Signed("GET", "/", "", HEADERS, b""),
        "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    ),
    "get-vanilla-query-order-key-case": (
        Signed("GET", "/", "Param1=value1&Param2=value2", HEADERS, b""),
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
    ),
    "get-header-value-trim": (
        Signed("GET", "/", "", HEADERS | {"my-header1": " value1", "my-header2": ' "a   b   c"'}, b""),
        "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
    ),
    "post-vanilla": (
        Signed("POST", "/", "", HEADERS, b""),
        "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
    ),
    "post-x-www-form-urlencoded": (
        Signed("POST", "/", "", FORM, b"Param1=value1"),
        "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
    ),
    "post-sts-header-before": (
        Signed("POST", "/", "", HEADERS | {"x-amz-security-token": TOKEN}, b""),
        "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
    ),
}


@pytest.mark.parametrize("name", VECTORS)
def test_the_published_vectors(name: str) -> None:
    request, signature = VECTORS[name]
    header = authorization(WHO, SCOPE, request)
    assert header == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        f"SignedHeaders={';'.join(sorted(request.headers))}, Signature={signature}"
    )


def test_every_part_of_a_request_is_signed() -> None:
    request = Signed("POST", "/", "", HEADERS, b"body")
    changed = [
        request._replace(method="PUT"),
        request._replace(path="/other"),
        request._replace(query="a=1"),
        request._replace(headers=HEADERS | {"host": "other"}),
        request._replace(body=b"bodY"),
    ]
    headers = {authorization(WHO, SCOPE, one) for one in (request, *changed)}
    assert len(headers) == 1 + len(changed)


def test_a_new_day_has_a_key_of_its_own() -> None:
    tomorrow = SCOPE._replace(day="20150831")
    request = Signed("POST", "/", "", HEADERS, b"")
    assert authorization(WHO, SCOPE, request)[-64:] != authorization(WHO, tomorrow, request)[-64:]


def test_credentials_do_not_show_themselves() -> None:
    assert "wJalr" not in repr(WHO._replace(token="secret-token"))
    assert "secret-token" not in repr(WHO._replace(token="secret-token"))
