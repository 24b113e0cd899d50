"""Routes of channels and their write keys."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from cdp_core.api import channels as shapes
from cdp_core.api.http import answer, documented, path_value
from cdp_core.routes.lists import whole
from cdp_core.usecases import channels

router = APIGatewayHttpRouter()
ChannelName = Annotated[str, Path(description="The channel's code name")]


@router.get("/channels", summary="List channels", tags=["channels"], responses=documented(shapes.ChannelList))
def list_channels() -> Response[Any]:
    """Every website, app and server that may send events."""
    return whole(channels.all_channels())


@router.post(
    "/channels", summary="Create a channel", tags=["channels"], responses=documented(shapes.Channel, 400, status=201)
)
def create_channel(channel: Annotated[shapes.NewChannel, Body()]) -> Response[Any]:
    """A website, app or server that sends events."""
    return answer(channels.create_channel({"type": channel.type, **channel.model_dump(exclude_unset=True)}), 201)


@router.get(
    "/channels/<name>", summary="Get a channel", tags=["channels"], responses=documented(shapes.Channel, 400, 404)
)
def get_channel(name: ChannelName) -> Response[Any]:
    """One channel with all settings."""
    return answer(channels.channel(path_value(name)))


@router.patch(
    "/channels/<name>", summary="Change a channel", tags=["channels"], responses=documented(shapes.Channel, 400, 404)
)
def change_channel(name: ChannelName, changes: Annotated[shapes.ChannelChanges, Body()]) -> Response[Any]:
    """What is not named stays. A change holds everywhere within a minute, and never widens what was stored before."""
    return answer(channels.change_channel(path_value(name), changes.model_dump(exclude_none=True)))


@router.post(
    "/channels/<name>/user-hash-secret",
    summary="Renew the secret of user hashes",
    tags=["channels"],
    responses=documented(shapes.UserHashSecret, 400, 404, status=201),
)
def renew_secret(name: ChannelName) -> Response[Any]:
    """The secret is shown in this answer only; the former one stops working within a minute."""
    return answer(channels.renew_user_hash_secret(path_value(name)), 201)


@router.get(
    "/channels/<name>/keys",
    summary="List write keys",
    tags=["channels"],
    responses=documented(shapes.KeyList, 400, 404),
)
def list_keys(name: ChannelName) -> Response[Any]:
    """The channel's keys by their ids, revoked ones included."""
    return whole(channels.keys(path_value(name)))


@router.post(
    "/channels/<name>/keys",
    summary="Create a write key",
    tags=["channels"],
    responses=documented(shapes.CreatedKey, 400, 404, status=201),
)
def create_key(name: ChannelName, key: Annotated[shapes.NewKey, Body()]) -> Response[Any]:
    """The key is shown in this answer only. Several may be active, so that one can take another's place."""
    return answer(channels.create_key(path_value(name), secret=key.secret), 201)


@router.delete(
    "/channels/<name>/keys/<key>",
    summary="Revoke a write key",
    tags=["channels"],
    responses=documented(shapes.Key, 400, 404),
)
def revoke_key(name: ChannelName, key: Annotated[str, Path(description="The key's id")]) -> Response[Any]:
    """It works nowhere within a minute, and never again. A repeat is no change."""
    return answer(channels.revoke_key(path_value(name), path_value(key)))
