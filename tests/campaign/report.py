"""The page docs/reliability.md, made from a campaign's figures."""

import argparse
import os
import platform
from collections import Counter
from pathlib import Path

from tests.campaign.tasks import Result

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
_HEAD = """# Reliability

Printed by `{command}` in {minutes:.0f} minutes on {cores} cores (Python {python}). Every line replays: the seeds begin at {seed}, and a violation names its own.

The real use cases run against an AWS in memory, which the same contract tests hold to moto, the embedded engine and DynamoDB Local
(`tests/integration/test_gateways.py`). What is compared at rest is a pure function of the accepted envelopes: the *set* of message ids, the counters by
type, the contact's registers, the forest of links, the dead letters, what people decided about consents ([oracle](../tests/campaign/oracle.py)); after every single commit the running invariant `rows of the ring <= counters <= rows of the ring or
at the horizon`; and at the end of every schedule the [checker](runbooks/check.md) looks at every leaf.

"""
_SCHEDULES = """## Random schedules

Clients, up to five flushes, jobs, erasures, unmerges, repairs and decisions about consents are switched at every AWS call as the seed says; they die there; calls are refused, happen without an answer, or land after the
caller gave up; messages come back too early, twice, or through the dead-letter queue; clocks disagree.

| Kind | Schedules | Processes that died | AWS calls | Tombstones that expired | Violations |
|---|---|---|---|---|---|
"""
_MUTANTS = """
## Deliberate breakages

One rule of the protocol is broken at a time; the schedules must see it within {limit:,}.

| Broken rule | What it means | Schedules until seen | In |
|---|---|---|---|
"""
_DEATHS = """
## Process death

A forked process makes its AWS calls over a pipe and ends with `os._exit`: before and after each call of each piece of work, then at pairs of calls.

| Work | Runs |
|---|---|
"""


def render(parts: dict[str, Result], options: argparse.Namespace, *, seconds: float) -> str:
    """The whole page."""
    sections = [
        _head(options, seconds),
        _SCHEDULES + _schedules(parts),
        _MUTANTS.format(limit=options.mutant_limit) + _lines(parts, "mutations"),
        _DEATHS + _deaths(parts),
        _others(parts),
        "\n## At size\n\nTime is simulated at 25 ms a call; jobs die at one call in 500.\n\n| What | Figures |\n|---|---|\n"
        + _lines(parts, "size"),
        _violations(parts),
    ]
    return "".join(sections)


def _head(options: argparse.Namespace, seconds: float) -> str:
    names = ("schedules", "deaths", "plans", "shuffles", "fuzz", "fuzz_api", "mutant_limit", "seed")
    sizes = " ".join(f"{name.upper()}={getattr(options, name)}" for name in names)
    return _HEAD.format(
        command=f"make campaign {sizes}",
        minutes=seconds / 60,
        cores=os.cpu_count(),
        python=platform.python_version(),
        seed=options.seed,
    )


def _schedules(parts: dict[str, Result]) -> str:
    found = sorted((part for name, part in parts.items() if name.startswith("schedules: ")), key=lambda part: part.part)
    total = Result("schedules: **all**")
    for part in found:
        total.figures.update(part.figures)
        total.violations += part.violations
    return "".join(
        f"| {part.part.removeprefix('schedules: ')} | {_figures(part.figures, 'schedules', 'crashes', 'calls', 'vanished')} | {len(part.violations)} |\n"
        for part in [*found, total]
    )


def _figures(figures: Counter[str], *names: str) -> str:
    return " | ".join(f"{figures[name]:,}" for name in names)


def _lines(parts: dict[str, Result], name: str) -> str:
    return "".join(f"{line}\n" for line in sorted(parts[name].notes)) if name in parts else ""


def _deaths(parts: dict[str, Result]) -> str:
    figures = parts["process death"].figures
    rows = [(name.removeprefix("runs, "), n) for name, n in sorted(figures.items()) if name.startswith("runs, ")]
    return "".join(
        f"| {name} | {n:,} |\n"
        for name, n in [*rows, ("**all**", figures["runs"]), ("of these, pairs", figures["pairs"])]
    )


def _others(parts: dict[str, Result]) -> str:
    faulty, order = parts["faulty AWS"].figures, parts["order"].figures
    fuzz = {
        name: ", ".join(f"{key} {n:,}" for key, n in sorted(parts[f"fuzz: {name}"].figures.items()))
        for name in ("wires", "api")
    }
    return f"""
## Faulty AWS, order, bad input

| Campaign | Figures |
|---|---|
| 30 % of all calls throttled, failed, timed out, done without an answer, or done by half | {faulty["schedules"]:,} plans, {faulty["calls"]:,} calls; track answered 503 to {faulty["answers 503"]:,} requests and never 200 for an event that was not on the queue |
| order | {order["permutations"]:,} permutations of 6 envelopes, {order["shuffles"]:,} shuffles of 200 envelopes with repeats: the same state each time |
| hostile requests to the tracking wires | {fuzz["wires"]} |
| schemathesis over the OpenAPI document | {fuzz["api"]} |
"""


def _violations(parts: dict[str, Result]) -> str:
    found = [violation for part in parts.values() for violation in part.violations]
    listed = "".join(f"- {one}\n" for one in found)
    return f"\n## Violations\n\n{listed}" if found else "\nViolations in all campaigns: 0.\n"
