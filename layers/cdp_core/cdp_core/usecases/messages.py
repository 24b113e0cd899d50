"""Envelopes as messages of the queue, and back."""

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from cdp_core.domain.envelope import KEY_BYTES, Envelope, decode, encode, envelope_key, finite
from cdp_core.tables.codec import from_any_json, to_json

Part = TypeVar("Part")
MAX_MESSAGE_BYTES = 900_000  # SQS takes 1 MiB; escapes and attributes need a margin
UNREADABLE = (LookupError, TypeError, ValueError, AttributeError, RecursionError)  # by `envelope_of`


def new_key(now: int) -> bytes:
    """The key of a new envelope; `now` is in ms."""
    return envelope_key(now, os.urandom(KEY_BYTES - 6))


def message_of(envelope: Envelope, plain: Sequence[Any] = (), *, authority: bool = False) -> str:
    """The envelope as a message's body: JSON without the two characters that JSON allows and SQS refuses."""
    return (
        to_json(encode(envelope, plain, authority=authority)).replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")
    )


def split(parts: Sequence[Part], message: Callable[[Sequence[Part]], str]) -> Iterator[str]:
    """The parts as messages that the queue takes: all in one, or in halves of halves. `message` makes one, with a key of its own.

    A part that is too large alone is no part that track accepts, and goes as it is.
    """
    whole = message(parts)
    if len(whole.encode()) <= MAX_MESSAGE_BYTES or len(parts) <= 1:
        yield whole
        return
    middle = (len(parts) + 1) // 2
    yield from split(parts[:middle], message)
    yield from split(parts[middle:], message)


def envelope_of(message: str) -> Envelope:
    """The envelope of a message's body. Raises one of UNREADABLE if it holds none."""
    plain, is_infinite = from_any_json(message)
    return decode(finite(plain) if is_infinite else plain)
