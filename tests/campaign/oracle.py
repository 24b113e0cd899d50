"""What must be there at rest: a pure function of the accepted envelopes, and of when lives ended and links were cut.

Compared are sets: of message ids, of counters by type, of registers, of links, of dead letters. An event received while an erasure
or an unmerge ran may go either way; so may one that track answered with 503 for.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from cdp_core.domain import work
from cdp_core.domain.contact import Register, Registers, fold
from cdp_core.domain.envelope import Envelope
from cdp_core.domain.registration import on_registered
from cdp_core.domain.work import LeafOf, LeafWork

NEVER = -(10**12)


@dataclass(slots=True)
class Sent:
    """An envelope on the queue: when it really came (tick), and whether its client heard so."""

    tick: int
    envelope: Envelope
    acknowledged: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of a leaf's life: when it happened and was asked for (ticks), up to which receipt it reaches (ms), since which epoch."""

    tick: int
    asked: int
    until: int
    epoch: int


@dataclass(frozen=True, slots=True)
class Cut:
    """A link taken away: when (tick), from which parent, and up to which receipt it decides (ms)."""

    tick: int
    parent: str
    floor: int


@dataclass(slots=True)
class Truth:
    """What happened, as nobody in the product sees it."""

    sent: list[Sent] = field(default_factory=list)
    ended: dict[str, Ended] = field(default_factory=dict)
    cuts: dict[str, list[Cut]] = field(default_factory=dict)
    merged: dict[str, str] = field(default_factory=dict)  # known users whom an admin put under others, as asked


@dataclass(frozen=True, slots=True)
class Seen:
    """A leaf as the tables have it: its epoch, rows by (time, message id) with their types, counters, registers, parent, letters."""

    epoch: int
    rows: dict[tuple[int, str], str]
    counts: dict[str, int]
    registers: Registers
    parent: str | None
    letters: frozenset[str]
    old_rows: int


@dataclass(frozen=True)
class Expected:
    """What each accepted envelope asks of each leaf, found by the product's own pure regrouping."""

    truth: Truth
    leaf_of: LeafOf

    @cached_property
    def works(self) -> list[tuple[Sent, dict[str, LeafWork]]]:
        """Each envelope with its work by leaf."""
        return [
            (one, work.regroup([one.envelope], work.Rules(self.leaf_of, on_registered))[0]) for one in self.truth.sent
        ]

    def faults(self, leaf: str, seen: Seen) -> list[str]:
        """What is wrong with a leaf, in words."""
        found = (
            self._rows(leaf, seen) + self._registers(leaf, seen) + self._letters(leaf, seen) + self._link(leaf, seen)
        )
        if seen.old_rows:
            found.append(f"{seen.old_rows} rows of an old life are left")
        if Counter(seen.rows.values()) != Counter(seen.counts):
            found.append(f"counted {seen.counts}, stored {dict(Counter(seen.rows.values()))}")
        return found

    def _shares(self, leaf: str, *, sure: bool) -> Iterable[work.Share]:
        """The shares that must (or may) have an effect on the leaf's current life."""
        end = self.truth.ended.get(leaf, Ended(-1, -1, NEVER, 0))
        for one, works in self.works:
            if leaf in works:
                must = one.acknowledged and one.envelope.received_at > end.until and one.tick > end.tick
                if must if sure else one.tick > end.asked:
                    yield from works[leaf].shares.values()

    def _rows(self, leaf: str, seen: Seen) -> list[str]:
        must = {key for share in self._shares(leaf, sure=True) for key in share.rows}
        may = {key for share in self._shares(leaf, sure=False) for key in share.rows}
        lost, risen = must - set(seen.rows), set(seen.rows) - may
        return ([f"lost {sorted(lost)}"] if lost else []) + ([f"risen {sorted(risen)}"] if risen else [])

    def _registers(self, leaf: str, seen: Seen) -> list[str]:
        least = fold(*(share.registers for share in self._shares(leaf, sure=True)))
        possible: dict[str, list[Register]] = {}
        for share in self._shares(leaf, sure=False):
            for name, register in share.registers.items():
                possible.setdefault(name, []).append(register)
        wrong = [name for name, register in seen.registers.items() if register not in possible.get(name, [])]
        old = [
            name for name, one in least.items() if name not in seen.registers or seen.registers[name].order < one.order
        ]
        return [f"registers {sorted({*wrong, *old})}"] if wrong or old else []

    def _letters(self, leaf: str, seen: Seen) -> list[str]:
        end = self.truth.ended.get(leaf, Ended(-1, -1, NEVER, 0))
        must, may = set(), set()
        for one in self.truth.sent:
            names = {
                f"{one.envelope.key.hex()}#{index:05d}"
                for index, refusal in enumerate(one.envelope.refused)
                if self.leaf_of(refusal.identifiers()[0]) == leaf
            }
            may |= names if one.tick > end.asked else set()
            must |= (
                names if one.acknowledged and one.envelope.received_at > end.until and one.tick > end.tick else set()
            )
        return (
            [f"dead letters {must - seen.letters} lost, {seen.letters - may} risen"]
            if must - seen.letters or seen.letters - may
            else []
        )

    def _link(self, leaf: str, seen: Seen) -> list[str]:
        """The earliest received claim that no erasure and no unmerge voids wins."""
        cuts = [cut for cut in self.truth.cuts.get(leaf, []) if cut.tick > self._end(leaf).tick]
        sure = min(self._claims(leaf, cuts, sure=True), default=None)
        wanted = {sure[1] if sure else None, self.truth.merged.get(leaf)}
        wanted |= {parent for key, parent in self._claims(leaf, cuts, sure=False) if sure is None or key < sure[0]}
        return [] if seen.parent in wanted else [f"is under {seen.parent}, not under one of {wanted}"]

    def _claims(self, leaf: str, cuts: list[Cut], *, sure: bool) -> list[tuple[tuple[int, str], str]]:
        claims = []
        for one, works in self.works:
            for owner, owners in works.items():
                for share in owners.shares.values():
                    for request in share.links:
                        key = (share.received_at, request.message_id)
                        if request.child == leaf and self._stands(one, owner, leaf, key, cuts, sure=sure):
                            claims.append((key, owner))
        return claims

    def _stands(self, one: Sent, owner: str, leaf: str, key: tuple[int, str], cuts: list[Cut], *, sure: bool) -> bool:
        ends = (self._end(owner), self._end(leaf))
        if sure:
            floor = max([cut.floor for cut in cuts] + [end.until for end in ends])
            return (
                one.acknowledged
                and key[0] > floor
                and owner not in {cut.parent for cut in cuts}
                and one.tick > max(end.tick for end in ends)
            )
        return (
            one.tick > max(end.asked for end in ends)
            and (not cuts or key[0] > max(cut.floor for cut in cuts))
            and owner not in {cut.parent for cut in cuts}
        )

    def _end(self, leaf: str) -> Ended:
        return self.truth.ended.get(leaf, Ended(-1, -1, NEVER, 0))
