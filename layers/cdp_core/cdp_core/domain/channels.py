"""Channels: who sends events, and what may come from them (design sections 5 and 6)."""

import hashlib
import hmac
from typing import NamedTuple

LEVELS = {"none": -1000, "system": -100, "essential": 0, "editor": 100, "visitor": 200, "all": 1000}
VISITOR = LEVELS["visitor"]
TYPES = ("website", "server", "headless")
ACCEPT, REJECT = "accept", "reject"
OFF, REQUIRED = "off", "required"
_GUIDS = "6f1c3a52-0d0e-4f5b-9a57-0b1f6c9d2e11"


class Channel(NamedTuple):
    """A website, app or server that sends events.

    `origins` are the web origins that browsers may send from, any if empty. `consent_gate` says whether consents decide what is
    kept, `cookie_level` what holds for people who said nothing, `tracking_consent` which consent decides, and
    `consent_categories` by which names Segment's consent preferences mean the same. `user_hash_secret` signs user ids.
    """

    code_name: str
    name: str
    type: str
    enabled: bool = True
    origins: tuple[str, ...] = ()
    consent_gate: bool = True
    cookie_level: int = LEVELS["all"]
    tracking_consent: str = "tracking"
    consent_categories: tuple[str, ...] = ("tracking", "analytics")
    unknown_types: str = ACCEPT
    identity_verification: str = OFF
    user_hash_secret: str = ""

    @property
    def guid(self) -> str:
        """The name that Kentico's headless requests use; it follows from the code name."""
        import uuid  # a cold start of tracking does without it

        return str(uuid.uuid5(uuid.UUID(_GUIDS), self.code_name))


class WriteKey(NamedTuple):
    """A key's public half: its id, its channel, whether it is secret (has authority)."""

    id: str
    channel: Channel
    secret: bool


def is_named(channel: Channel, text: str) -> bool:
    """Whether a request means this channel, by code name or guid."""
    return text.lower() in (channel.code_name, channel.guid)


def taking_known_types(key: WriteKey) -> WriteKey:
    """The key as headless requests use it: an activity type that nobody defined is refused (K-10)."""
    return key._replace(channel=key.channel._replace(unknown_types=REJECT))


def allows_origin(channel: Channel, origin: str | None) -> bool:
    """Whether a browser on a page of this origin may send. Requests without an origin come from no browser."""
    return not channel.origins or origin is None or origin.lower() in channel.origins


def user_hash(secret: str, user_id: str) -> str:
    """What a site's server signs for its signed-in user: HMAC-SHA256 of the user id, in hexadecimal."""
    return hmac.new(secret.encode(), user_id.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def proves(channel: Channel, user_id: str, given: str) -> bool:
    """Whether a user hash is the channel's for this user id; takes the same time for every wrong one."""
    if not channel.user_hash_secret:
        return False
    return hmac.compare_digest(user_hash(channel.user_hash_secret, user_id).encode(), given.lower().encode())
