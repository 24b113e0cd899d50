"""Does again, after a restore from backup, every erasure that the restored tables do not know (runbook `restore`).

An erasure and its job are one transaction: tables that hold the job hold the tombstones too.
"""

import uuid
from collections.abc import Collection
from itertools import islice
from typing import Any

from cdp_core import bucket, clock
from cdp_core.bucket import Erased
from cdp_core.domain import replay as rules
from cdp_core.domain.counting import TRIES
from cdp_core.domain.erasure import lives
from cdp_core.domain.identity import MAX_LEAVES
from cdp_core.domain.jobs import DONE, view
from cdp_core.domain.leaf import Leaf
from cdp_core.errors import Contended
from cdp_core.tables import jobs, leaves, links
from cdp_core.usecases import erase, list_profile, shared_consents
from cdp_core.usecases.hold import Hold

_ENTRIES = 20  # entries a step


def request_replay() -> dict[str, Any]:
    """Makes the job; its view."""
    job = rules.new_job(uuid.uuid4().hex, created_at=clock.now_ms())
    jobs.create(job)
    return view(job)


def step(hold: Hold) -> bool:
    """The next entries of the ledger, oldest first. False at its end. Raises TryAgain; the job goes on where it stands."""
    entries = list(islice(bucket.erasures_after(str(hold.job.place["after"])), _ENTRIES))
    if not entries:
        hold.store(phase=DONE, total=hold.job.done)
        return False
    again = sum(_erase_again(entry) for entry in entries)
    counts = {
        "already": hold.job.counts["already"] + len(entries) - again,
        "erased_again": hold.job.counts["erased_again"] + again,
    }
    done = hold.job.done + len(entries)
    hold.store(place={"after": entries[-1].key}, counts=counts, done=done, total=done + 1)
    return True


def _erase_again(entry: Erased) -> bool:
    """Whether the tables did not know this erasure. Its job is made anew and sweeps again, under the same id and time."""
    job_id = _open_id(entry)
    for _ in range(TRIES if job_id else 0):
        for leaf in entry.lives:
            _cut_off(leaf, entry.lives.keys())
        members = list(leaves.load_many(entry.lives).values())
        if erase.entomb(members, job_id, at=entry.created_at, asked=entry.asked) is not None:
            return True
    if job_id:
        raise Contended("an erasure could not be done again; it will be tried again")
    return False


def _open_id(entry: Erased) -> str:
    """The id under which the erasure is to be done again; empty if the tables know it.

    A bulk erasure that goes on after the restore may have begun a group of the same id with other leaves.
    """
    for job_id in (entry.job_id, f"{entry.job_id}-again"):
        job = jobs.load(job_id)
        if job is None:
            return job_id
        if entry.lives.keys() <= lives(job).keys():
            return ""
    raise Contended("the ledger and the tables disagree about an erasure")


def _cut_off(leaf: str, erased: Collection[str]) -> None:
    """Undoes every link between an erased leaf and one that is not: at the erasure they were not linked any more."""
    for _ in range(TRIES * MAX_LEAVES):
        tree = links.load_tree(leaf)
        crossing = [one for one in tree.leaves.values() if one.parent and (one.id in erased) != (one.parent in erased)]
        if not crossing:
            return
        child, parent = crossing[0], tree.leaves[crossing[0].parent or ""]
        parted = shared_consents.parting(child, tree)
        if links.unlink(child, tree, floor=clock.now_ms(), consents=parted):
            _list_anew(parent if child.id in erased else child)
    raise Contended("the links of an erased profile changed too often")


def _list_anew(leaf: Leaf) -> None:
    """What goes on is listed as it is without the erased ones."""
    after = leaves.load(leaf.id)
    if after.created_at is not None:
        list_profile.refresh(after, anew=True, freed=True)
