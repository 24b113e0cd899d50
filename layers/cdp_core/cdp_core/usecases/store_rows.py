"""Step 1 of the protocol: every activity is put if absent, and the answers say which envelope owns it."""

from collections import Counter
from collections.abc import Iterable
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from itertools import islice

from cdp_core.config import settings
from cdp_core.domain.activity import CUSTOM, Row, copy_of
from cdp_core.domain.counting import Claim
from cdp_core.domain.leaf import Leaf
from cdp_core.domain.leaf_types import admitted
from cdp_core.domain.work import Share
from cdp_core.errors import Unavailable
from cdp_core.tables import activities
from cdp_core.tables.activities import PutAnswer
from cdp_core.tables.dynamo import StoreRefused


@dataclass(slots=True)
class Stored:
    """What the Puts said: the claims of complete envelopes, the envelopes left incomplete, and rows the store calls invalid."""

    claims: list[Claim] = field(default_factory=list)
    incomplete: set[bytes] = field(default_factory=set)
    refused: list[tuple[Share, Row, StoreRefused]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class _Wanted:
    share: Share
    row: Row


def store_rows(leaf: Leaf, shares: Iterable[Share], pool: Executor) -> Stored:
    """Puts every row of these shares under the leaf's current epoch. An envelope enters the ring only when complete."""
    shares = list(shares)
    wanted = _typed(leaf, [_Wanted(share, row) for share in shares for row in share.rows.values()])
    answers = (
        list(pool.map(lambda one: _put(leaf, one.row), wanted))
        if len(wanted) > 1
        else [_put(leaf, one.row) for one in wanted]
    )
    stored = Stored()
    answered = iter(zip(wanted, answers, strict=True))
    for share in shares:  # the rows of each share follow those of the one before
        _claim(stored, share, [(one.row, answer) for one, answer in islice(answered, len(share.rows))])
    return stored


def _typed(leaf: Leaf, wanted: list[_Wanted]) -> list[_Wanted]:
    """Beyond the leaf's limit of types an activity is `custom`; its name stays in `event`. Decided here, stored in the row."""
    types = admitted(leaf.counts, (one.row.type for one in wanted), limit=settings().max_leaf_types)
    return [one if one.row.type in types else replace(one, row=one.row._replace(type=CUSTOM)) for one in wanted]


def _put(leaf: Leaf, row: Row) -> PutAnswer | Unavailable | StoreRefused:
    """The row that stands under the key now. The owner of a stub also writes its timeline copy."""
    try:
        answer = activities.put(leaf.id, leaf.epoch, row)
        if answer.stored.position is not None and answer.stored.envelope == row.envelope:
            stub = answer.stored._replace(body=row.body)
            activities.put_copy(leaf.id, leaf.epoch, copy_of(stub))
        return answer
    except (Unavailable, StoreRefused) as error:
        return error


def _claim(stored: Stored, share: Share, answers: list[tuple[Row, PutAnswer | Unavailable | StoreRefused]]) -> None:
    mine, fresh = [], True
    for row, answer in answers:
        if isinstance(answer, Unavailable):
            stored.incomplete.add(share.key)
        elif isinstance(answer, StoreRefused):
            stored.refused.append((share, row, answer))
        elif answer.stored.envelope == share.key:
            mine.append(answer.stored)
            fresh &= answer.is_new
            stored.counts["activities" if answer.is_new else "repeated"] += 1
        else:
            stored.counts["duplicates"] += 1
    if share.key not in stored.incomplete:
        stored.claims.append(Claim(key=share.key, received_at=share.received_at, rows=tuple(mine), fresh=fresh))
