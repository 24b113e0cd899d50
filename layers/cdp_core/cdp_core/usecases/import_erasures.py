"""Imports that delete: the people of a part are erased in groups, each group one erasure with a job that cleans up."""

from collections.abc import Mapping, Sequence

from cdp_core.domain.counting import TRIES
from cdp_core.domain.erasure import Asked
from cdp_core.domain.identity import MAX_LEAVES
from cdp_core.domain.import_rows import Judged, Outcome
from cdp_core.domain.imports import Part
from cdp_core.domain.jobs import Job
from cdp_core.domain.leaf import Leaf
from cdp_core.errors import Contended, NotFound
from cdp_core.tables import jobs
from cdp_core.usecases import erase as erasures
from cdp_core.usecases import profiles
from cdp_core.usecases.resolve import Named


def erase(job: Job, part: Part) -> None:
    """Erases everybody whom the part's rows delete: unreadable when this returns. Again is no change.

    A group that was erased before a death is found by its id, and says how many rows it took. Raises Contended, Unavailable.
    """
    todo = [one for one in part.rows if one.outcome is Outcome.DELETED]
    group = 0
    while todo:
        taken = _erase_group(todo, f"{job.id}-{part.number:07d}-{group:03d}", by=str(job.request["created_by"]))
        todo, group = todo[taken:], group + 1


def _erase_group(todo: Sequence[Judged], group: str, *, by: str) -> int:
    """How many of the rows are done with."""
    done = jobs.load(group)
    for _ in range(TRIES):
        if done is not None:
            return int(done.request["names"])
        taken, members = _members(todo)
        if not members:
            return taken
        about = {"names": taken, "profiles": taken}
        done = erasures.entomb(members, group, about=about, asked=Asked(by=by))
    raise Contended("the profiles changed too often")


def _members(todo: Sequence[Judged]) -> tuple[int, list[Leaf]]:
    """How many rows are taken, and the leaves of their profiles: as many as one transaction takes. Who is gone already has none."""
    members: dict[str, Leaf] = {}
    for number, one in enumerate(todo):
        more = _leaves(Named(one.leaf, one.epoch))
        if members and len(members.keys() | more.keys()) > MAX_LEAVES:
            return number, list(members.values())
        members.update(more)
    return len(todo), list(members.values())


def _leaves(named: Named) -> Mapping[str, Leaf]:
    try:
        return profiles.tree_of(named).leaves
    except NotFound:
        return {}
