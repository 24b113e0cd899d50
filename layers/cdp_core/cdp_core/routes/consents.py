"""Public routes of consents (K-01 to K-04): the tracking API serves them, with a channel's write key and never the admin key."""

import base64
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from cdp_core.api.http import answer, path_value
from cdp_core.domain.channels import WriteKey
from cdp_core.errors import InvalidInput
from cdp_core.usecases import consents
from cdp_core.usecases.authenticate import authenticate

PREFIX = "/Kentico.Tracking/"
router = APIGatewayHttpRouter()


@router.get(PREFIX + "consents/<consent>", include_in_schema=False)
def get_text(
    consent: str, language: Annotated[str | None, Query(alias="languageName", max_length=40)] = None
) -> Response[Any]:
    """K-01: what the consent says, in the language asked for or the nearest."""
    _key()
    return answer(consents.text(path_value(consent), language))


@router.post(PREFIX + "contacts", include_in_schema=False)
def new_contact() -> Response[Any]:
    """K-02: an id that nobody can guess."""
    _key()
    return answer(consents.new_contact())


@router.get(PREFIX + "contacts/<contact>/consents/<consent>", include_in_schema=False)
def get_status(contact: str, consent: str) -> Response[Any]:
    """K-04: whether the person agreed; somebody unknown did not."""
    return answer(consents.status(_key(), path_value(contact), path_value(consent)))


@router.post(PREFIX + "contacts/<contact>/consents/<consent>", include_in_schema=False)
def decide(contact: str, consent: str, said: Annotated[dict[str, Any], Body()]) -> Response[Any]:
    """K-03: an agreement or a withdrawal, which holds for everything received from the answer on."""
    given = {name.lower(): value for name, value in said.items()}
    agreed, language = given.get("agree"), given.get("languagename")
    if not isinstance(agreed, bool):
        raise InvalidInput("agree must be true or false")
    if language is not None and not isinstance(language, str):
        raise InvalidInput("languageName must be a text")
    consents.decide(_key(), path_value(contact), path_value(consent), agreed=agreed, language=language)
    return answer({"success": True})


def _key() -> WriteKey:
    """The write key of this request: `Authorization`, Bearer or Basic, or `writeKey` in the address. Raises like `authenticate`."""
    request = router.current_event
    headers = {name.lower(): value for name, value in request.headers.items()}
    scheme, _, value = headers.get("authorization", "").partition(" ")
    key = _basic(value) if scheme.lower() == "basic" else value.strip()
    return authenticate(key or (request.query_string_parameters or {}).get("writeKey", ""), headers.get("origin"))


def _basic(value: str) -> str:
    try:
        return base64.b64decode(value.strip(), validate=True).decode().partition(":")[0]
    except ValueError:
        return ""
