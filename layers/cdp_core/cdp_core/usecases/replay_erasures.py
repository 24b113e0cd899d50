"""Does again, after a restore from backup, every erasure that the restored tables do not know (runbook `restore`).

An erasure and its job are one transaction: tables that hold the job hold the tombstones too.
"""

import uuid
from itertools import islice
from typing import Any

from cdp_core import bucket, clock
from cdp_core.bucket import Erased
from cdp_core.domain import replay as rules
from cdp_core.domain.counting import TRIES
from cdp_core.domain.jobs import DONE, view
from cdp_core.domain.leaf import Leaf
from cdp_core.errors import Contended
from cdp_core.tables import jobs, leaves, links
from cdp_core.usecases import erase
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
    for _ in range(TRIES):
        if jobs.load(entry.job_id) is not None:
            return False
        members = list(leaves.load_many(entry.lives).values())
        _free_children(members)
        members = list(leaves.load_many(entry.lives).values())
        if erase.entomb(members, entry.job_id, at=entry.created_at) is not None:
            return True
    raise Contended("an erasure could not be done again; it will be tried again")


def _free_children(members: list[Leaf]) -> None:
    """Leaves that the backup holds under an erased one, and that had left it before the erasure, go on by themselves."""
    ids = {leaf.id for leaf in members}
    for leaf in members:
        tree = links.load_tree(leaf.id)
        for child in tree.leaves.values():
            if child.id not in ids and child.parent in ids:
                links.unlink(child, tree.leaves[child.parent], floor=clock.now_ms())
