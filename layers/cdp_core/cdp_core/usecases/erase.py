"""Erasure, first half: tombstones for whole profiles at once. From the answer on nothing old is readable."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from cdp_core import clock
from cdp_core.domain import erasure as rules
from cdp_core.domain.consent import consent_key
from cdp_core.domain.counting import TRIES
from cdp_core.domain.erasure import Asked
from cdp_core.domain.identity import parse_identifier
from cdp_core.domain.jobs import Job, view
from cdp_core.domain.leaf import Leaf
from cdp_core.domain.suppression import suppressions_of
from cdp_core.errors import Contended, NotFound, Unavailable
from cdp_core.tables import consents, erasures, jobs, leaves, links
from cdp_core.usecases import suppress
from cdp_core.usecases.resolve import Named, name

_UNKNOWN = "there is no such profile"


def request_erasure(text: str, asked: Asked = rules.NOTHING_SAID) -> dict[str, Any]:
    """Erases the profile that `text` names (its id, a merged-away id, or `kind:value`); the view of the job that cleans up.

    A repeat gives the same job, and suppresses if that is asked for now. Raises NotFound if there is nothing to erase, and what
    `resolve.name` raises.
    """
    named = name(text)
    leaf = leaves.load(named.leaf)
    if is_current(named, leaf):
        return view(_erase(named.leaf, uuid.uuid4().hex, asked))
    job = _earlier_job(named, leaf)
    if asked.suppress:
        suppress.suppress_erased(_lives_of_one(leaf, job), asked, erasure=job.id)
    return view(job)


def is_current(named: Named, leaf: Leaf) -> bool:
    """Whether the life that is meant is the leaf's current one."""
    return leaf.is_live and named.epoch in (None, leaf.epoch)


def entomb(
    members: Sequence[Leaf],
    job_id: str,
    *,
    at: int | None = None,
    about: Mapping[str, int] | None = None,
    asked: Asked = rules.NOTHING_SAID,
) -> Job | None:
    """Ends the lives of these leaves under one job, if nothing changed since they were read; None if something did.

    Their consents are gone when this returns: what they said of themselves does not outlive them.

    At most MAX_LEAVES leaves: it is one transaction. `at` is when the erasure was asked for (ms), now if None; `about` goes into
    the job's request, and so does what was `asked`: with `suppress` every profile among them is suppressed in the same transaction.
    After a lost answer the job item tells whether it happened. Raises Unavailable where even that cannot be read.
    """
    job = rules.new_job(
        job_id,
        created_at=at or clock.now_ms(),  # the time of this very try: retries may take a while
        lives={leaf.id: leaf.epoch + 1 for leaf in members},
        activities=sum(sum(leaf.counts.values()) for leaf in members),
        about=about or {},
        asked=asked,
    )
    until, suppressed = rules.erased_until(job), []
    if asked.suppress:
        suppressed = suppressions_of(members, asked_at=job.created_at, asked=asked, erasure=job_id)
    try:
        if erasures.entomb(members, job, erased_until=until, consents=_consents(members), suppressed=suppressed):
            return _without_consents(job)
    except Unavailable:
        pass
    stored = jobs.load(job_id)
    return _without_consents(stored) if stored else None


def _without_consents(job: Job) -> Job:
    """The job, once no consent of its people is left. Raises Unavailable."""
    erasures.remove_consents(job)
    return job


def _consents(members: Sequence[Leaf]) -> dict[str, int]:
    """The consent keys of these lives. Who decides while this is read changes the profile, and the erasure is tried again."""
    if all(leaf.consented_at is None for leaf in members):
        return {}
    named = {identifier: leaf.epoch for leaf in members if (identifier := parse_identifier(leaf.identifier))}
    return {consent_key(one): named[one] for one in consents.load_many(named)}


def _earlier_job(named: Named, leaf: Leaf) -> Job:
    """The job of the erasure that ended the life that is meant."""
    is_last_life = named.epoch == leaf.epoch - 1 or (named.epoch is None and not leaf.is_live)
    job = jobs.load(leaf.job) if leaf.job and is_last_life else None
    if job is None:
        raise NotFound(_UNKNOWN)
    return _without_consents(job)


def _lives_of_one(leaf: Leaf, job: Job) -> Mapping[str, int]:
    """What an erasure ended of one person; a group of a bulk erasure does not tell whose the other leaves were."""
    lives = rules.lives(job)
    return {leaf.id: lives[leaf.id]} if "profiles" in job.request and leaf.id in lives else lives


def _erase(leaf: str, job_id: str, asked: Asked) -> Job:
    for _ in range(TRIES):
        tree = links.load_tree(leaf)
        if not any(one.is_live for one in tree.leaves.values()):
            return _after_another(tree.leaves[leaf])
        if (job := entomb(list(tree.leaves.values()), job_id, asked=asked)) is not None:
            return job
    raise Contended("the profile changed too often; ask again")


def _after_another(leaf: Leaf) -> Job:
    """Somebody else erased the profile while we read it."""
    job = jobs.load(leaf.job) if leaf.job else None
    if job is None:
        raise NotFound(_UNKNOWN)
    return _without_consents(job)
