"""Which activity types one leaf may have: a hot item has a limit, however many names a sender makes up."""

from collections.abc import Collection, Iterable

from cdp_core.domain.activity import CUSTOM

MAX_BYTES = 16_000  # of all names together: half a hot item


def admitted(known: Collection[str], asked: Iterable[str], *, limit: int) -> dict[str, None]:
    """The types that the leaf has or may have, in order; whoever asks for another one gets `custom`."""
    types = dict.fromkeys(known)
    size = sum(len(name.encode()) for name in types)
    for name in asked:
        grown = size + len(name.encode())
        if name not in types and name != CUSTOM and len(types) < limit and grown <= MAX_BYTES:
            types[name] = None
            size = grown
    return types


def must_be_reserved(known: Collection[str], types: Collection[str], *, limit: int, flushes: int) -> bool:
    """Whether new types must be in the hot item before a row has them: flushes side by side do not see each other's.

    Below its share of the limit a flush need not ask, so an ordinary visitor costs no write for this.
    """
    return len(types) > len(known) and len(types) > limit // (2 * flushes)
