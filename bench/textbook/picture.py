"""A bar chart as SVG, on a logarithmic scale, readable on light and dark pages."""

import math
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

WIDTH, LABEL, ROW, GAP = 860, 300, 20, 14
_COLOURS = {"textbook": "#c2410c", "ours": "#0f766e", "floor": "#6b7280"}
_STYLE = "text{font:13px system-ui,sans-serif;fill:#374151}@media(prefers-color-scheme:dark){text{fill:#e5e7eb}}"


class Bar(NamedTuple):
    """One bar: what it is about, whose it is, its value, and what stands behind it."""

    label: str
    owner: str
    value: float
    text: str


def svg(groups: Sequence[Sequence[Bar]]) -> str:
    """The groups below each other; within a group the longest bar has the whole width."""
    rows, y = [], 10
    for group in groups:
        for bar in group:
            rows.append(_bar(bar, y, max(one.value for one in group), min(one.value for one in group)))
            y += ROW
        y += GAP
    rows.append(f'<text x="{LABEL}" y="{y + 4}">logarithmic; shorter is better</text>')
    y += ROW
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" viewBox="0 0 {WIDTH} {y}" role="img">'
    return "\n".join([head, f"<style>{_STYLE}</style>", *rows, "</svg>", ""])


def _bar(bar: Bar, y: int, greatest: float, least: float) -> str:
    room = WIDTH - LABEL - 130
    share = (math.log(bar.value / least) + 0.5) / (math.log(greatest / least) + 0.5)
    text = f'<text x="{LABEL - 8}" y="{y + 13}" text-anchor="end">{escape(bar.label)}</text>'
    width = max(2, round(room * share))
    shape = f'<rect x="{LABEL}" y="{y + 2}" width="{width}" height="{ROW - 5}" rx="2" fill="{_COLOURS[bar.owner]}"/>'
    return f'{text}{shape}<text x="{LABEL + width + 8}" y="{y + 13}">{escape(bar.text)}</text>'
