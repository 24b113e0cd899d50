"""Routes of single profiles: find, read, create, edit."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from cdp_core.api import models
from cdp_core.api.http import answer, documented, path_value
from cdp_core.api.parameters import ProfileId
from cdp_core.domain.identity import Identifier
from cdp_core.usecases import profiles, resolve

router = APIGatewayHttpRouter()


@router.post(
    "/profiles/lookup",
    summary="Look a profile up",
    tags=["profiles"],
    responses=documented(models.Profile, 400, 404, 409),
)
def look_up(lookup: Annotated[models.Lookup, Body()]) -> Response[Any]:
    """The profile of an identifier, without personal data in the URL."""
    named = resolve.of_identifier(Identifier(lookup.kind, lookup.value))
    return answer(profiles.show(profiles.load(named)))


@router.get(
    "/profiles/<id>", summary="Get a profile", tags=["profiles"], responses=documented(models.Profile, 400, 404, 409)
)
def get_profile(id: ProfileId) -> Response[Any]:
    """Everything about one person, over all identifiers."""
    return answer(profiles.show(profiles.find(path_value(id))))
