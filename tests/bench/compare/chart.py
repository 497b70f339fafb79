"""The result as a picture: one line a row, one mark a contestant, its ratio to rlm on a logarithmic scale.

Written by hand as SVG: no library, readable on light and dark pages, and still text when it is searched or read aloud.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from html import escape
from typing import Final

from tests.bench.compare.results import Found, Result, RowResult
from tests.bench.compare.table import number, split

COLOURS: Final = {
    "rlm": "#2da44e",
    "rlms": "#d1495b",
    "dspy": "#8250df",
    "droste": "#e08a00",
    "rlmness": "#0a8fb3",
    "minrlm": "#b5338a",
}
PLAIN: Final = "#8b949e"
LEFT, RIGHT, TOP, LINE, WIDTH = 350, 150, 100, 32, 1000
LOW, HIGH = 0.05, 3000.0
STYLE: Final = """
text { font: 13px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328 }
.small { font-size: 11px } .faint { fill: #59636e } .title { font-size: 16px; font-weight: 600 }
.page { fill: #ffffff } .ring { stroke: #ffffff; stroke-width: 1.2 }
.grid { stroke: #d1d9e0; stroke-width: 1 } .one { stroke: #2da44e; stroke-width: 1.5 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .faint { fill: #9198a1 } .grid { stroke: #3d444d }
.page { fill: #0d1117 } .ring { stroke: #0d1117 }
}"""

EXTRA: Final = {"1GB": "private MB", "10GB": "private MB"}
"""Rows that are shown by a second figure too."""


def place(ratio: float) -> float:
    """The x of a ratio."""
    share = (math.log(min(max(ratio, LOW), HIGH)) - math.log(LOW)) / (math.log(HIGH) - math.log(LOW))
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def lines(result: Result) -> Iterator[tuple[RowResult, str, str]]:
    """(row, figure, label) of each line of the chart."""
    for row in result.rows:
        ours = row.contestants.get("rlm", Found())
        if not ours.median(row.main) or len(row.contestants) < 2:
            continue
        yield row, row.main, row.title
        if row.name in EXTRA and ours.median(EXTRA[row.name]):
            yield row, EXTRA[row.name], f"{row.title}: memory"


def mark(name: str, x: float, y: float, said: str) -> str:
    tip = f"<title>{escape(said)}</title>"
    if name == "rlm":
        return (
            f'<rect x="{x - 5:.1f}" y="{y - 9:.1f}" width="10" height="18" rx="2" fill="{COLOURS[name]}">{tip}</rect>'
        )
    if name in COLOURS:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6" class="ring" fill="{COLOURS[name]}">{tip}</circle>'
    return f'<path d="M{x:.1f} {y - 6:.1f}l6 6l-6 6l-6 -6z" fill="none" stroke="{PLAIN}" stroke-width="2">{tip}</path>'


def cross(name: str, x: float, y: float, said: str) -> str:
    path = f"M{x - 4:.1f} {y - 4:.1f}l8 8m0 -8l-8 8"
    tip = f"<title>{escape(said)}</title>"
    return f'<path d="{path}" stroke="{COLOURS.get(name, PLAIN)}" stroke-width="2.5" fill="none">{tip}</path>'


def line(row: RowResult, figure: str, label: str, y: float) -> Iterator[str]:
    ours = row.contestants["rlm"].median(figure)
    assert ours
    unit = split(figure)[1]
    yield f'<text x="{LEFT - 84}" y="{y + 4:.0f}" text-anchor="end">{escape(label)}</text>'
    yield f'<text x="{LEFT - 12}" y="{y + 4:.0f}" text-anchor="end" class="small faint">{number(ours, unit)}</text>'
    failed = [
        name for name, found in row.contestants.items() if found.error and not found.unsupported and name in COLOURS
    ]
    missing = [name for name, found in row.contestants.items() if found.unsupported]
    plain = 0
    for name, found in row.contestants.items():
        value = found.median(figure)
        if value is None or (name not in COLOURS and not _labelled(row, name)):
            continue
        ratio = value / ours
        yield mark(name, place(ratio), y, f"{name}: {number(value, unit)}, {ratio:.2f}x")
        if name not in COLOURS:
            below = y + 18 if plain % 2 else y - 9  # neighbours do not write over each other
            yield f'<text x="{place(ratio):.1f}" y="{below:.1f}" text-anchor="middle" class="small faint">{escape(name)}</text>'
            plain += 1
    x = WIDTH - RIGHT + 24
    for name in failed:
        yield cross(name, x, y, f"{name}: {row.contestants[name].error}")
        x += 16
    if missing and not failed and len(missing) > 2:
        x = WIDTH - RIGHT + 20
    for name in missing:
        tip = f"<title>{escape(name)}: {escape(row.contestants[name].error)}</title>"
        yield f'<circle cx="{x}" cy="{y:.1f}" r="4" fill="none" stroke="{COLOURS[name]}" stroke-width="1.5">{tip}</circle>'
        x += 16


def _labelled(row: RowResult, name: str) -> bool:
    """Plain tools that are shown: those that a bar is against, and the first of a row."""
    plain = [one for one in row.contestants if one not in COLOURS and not one.startswith("rlm")]
    return name in {bar.against for bar in row.bars} or name == next(iter(plain), None)


def svg(result: Result) -> str:
    shown = list(lines(result))
    height = TOP + LINE * len(shown) + 56
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img">',
        f"<title>rlm beside its peers, {escape(result.machine['date'])}</title><style>{STYLE}</style>",
        f'<rect width="{WIDTH}" height="{height}" class="page"/>',
        '<text x="16" y="26" class="title">How many times what rlm takes</text>',
        f'<text x="16" y="46" class="small faint">left of the green line: less than rlm; right: more. Logarithmic. '
        f"{escape(result.machine['date'])}, {escape(result.machine['cores'])} cores, scripted model.</text>",
    ]
    x = 16.0
    for name in COLOURS:
        version = result.versions.get(name, "")
        said = f"{name} {version}" if len(version) < 12 else f"{name}: not here"
        parts.append(mark(name, x + 6, 68, said) + f'<text x="{x + 18:.0f}" y="72" class="small">{escape(said)}</text>')
        x += 40 + 6.4 * len(said)
    parts.append(
        mark("plain", x + 6, 68, "a plain tool") + f'<text x="{x + 18:.0f}" y="72" class="small">a plain tool</text>'
    )
    bottom = TOP + LINE * len(shown)
    for ratio in (0.1, 1, 10, 100, 1000):
        kind = "one" if ratio == 1 else "grid"
        parts.append(
            f'<line x1="{place(ratio):.1f}" x2="{place(ratio):.1f}" y1="{TOP - 4}" y2="{bottom}" class="{kind}"/>'
        )
        parts.append(
            f'<text x="{place(ratio):.1f}" y="{bottom + 18}" text-anchor="middle" class="small faint">{ratio:g}x</text>'
        )
    parts.append(f'<text x="{WIDTH - RIGHT + 16}" y="{TOP - 8}" class="small faint">x fails   o does not do it</text>')
    for place_in, (row, figure, label) in enumerate(shown):
        parts += line(row, figure, label, TOP + LINE * (place_in + 0.5))
    parts.append(
        f'<text x="16" y="{bottom + 42}" class="small faint">Medians of repeats that take turns. The small figure is what rlm '
        "takes. All figures with their spread, errors and versions: latest.txt.</text>"
    )
    return "\n".join([*parts, "</svg>"]) + "\n"
