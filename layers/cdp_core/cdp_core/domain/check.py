"""What must hold of every leaf at rest (design section 10), and the job that looks at all of them."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from cdp_core.domain.activity import Row
from cdp_core.domain.counting import RING_SIZE
from cdp_core.domain.identity import may_be_parent
from cdp_core.domain.jobs import DONE, WAIT, Job
from cdp_core.domain.leaf import Leaf

CHECK = "check"
PROFILES, ACTIVITIES, CONFIRM = "profiles", "activities", "confirm"
MAX_SUSPECTS = 1_000
MAX_EXAMPLES = 10
MAX_HOT_BYTES = 32_768
FAULTS = ("counts", "ring", "size", "parent", "children", "listing", "old_life", "ownerless")


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything that must agree about one leaf: its hot item and that one's bytes, the rows of its life, the leaves linked to it.

    `parents_children` are the children of its parent; `is_listed` is None where the listing was not looked at; `old_items` are
    what is left of earlier lives although their erasures are over. Envelopes received up to `settled_until` (ms) are applied.
    """

    leaf: Leaf
    size: int
    rows: tuple[Row, ...]
    children: Mapping[str, Leaf]
    parent: Leaf | None
    parents_children: frozenset[str]
    is_listed: bool
    old_items: int
    settled_until: int


def faults(facts: Facts) -> set[str]:
    """The names of what does not hold."""
    leaf = facts.leaf
    found = {
        "counts": _counted(facts) != {name: n for name, n in leaf.counts.items() if n},
        "ring": len(leaf.ring) > RING_SIZE,
        "size": facts.size > MAX_HOT_BYTES,
        "parent": leaf.parent is not None and not _is_child(facts),
        "children": leaf.children != len(facts.children) or any(c.parent != leaf.id for c in facts.children.values()),
        "listing": facts.is_listed != (leaf.parent is None and leaf.created_at is not None),
        "old_life": facts.old_items > 0,
        "ownerless": bool(_counted(facts)) and leaf.created_at is None,
    }
    return {name for name, is_so in found.items() if is_so}


def _counted(facts: Facts) -> dict[str, int]:
    """How many rows must be counted by now, by type: those of a young envelope that is not yet remembered may be under way."""
    settled = max(facts.leaf.horizon, facts.settled_until.to_bytes(6, "big"))
    rows = [row for row in facts.rows if row.envelope in facts.leaf.ring or row.envelope <= settled]
    return dict(Counter(row.type for row in rows))


def _is_child(facts: Facts) -> bool:
    parent = facts.parent
    is_known = parent is not None and facts.leaf.id in facts.parents_children
    return is_known and parent is not None and may_be_parent(parent.id, facts.leaf.id)


def new_job(job_id: str, *, created_at: int, per_second: int, repair: bool) -> Job:
    """The job that looks at every leaf, so many a second; `repair` sets counters and listing right. Its total grows as it goes."""
    return Job(
        id=job_id,
        type=CHECK,
        created_at=created_at,
        request={"per_second": per_second, "repair": repair},
        phase=PROFILES,
        place={"start": [], "suspects": [], "examples": {}},
        total=1,
        counts={"leaves": 0, "partitions": 0, "suspects": 0, "repaired": 0} | dict.fromkeys(map(found, FAULTS), 0),
    )


def found(fault: str) -> str:
    """The name under which a receipt counts a fault."""
    return f"found.{fault}"


def after_page(
    job: Job, *, counted: str, number: int, suspects: Iterable[str], start: list[str], wait_until: int
) -> Job:
    """The job behind a page of one table; behind the last one of both it waits, for a leaf in the middle of a flush is no fault."""
    known = list(dict.fromkeys([*job.place["suspects"], *suspects]))[:MAX_SUSPECTS]
    counts = {**job.counts, counted: job.counts[counted] + number, "suspects": len(known)}
    phase, done = job.phase, job.done + number
    if not start:
        phase = ACTIVITIES if phase == PROFILES else WAIT
    place = {**job.place, "start": start, "suspects": known}
    deadline = wait_until if known else 0
    return replace(
        job, phase=phase, place=place, counts=counts, done=done, total=done + len(known) + 1, deadline=deadline
    )


def next_suspect(job: Job) -> tuple[str, list[int]]:
    """The leaf that is looked at next, and the lives of it whose activities looked wrong by themselves."""
    leaf = str(job.place["suspects"][0]).partition("#")[0]
    parts = [str(one).partition("#") for one in job.place["suspects"]]
    return leaf, [int(epoch) for owner, _, epoch in parts if owner == leaf and epoch]


def after_suspect(job: Job, leaf: str, seen: Iterable[str], *, repaired: bool) -> Job:
    """The job with what a second look at a leaf found."""
    counts, examples = dict(job.counts), {name: list(some) for name, some in job.place["examples"].items()}
    for fault in seen:
        counts[found(fault)] += 1
        examples[fault] = [*examples.get(fault, []), leaf][:MAX_EXAMPLES]
    counts["repaired"] += repaired
    left = [one for one in job.place["suspects"] if one.partition("#")[0] != leaf]
    place = {**job.place, "suspects": left, "examples": examples}
    return replace(job, place=place, counts=counts, done=job.done + len(job.place["suspects"]) - len(left))


def finished(job: Job) -> Job:
    """The job at its end."""
    return replace(job, phase=DONE, done=job.total)
