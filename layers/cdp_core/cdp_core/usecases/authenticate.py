"""Write keys: whose they are, and whether they may be used from where they are used."""

from cdp_core.domain.channels import WriteKey, allows_origin
from cdp_core.errors import ChannelDisabled, OriginNotAllowed, Unauthorized
from cdp_core.tables import channels


def authenticate(write_key: str, origin: str | None) -> WriteKey:
    """The key, with its channel. Raises Unauthorized, ChannelDisabled or OriginNotAllowed."""
    found = channels.find_write_key(write_key) if write_key else None
    if found is None:
        raise Unauthorized("the write key is missing or not valid")
    if not found.channel.enabled:
        raise ChannelDisabled("the channel of this write key is disabled")
    if not allows_origin(found.channel, origin):
        raise OriginNotAllowed("the channel of this write key takes nothing from pages of this origin")
    return found
