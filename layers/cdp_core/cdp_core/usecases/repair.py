"""Sets right what can be made anew from the rows: counters and listing. Safe in live traffic."""

from cdp_core import clock
from cdp_core.domain import counting
from cdp_core.domain.counting import TRIES
from cdp_core.domain.envelope import KEY_BYTES
from cdp_core.domain.times import CLOCK_MARGIN_MS
from cdp_core.errors import Contended
from cdp_core.tables import activities, leaves
from cdp_core.usecases import list_profile


def repair(leaf_id: str, faults: set[str]) -> bool:
    """Repairs a leaf's counters and listing, if these are what is wrong. Whether it did. Raises Contended."""
    if "counts" in faults:
        repair_counts(leaf_id)
    if "listing" in faults:
        leaf = leaves.load(leaf_id)
        (list_profile.hide if leaf.parent is not None else list_profile.refresh)(leaf)
    return bool(faults & {"counts", "listing"})


def repair_counts(leaf_id: str) -> None:
    """Counts a leaf anew from all its rows (protocol, repair). Whoever is in flight finds himself below the horizon and recounts."""
    for _ in range(TRIES):
        leaf = leaves.load(leaf_id)
        now = clock.now_ms() + CLOCK_MARGIN_MS
        horizon = max(leaf.horizon, now.to_bytes(6, "big") + b"\xff" * (KEY_BYTES - 6))
        after = counting.recount(counting.forget(leaf, horizon), activities.all_rows(leaf.id, leaf.epoch))
        if leaves.commit(leaf, after):
            return
    raise Contended("the leaf changed too often")
