"""Shapes of channels and their write keys."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from cdp_core.api.models import CodeName, Name, example, taken
from cdp_core.domain.channels import LEVELS

Origin = Annotated[str, Field(pattern=r"^https?://[A-Za-z0-9.-]{1,253}(:\d{1,5})?$")]
Level = Annotated[int, Field(ge=-1000, le=1000)] | Literal["none", "system", "essential", "editor", "visitor", "all"]
Origins = Annotated[list[Origin], Field(max_length=50)]
Categories = Annotated[list[Name], Field(max_length=20)]
_CHANNEL = {
    "code_name": "shop",
    "name": "Web shop",
    "type": "website",
    "enabled": True,
    "origins": ["https://shop.example"],
    "consent_gate": True,
    "cookie_level": LEVELS["all"],
    "tracking_consent": "tracking",
    "consent_categories": ["tracking", "analytics"],
    "unknown_types": "accept",
    "identity_verification": "off",
}


class NewChannel(BaseModel):
    """A channel to create. Without `consent_gate` a headless one has none, every other one has it."""

    model_config = taken(code_name="shop", name="Web shop", type="website", origins=["https://shop.example"])
    code_name: CodeName
    name: Name
    type: Literal["website", "server", "headless"] = "website"
    origins: Origins = []
    consent_gate: bool = True
    cookie_level: Level = LEVELS["all"]
    tracking_consent: CodeName = "tracking"
    consent_categories: Categories = ["tracking", "analytics"]
    unknown_types: Literal["accept", "reject"] = "accept"
    identity_verification: Literal["off", "required"] = "off"


class ChannelChanges(BaseModel):
    """Settings to change; what is not named, or null, stays."""

    model_config = taken(enabled=False)
    name: Name | None = None
    enabled: bool | None = None
    origins: Origins | None = None
    consent_gate: bool | None = None
    cookie_level: Level | None = None
    tracking_consent: CodeName | None = None
    consent_categories: Categories | None = None
    unknown_types: Literal["accept", "reject"] | None = None
    identity_verification: Literal["off", "required"] | None = None


class Channel(BaseModel):
    """A channel. `guid` is what headless requests may call it; whether it has a secret for user hashes, and never which."""

    model_config = example(**_CHANNEL, guid="5b1ad2c4-2f3e-5d6a-8c7b-9e0f1a2b3c4d", has_user_hash_secret=False)
    code_name: str
    name: str
    type: str
    enabled: bool
    origins: list[str]
    consent_gate: bool
    cookie_level: int
    tracking_consent: str
    consent_categories: list[str]
    unknown_types: str
    identity_verification: str
    guid: str
    has_user_hash_secret: bool


class UserHashSecret(BaseModel):
    """The secret that signs user ids; this is the only time it is shown."""

    model_config = example(channel="shop", user_hash_secret="shown-this-once")  # noqa: S106
    channel: str
    user_hash_secret: str


class NewKey(BaseModel):
    """A write key to create; a secret one carries authority (servers only)."""

    model_config = taken(secret=False)
    secret: bool = False


class CreatedKey(BaseModel):
    """A write key; this is the only time it is shown."""

    model_config = example(id="5f2c81d9ab34", channel="shop", secret=False, key="wk_shown-this-once")
    id: str
    channel: str
    secret: bool
    key: str


class Key(BaseModel):
    """A write key, without the key itself."""

    model_config = example(id="5f2c81d9ab34", secret=False, created_at="2026-01-02T03:04:05.000Z", revoked_at=None)
    id: str
    secret: bool
    created_at: str
    revoked_at: str | None


class ChannelList(BaseModel):
    """All channels."""

    items: list[Channel]
    cursor: None


class KeyList(BaseModel):
    """All write keys of a channel."""

    items: list[Key]
    cursor: None
