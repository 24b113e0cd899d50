"""Takes what a client submits: authenticates the write key and puts one envelope on the queue, truthfully."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from cdp_core import queue
from cdp_core.domain.envelope import KEY_BYTES, Envelope, Event, Refusal, encode, envelope_key
from cdp_core.errors import ChannelDisabled, Unauthorized, Unavailable
from cdp_core.tables import channels
from cdp_core.tables.channels import WriteKey
from cdp_core.tables.codec import to_json

MAX_MESSAGE_BYTES = 900_000  # SQS takes 1 MiB; escapes and attributes need a margin
CHANNEL_DEFAULT = "channel_default"
_Part = TypeVar("_Part", Event, Refusal)


def authenticate(write_key: str) -> WriteKey:
    """The key's channel and authority. Raises Unauthorized or ChannelDisabled."""
    found = channels.find_write_key(write_key) if write_key else None
    if found is None:
        raise Unauthorized("the write key is missing or not valid")
    if not found.enabled:
        raise ChannelDisabled("the channel of this write key is disabled")
    return found


def accept(write_key: str, outcomes: Sequence[Event | Refusal], *, now: int) -> None:
    """Makes the submitted events durable. `now` is in milliseconds.

    Raises Unauthorized, ChannelDisabled, or Unavailable if the queue did not take all of them for certain.
    """
    key = authenticate(write_key)
    envelope = Envelope(
        key=_new_key(now),
        received_at=now,
        channel=key.channel,
        write_key=key.id,
        legal_basis=CHANNEL_DEFAULT,  # the consent verdict of design section 6 is decided here, once
        events=tuple(replace(one, authority=key.secret) for one in outcomes if isinstance(one, Event)),
        refused=tuple(replace(one, authority=key.secret) for one in outcomes if isinstance(one, Refusal)),
    )
    if not all(queue.send(list(_messages(envelope)))):
        raise Unavailable("the events could not be queued; send them again")


def _messages(envelope: Envelope) -> Iterator[str]:
    """The envelope as one message; one that is too large is halved, and each half has a key of its own."""
    text = message_of(envelope)
    if len(text.encode()) <= MAX_MESSAGE_BYTES or len(envelope.events) + len(envelope.refused) <= 1:
        yield text
        return
    for events, refused in zip(_halves(envelope.events), _halves(envelope.refused), strict=True):
        yield from _messages(replace(envelope, key=_new_key(envelope.received_at), events=events, refused=refused))


def _halves(many: tuple[_Part, ...]) -> tuple[tuple[_Part, ...], tuple[_Part, ...]]:
    middle = (len(many) + 1) // 2
    return many[:middle], many[middle:]


def _new_key(now: int) -> bytes:
    return envelope_key(now, os.urandom(KEY_BYTES - 6))


def message_of(envelope: Envelope) -> str:
    """The envelope as a message's body: JSON without the two characters that JSON allows and SQS refuses."""
    return to_json(encode(envelope)).replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")
