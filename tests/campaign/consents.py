"""Withdrawals in the schedules: nothing received after an acknowledged one may be on the queue, whatever else goes on (invariant 8)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from cdp_core.domain.catalogue import Consent, ConsentText
from cdp_core.domain.channels import Channel, WriteKey
from cdp_core.domain.consent import deciding
from cdp_core.domain.envelope import Envelope
from cdp_core.domain.identity import Identifier, parse_identifier
from cdp_core.domain.leaf import Leaf
from cdp_core.tables import catalogue, consents
from cdp_core.usecases.consents import decide
from tests.campaign.oracle import Truth

CODE = "tracking"
NEVER = 10**9
IN_DOUBT = 20  # ticks: the margin of clocks and the skew of two
_KEY = WriteKey(id="k", channel=Channel(code_name="server", name="Server", type="server"), secret=True)


@dataclass(slots=True)
class Decision:
    """What one person said through one leaf: when it was asked for, and when its client heard that it is stored (ticks)."""

    leaf: str
    agreed: bool
    asked: int
    heard: int = NEVER


@dataclass(slots=True)
class Decisions:
    """Every decision of a schedule, and what must follow from them."""

    truth: Truth
    leaf_of: Callable[[Identifier], str]
    load: Callable[[str], Leaf]
    children: Callable[[Leaf], Iterable[str]]
    made: list[Decision] = field(default_factory=list)

    def define(self) -> None:
        """The consent that people decide about."""
        catalogue.save_consent(Consent(code_name=CODE, name="T", texts={"en": ConsentText(short="s", full="f")}), at=1)

    def start(self, identifier: str, agreed: bool, now: Callable[[], int]) -> Callable[[], None]:
        """What a process runs: it says so until it hears that it is stored."""
        named = parse_identifier(identifier)
        assert named is not None
        decision = Decision(self.leaf_of(named), agreed, now())
        self.made.append(decision)

        def run() -> None:
            decide(_KEY, identifier, CODE, agreed=agreed, language="en")
            decision.heard = min(decision.heard, now())

        return run

    def faults_of(self, envelope: Envelope, tick: int) -> list[str]:
        """Events on the queue whose person had withdrawn by then, as the client heard."""
        return [
            f"{event.message_id} was queued at {tick} after a withdrawal"
            for event in envelope.events
            if self._withdrawn({leaf for one in event.identifiers() for leaf in self._profile(self.leaf_of(one))}, tick)
        ]

    def may_withhold(self, tick: int) -> bool:
        """Whether anybody had begun to withdraw by then."""
        return any(not one.agreed and one.asked <= tick for one in self.made)

    def _withdrawn(self, profile: set[str], tick: int) -> bool:
        said = [one for one in self.made if one.leaf in profile and one.asked <= tick]
        for one in said:
            stands = not one.agreed and one.heard < tick and not self._erased_since(profile, one.asked)
            if stands and not any(other.agreed and other.heard > one.asked for other in said):
                return True
        return False

    def _erased_since(self, profile: set[str], tick: int) -> bool:
        return any(end.tick >= tick for leaf, end in self.truth.ended.items() if leaf in profile)

    def _profile(self, leaf: str) -> set[str]:
        """All leaves that are linked with this one now."""
        hot = self.load(leaf)
        root = self.load(hot.parent) if hot.parent else hot
        return {leaf, root.id, *self.children(root)}

    def faults_at_rest(self, identifiers: Iterable[Identifier]) -> list[str]:
        """Every leaf of a profile holds the same history, made through leaves of this profile and in their current lives."""
        found = []
        for identifier, stored in consents.load_many(identifiers).items():
            leaf = self.load(self.leaf_of(identifier))
            profile = self._profile(leaf.id)
            if stored.epoch != leaf.epoch:
                found.append(f"{leaf.id}: a consent of life {stored.epoch} outlived it")
            if strange := {entry.leaf for entry in stored.history} - profile:
                found.append(f"{leaf.id}: holds what was decided through {strange}")
            found += self._against(leaf.id, profile, deciding(stored.history).get(CODE))
        return found

    def _against(self, leaf: str, profile: set[str], entry: Any) -> list[str]:
        """The decision that came after all others of the profile, and was heard, is the one that holds."""
        said = sorted((one for one in self.made if one.leaf in profile), key=lambda one: one.asked)
        if not said or self._erased_since(profile, said[-1].asked) or said[-1].heard == NEVER:
            return []
        if any(one.heard >= said[-1].asked for one in said[:-1]):
            return []
        if said[-1].agreed and any(not one.agreed and one.heard > said[-1].asked - IN_DOUBT for one in said[:-1]):
            return []  # the clocks that stamped them may disagree: the withdrawal may hold
        is_so = entry is not None and entry.agreed == said[-1].agreed
        return [] if is_so else [f"{leaf}: {entry} does not hold what was said last, at {said[-1].asked}"]
