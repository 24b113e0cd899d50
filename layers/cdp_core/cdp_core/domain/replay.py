"""After a restore from backup: the erasures since the backup, taken from their ledger and done again."""

from cdp_core.domain.jobs import Job

REPLAY = "replay_erasures"
WALK = "walk"


def new_job(job_id: str, *, created_at: int) -> Job:
    """The job that goes through the whole ledger. Its total grows as entries are found."""
    return Job(
        id=job_id,
        type=REPLAY,
        created_at=created_at,
        phase=WALK,
        place={"after": ""},
        total=1,
        counts={"already": 0, "erased_again": 0},
    )
