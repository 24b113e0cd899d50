"""Tokens of an OpenID provider (any issuer, such as Cognito, by setting): whose they are, and what their holder may do."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

import jwt

from cdp_core import issuer
from cdp_core.config import settings
from cdp_core.domain.access import ROLES, Caller, caller_with
from cdp_core.errors import Unauthorized
from cdp_core.secrets import identity_key

ALGORITHMS = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
)  # never a shared secret
LEEWAY_SECONDS = 30
_ROLE_PREFIX, _SCOPE_PREFIX = "cdp-", "cdp/"  # a provider's groups are not ours alone: only names that mean us count
_NAMES = ("name", "preferred_username", "username", "cognito:username")
_MAX_TOKEN = 16_384


def looks_like_token(text: str) -> bool:
    """Whether a bearer is a signed token rather than a key of ours, which has no dots."""
    return text.count(".") == 2


def caller_of(token: str) -> Caller:
    """The holder of a valid token. Raises Unauthorized for any other, Unavailable if the issuer cannot be asked."""
    if not settings().jwt_issuer or len(token) > _MAX_TOKEN:
        raise Unauthorized("this deployment takes no such token")
    try:
        claims = _verified(token)
    except jwt.PyJWTError as error:
        raise Unauthorized("the token is not valid here") from error
    if not isinstance(claims["sub"], str) or claims.get("token_use", "access") != "access" or not _is_for_us(claims):
        raise Unauthorized("the token is not valid here")
    person = hmac.new(identity_key(), f"caller\0{claims['iss']}\0{claims['sub']}".encode(), hashlib.sha256)
    caller_id = f"jwt:{person.hexdigest()[:16]}"
    name = next((claims[one] for one in _NAMES if isinstance(claims.get(one), str)), caller_id)
    return caller_with(caller_id, name[:200], _role(claims), _grants(claims))


def _verified(token: str) -> dict[str, Any]:
    """The claims, once signature, times and issuer hold; the audience has its own rule. Raises PyJWTError."""
    header = jwt.get_unverified_header(token)
    key = issuer.key_of(settings().jwt_issuer, str(header.get("kid", "")))
    if key is None or header.get("alg") != key.algorithm_name:
        raise jwt.InvalidKeyError("no such key")
    claims: dict[str, Any] = jwt.decode(
        token,
        key,
        algorithms=ALGORITHMS,
        issuer=settings().jwt_issuer,
        leeway=LEEWAY_SECONDS,
        options={"require": ["exp", "iss", "sub"], "verify_aud": False},
    )
    return claims


def _is_for_us(claims: Mapping[str, Any]) -> bool:
    """The audience, or the client where a provider's access tokens have no audience (Cognito)."""
    audience = claims.get("aud", claims.get("client_id"))
    return settings().jwt_audience in (audience if isinstance(audience, list) else [audience])


def _role(claims: Mapping[str, Any]) -> str:
    """The strongest of our roles that the token names; none if it names none."""
    given = claims.get(settings().jwt_roles_claim)
    named = given if isinstance(given, list) else [given]
    return next((role for role in reversed(tuple(ROLES)) if _ROLE_PREFIX + role in named), "")


def _grants(claims: Mapping[str, Any]) -> list[str]:
    given = claims.get("scope", "")
    words = given.split() if isinstance(given, str) else []
    return [word.removeprefix(_SCOPE_PREFIX) for word in words if word.startswith(_SCOPE_PREFIX)]
