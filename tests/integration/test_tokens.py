"""Tokens of an OpenID provider, as the profiles API takes and refuses them (S5)."""

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from cdp_core import clock, issuer
from cdp_core.config import settings
from tests.double import StrictAws
from tests.support.product import Context, function, request, seed_keys


@cache
def rsa_key() -> rsa.RSAPrivateKey:
    """The provider's key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def ec_key() -> ec.EllipticCurvePrivateKey:
    """Another one of the provider's keys."""
    return ec.generate_private_key(ec.SECP256R1())


class Provider(ThreadingHTTPServer):
    """An OpenID provider on loopback: its configuration, its keys, and how often it was asked."""

    asked: list[str]
    broken = False
    has: tuple[str, ...] = ("one", "two")

    @property
    def issuer(self) -> str:
        """Its address, as tokens name it."""
        return f"http://127.0.0.1:{self.server_port}/pool"

    def answer(self, path: str) -> Any:
        """What it says under a path."""
        self.asked.append(path)
        if path.endswith("openid-configuration"):
            return {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys"}
        keys = [RSAAlgorithm.to_jwk(rsa_key().public_key(), as_dict=True) | {"kid": "one", "alg": "RS256"}]
        keys += [ECAlgorithm.to_jwk(ec_key().public_key(), as_dict=True) | {"kid": "two", "alg": "ES256"}]
        return {"keys": [key for key in keys if key["kid"] in self.has]}


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Provider)
        self.send_response(500 if self.server.broken else 200)
        self.end_headers()
        self.wfile.write(json.dumps(self.server.answer(self.path)).encode())

    def log_message(self, *args: Any) -> None:
        """Nothing."""


@pytest.fixture
def provider(aws: StrictAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    """A running provider that the product is told to trust."""
    seed_keys()
    server = Provider(("127.0.0.1", 0), _Handler)
    server.asked = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("JWT_ISSUER", server.issuer)
    monkeypatch.setenv("JWT_AUDIENCE", "cdp-client")
    settings.cache_clear()
    issuer._remembered().clear()
    yield server
    server.shutdown()
    server.server_close()


def claims(provider: Provider, **changes: Any) -> dict[str, Any]:
    """The claims of a good access token of an editor; None leaves one out."""
    now = int(time.time())
    good = {"iss": provider.issuer, "sub": "s-1", "exp": now + 300, "iat": now, "token_use": "access"}
    good |= {"client_id": "cdp-client", "username": "eve", "cognito:groups": ["cdp-editor", "staff"]}
    return {name: value for name, value in (good | changes).items() if value is not None}


def token(provider: Provider, *, kid: str = "one", **changes: Any) -> str:
    """A token of the provider."""
    key: Any = ec_key() if kid == "two" else rsa_key()
    return jwt.encode(
        claims(provider, **changes), key, algorithm="ES256" if kid == "two" else "RS256", headers={"kid": kid}
    )


def me(bearer: str, path: str = "/me") -> tuple[int, dict[str, Any]]:
    """The answer to the question who asks."""
    answer = function("profiles_api").handler(request("GET", path, authorization=f"Bearer {bearer}"), Context())
    return answer["statusCode"], json.loads(answer["body"])


def test_a_token_names_its_holder_and_role(provider: Provider) -> None:
    """The id says nothing about the person, and is the same at every visit; the name is for notes."""
    status, shown = me(token(provider))
    assert (status, shown["role"], shown["name"]) == (200, "editor", "eve")
    assert shown["id"].startswith("jwt:")
    assert "s-1" not in json.dumps(shown)
    assert me(token(provider, exp=int(time.time()) + 99))[1]["id"] == shown["id"]
    assert me(token(provider, sub="s-2"))[1]["id"] != shown["id"]
    assert me(token(provider, kid="two"))[0] == 200


@pytest.mark.parametrize("groups", [["cdp-admin", "cdp-viewer"], "cdp-admin"])
def test_the_strongest_role_counts(provider: Provider, groups: Any) -> None:
    """A list or a single text, as providers do it."""
    assert me(token(provider, **{"cognito:groups": groups}))[1]["role"] == "admin"


def test_groups_that_do_not_mean_us_give_no_right_and_scopes_of_ours_do(provider: Provider) -> None:
    """An `admin` of something else is nobody here."""
    bearer = token(provider, **{"cognito:groups": ["admin", "administrators"], "scope": "openid personal:read"})
    assert me(bearer)[0] == 403
    bearer = token(provider, **{"cognito:groups": None, "scope": "openid cdp/profiles:read"})
    assert me(bearer) == (200, me(bearer)[1])
    assert me(bearer)[1]["scopes"] == ["profiles:read"]
    assert me(bearer, "/audit")[0] == 403


def test_an_audience_serves_as_well_as_a_client(provider: Provider) -> None:
    """Providers other than Cognito say `aud`; where they do, it alone counts."""
    assert me(token(provider, client_id=None, aud=["other", "cdp-client"]))[0] == 200
    assert me(token(provider, aud="other"))[0] == 401


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://elsewhere.example"},
        {"client_id": "other"},
        {"client_id": None},
        {"exp": 1_700_000_000},
        {"exp": None},
        {"nbf": 4_000_000_000},
        {"sub": None},
        {"token_use": "id"},
    ],
    ids=str,
)
def test_a_token_that_is_not_for_us_now_is_refused(provider: Provider, changes: dict[str, Any]) -> None:
    status, answer = me(token(provider, **changes))
    assert (status, answer["error"]["code"]) == (401, "unauthorized")


def _part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_a_signature_that_is_none_or_made_with_the_public_key_is_refused(provider: Provider) -> None:
    """alg none, and the confusion of a public key with a shared secret."""
    good = claims(provider)
    unsigned = [f"{_part({'alg': alg, 'kid': 'one'})}.{_part(good)}." for alg in ("none", "None", "NONE")]
    public = rsa_key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signed = f"{_part({'alg': 'HS256', 'kid': 'one'})}.{_part(good)}"
    mac = base64.urlsafe_b64encode(hmac.new(public, signed.encode(), hashlib.sha256).digest()).rstrip(b"=").decode()
    head, body, signature = token(provider).split(".")
    stronger = _part(claims(provider, **{"cognito:groups": ["cdp-admin"]}))
    forged = [*unsigned, f"{signed}.{mac}", f"{head}.{stronger}.{signature}", f"{head}.{body}.", f"..{signature}"]
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    forged.append(jwt.encode(good, stranger, algorithm="RS256", headers={"kid": "one"}))
    forged.append(jwt.encode(good, stranger, algorithm="RS256"))
    forged.append(jwt.encode(good, rsa_key(), algorithm="RS512", headers={"kid": "one"}))
    assert [me(one)[0] for one in forged] == [401] * len(forged)


def test_the_providers_keys_are_asked_for_rarely_whatever_ids_are_made_up(provider: Provider) -> None:
    """Neither a request nor a flood of unknown key ids is a request to the provider each."""
    for n in range(5):
        assert me(token(provider))[0] == 200
        bearer = jwt.encode(claims(provider), rsa_key(), algorithm="RS256", headers={"kid": f"made-up-{n}"})
        assert me(bearer)[0] == 401
    assert len(provider.asked) == 2


def test_a_key_that_the_provider_took_back_is_refused_an_hour_later(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long Lambda froze the function meanwhile."""
    bearer = token(provider, exp=int(time.time()) + 9_000)
    assert me(bearer)[0] == 200
    provider.has, now = ("two",), clock.now_ms()
    for seconds, status in ((3_500, 200), (3_700, 401)):
        monkeypatch.setattr("cdp_core.clock.now_ms", lambda at=now + seconds * 1000: at)
        assert me(bearer)[0] == status


def test_a_provider_that_cannot_be_asked_is_our_trouble(provider: Provider) -> None:
    """Who has a good token is told to come again, not that it is wrong; admin keys work on."""
    provider.broken = True
    assert me(token(provider))[0] == 503
    assert me("local-admin-key")[0] == 200


def test_without_an_issuer_no_token_is_taken(aws: StrictAws) -> None:
    seed_keys()
    assert me("e30.e30.e30")[0] == 401
