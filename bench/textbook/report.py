"""The figures as tables for people, with the budgets of the product beside them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.textbook import cold, prices
from bench.textbook.picture import Bar

_SHOWN = {
    "textbook": "textbook",
    "ours": "ours",
    "visitor": "ours, reading one visitor's consents",
    "gated": "ours, reading everybody's consents",
    "floor": "floor",
    "logs": "our metrics alone",
}


@dataclass(slots=True)
class Report:
    """CPU of an event by size and contender (us), of starts (ms), instructions of starts; the rest where it was measured."""

    track: dict[int, dict[str, float]]
    starts: dict[str, float]
    instructions: dict[str, int]
    flush: dict[tuple[int, int], dict[str, float]] = field(default_factory=dict)
    threads: dict[int, tuple[float, float]] = field(default_factory=dict)
    units: dict[int, list[tuple[float, float]]] = field(default_factory=dict)
    costs: dict[tuple[str, int], dict[str, float]] = field(default_factory=dict)

    def text(self) -> str:
        """All tables."""
        parts = [self._track(), self._starts()]
        if self.flush:
            parts += [self._flush(), self._units(), self._costs(), _prices()]
        return "\n\n".join(parts)

    def _track(self) -> str:
        rows = [
            [
                _SHOWN[name],
                *(f"{of[name]:.2f}" for of in self.track.values()),
                *(self._times(n, name) for n in (1, 100)),
            ]
            for name in _SHOWN
        ]
        heads = ["CPU of an event, us", *(f"{size} a request" for size in self.track), "x at 1", "x at 100"]
        return _table(heads, rows) + "\n\nBudget: at least 6 x at 1 and 20 x at 100 events a request."

    def _times(self, size: int, name: str) -> str:
        return f"{self.track[size]['textbook'] / self.track[size][name]:.1f}" if name != "logs" else ""

    def _starts(self) -> str:
        rows = []
        for name in cold.STARTS:
            value = self.starts[name]
            counted = self.instructions.get(name)
            share = f"{counted / self.instructions['boto3']:.2f}" if counted else "not counted here"
            millions = f"{counted / 1e6:.0f}" if counted else ""
            rows.append([name, f"{value:.1f}", f"{value / self.starts['boto3']:.2f}", millions, share])
        heads = ["Start", "CPU, ms", "x boto3", "M instructions", "x boto3"]
        budget = "Budget: ours at most 0.40 x `import boto3; boto3.client('sqs')`."
        others = [[name, f"{self.starts[name]:.1f}"] for name in (cold.BARE, *cold.SPARED)]
        return f"{_table(heads, rows)}\n\n{budget}\n\n{_table(['And by itself', 'CPU, ms'], others)}"

    def _flush(self) -> str:
        rows = [
            [f"{each} / {size}", *(f"{cpu * 1e6:.0f}" for cpu in of.values()), f"{1 / of['ours']:,.0f}", f"{of['textbook'] / of['ours']:.1f}"]
            for (each, size), of in self.flush.items()
        ]  # fmt: skip
        heads = [
            "Flush: events a person / a request",
            "textbook, CPU of an event, us",
            "ours",
            "ours, events a second and core",
            "x",
        ]
        text = _table(heads, rows)
        waits = [[str(n), f"{rate:,.0f}", f"{cpu * 1e6:.0f}"] for n, (rate, cpu) in self.threads.items()]
        heads = ["Threads, where DynamoDB takes 6 ms", "events a second", "CPU of an event, us"]
        return f"{text}\n\nBudget: at least 3 x.\n\n{_table(heads, waits)}"

    def _units(self) -> str:
        rows = [
            [str(each), *(f"{writes:.2f} / {reads:.2f}" for writes, reads in both)] for each, both in self.units.items()
        ]
        return _table(
            [
                "Events a person and flush, 20 a request",
                "textbook, write / read units an event",
                "ours",
                "ours, reading consents",
            ],
            rows,
        )

    def _costs(self) -> str:
        shown = {"gated": "ours, reading consents"}
        parts = list(next(iter(self.costs.values())))
        rows = [
            [
                f"{shown.get(name, name)}, {size} a request",
                *(f"{of[part]:.2f}" for part in parts),
                f"**{sum(of.values()):.2f}**",
            ]
            for (name, size), of in self.costs.items()
        ]
        return (
            _table(["$ for a million events", *parts, "sum"], rows) + "\n\nBudget: ours at most $1.00 at 20 a request."
        )

    def bars(self) -> list[list[Bar]]:
        """What the picture shows."""
        groups = [
            [
                Bar(f"CPU of an event, {size} a request: {name}", name, of[name], f"{of[name]:.1f} us")
                for name in ("textbook", "ours", "floor")
            ]
            for size, of in self.track.items()
            if size in (1, 100)
        ]
        groups.append(
            [
                Bar(f"start: {name}", name, self.starts[name], f"{self.starts[name]:.0f} ms")
                for name in ("textbook", "ours", "floor")
            ]
        )
        sums = {one: sum(of.values()) for one, of in self.costs.items()}
        groups += [
            [
                Bar(f"$ a million, {size} a request: {n}", n, sums[n, size], f"$ {sums[n, size]:.2f}")
                for n in ("textbook", "ours")
            ]
            for size in (1, 20)
            if sums
        ]
        return groups


def _prices() -> str:
    rows = [[one.unit, f"${one.dollars:g}", one.source] for one in prices.ALL]
    text = _table(["A million", "us-east-1, read 2026-11-23", "Source"], rows)
    return f"{text}\n\nLambda: track at {prices.TRACK_MB} MB, the flush at {prices.FLUSH_MB} MB; a call of AWS is assumed to take {prices.WAIT_SECONDS * 1000:.0f} ms of waiting."


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
