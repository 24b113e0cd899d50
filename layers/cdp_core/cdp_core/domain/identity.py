"""Who an event is about: identifiers, leaves and the fixed order of links (design section 5)."""

import hashlib
import hmac
import re
from collections.abc import Iterable
from typing import NamedTuple

USER_ID = "user_id"
ANONYMOUS_ID = "anonymous_id"
LEAF_KINDS = {USER_ID: "u", ANONYMOUS_ID: "v"}  # the letter leads the leaf's id, so ids sort known before anonymous
MAX_IDENTIFIER = 200
MAX_LEAVES = 90  # one transaction deletes a whole profile

_BLOCKED_WORDS = {
    *"-1 null undefined none nil nan n/a anonymous guest unknown true false {} [] \"\" ''".split(),
    "not set",
    "[object object]",
}
_BLOCKED_LETTERS = "0-"  # what holds nothing else is some system's zero
# Nothing that is blocked starts or ends so, and most identifiers do.
_HARMLESS = frozenset("123456789abcdefghijklmnopqrstuvwxyz")
_HARMLESS_STARTS = _HARMLESS - {word[0] for word in _BLOCKED_WORDS}
_HARMLESS_ENDS = _HARMLESS - {word[-1] for word in _BLOCKED_WORDS}
_LEAF = re.compile(r"[uv][0-9a-f]{32}")


class Identifier(NamedTuple):
    """A kind and a value, such as `user_id:42`."""

    kind: str
    value: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.value}"


def parse_identifier(text: str) -> Identifier | None:
    """`kind:value` as an identifier, or None if there is no kind or no value."""
    kind, colon, value = text.partition(":")
    return Identifier(kind, value) if colon and kind and value else None


def is_blocked(value: str) -> bool:
    """Values that can never identify anybody: they stay in the event and name no leaf."""
    if value[-1:] in _HARMLESS_ENDS or value[:1] in _HARMLESS_STARTS:
        return False
    word = value.strip().casefold()
    return word in _BLOCKED_WORDS or not word.strip(_BLOCKED_LETTERS)


def any_blocked(values: Iterable[str | None]) -> bool:
    """Whether one of these values is blocked; none and nothing are not."""
    doubtful = [one for one in values if one and one[-1] not in _HARMLESS_ENDS and one[0] not in _HARMLESS_STARTS]
    return any(map(is_blocked, doubtful))


def leaf_id(secret: bytes, identifier: Identifier) -> str:
    """The leaf of an identifier: a letter for its kind, then 128 bits of a keyed hash of kind and value."""
    text = f"{identifier.kind}\0{identifier.value}".encode()
    return LEAF_KINDS[identifier.kind] + hmac.new(secret, text, hashlib.sha256).hexdigest()[:32]


def is_leaf_id(text: str) -> bool:
    """Whether a text has the shape of a leaf's id."""
    return _LEAF.fullmatch(text) is not None


def is_anonymous(leaf: str) -> bool:
    """Whether the leaf stands for an anonymous identifier."""
    return leaf.startswith(LEAF_KINDS[ANONYMOUS_ID])


def may_be_parent(parent: str, child: str) -> bool:
    """The fixed order of links: known before anonymous, then by id. Cycles cannot exist."""
    return parent < child


def profile_id(leaf: str, epoch: int) -> str:
    """The id people see: the root leaf's, with its epoch once the person was erased and came back."""
    return f"{leaf}.{epoch}" if epoch else leaf


def parse_profile_id(text: str) -> tuple[str, int] | None:
    """Leaf and epoch of a profile id, or None if the text is not one."""
    leaf, dot, epoch = text.partition(".")
    if not is_leaf_id(leaf) or (dot and not re.fullmatch(r"[1-9]\d{0,8}", epoch)):
        return None
    return leaf, int(epoch or 0)
