"""While tables are being restored, profiles cannot be read: erased people would be among them (runbook `restore`)."""

from cdp_core.config import settings
from cdp_core.errors import Restoring

_OPEN = ("/jobs/", "/erasures/replay", "/checks")  # not dead letters: they hold what erased people said


def check_open(path: str) -> None:
    """Raises Restoring for every route but those that a restore needs."""
    if settings().restoring == "true" and not path.startswith(_OPEN):
        raise Restoring("the data is being restored from backup; profiles cannot be read until that is over")
