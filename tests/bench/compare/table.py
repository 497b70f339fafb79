"""The result as text."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from tests.bench.compare.results import Found, Result, RowResult


def number(value: float, unit: str) -> str:
    """Three digits that count, with the unit."""
    if unit == "status":
        return f"{value:.0f}"
    if unit in ("MB", "kB", "calls") or value >= 100:
        shown = f"{value:,.0f}"
    else:
        shown = f"{value:.{3 if value < 0.1 else 2 if value < 10 else 1}f}"
    return shown if unit == "calls" else f"{shown} {unit}"


def split(figure: str) -> tuple[str, str]:
    name, _, unit = figure.rpartition(" ")
    return name, unit


def spread(values: list[float], unit: str) -> str:
    """The median, and in brackets the least and the most where there are several."""
    middle = number(statistics.median(values), unit)
    if len(values) < 2 or min(values) == max(values):
        return middle
    return f"{middle} ({number(min(values), unit).removesuffix(' ' + unit)}-{number(max(values), unit).removesuffix(' ' + unit)})"


def row_lines(row: RowResult) -> Iterator[str]:
    yield f"{row.title}  [{row.name}]"
    if row.about:
        yield f"  {row.about}"
    ours = row.contestants.get("rlm", Found()).median(row.main)
    for name, found in row.contestants.items():
        if found.error:
            said = "does not do this" if found.unsupported else "FAILS"
            yield f"  {name:20} {said}: {found.error}"
            continue
        parts = []
        for figure, values in found.figures.items():
            what, unit = split(figure)
            shown = spread(values, unit)
            if figure == row.main:
                middle = statistics.median(values)
                ratio = f"{middle / ours:.2f}x" if ours else ""
                parts.append(f"{shown:28} {'' if name == 'rlm' else ratio:>8}")
            else:
                parts.append(f"{what} {shown}")
        yield f"  {name:20} {' '.join(parts[:1])}  {', '.join(parts[1:])}".rstrip()
    for bar in row.bars:
        kept = row.kept(bar)
        what, unit = split(bar.figure)
        against = f"x {bar.against}" if bar.against else unit
        if kept is None:
            yield f"  bar  {bar.ours}: {what} at most {bar.most:g} {against}: not measured"
        else:
            yield f"  bar  {bar.ours}: {what} at most {bar.most:g} {against}: {kept[0]:.3g}, {'met' if kept[1] else 'MISSED'}"
    yield f"  ({row.seconds:.0f} s, load {row.load:.1f}, {row.at})"


def head_lines(result: Result) -> Iterator[str]:
    yield "rlm beside its peers. Median (least-most) of repeats that take turns; the second column is the ratio to rlm."
    yield ", ".join(f"{name} {value}" for name, value in result.machine.items())
    yield "programs: " + "; ".join(f"{name} {value}" for name, value in result.versions.items())
    yield "the model is a scripted server; its own ceiling: " + ", ".join(
        f"{name} {value:,.3g}" for name, value in result.ceiling.items()
    )


def growth_lines(result: Result) -> Iterator[str]:
    yield "Growth of rlm's own costs: cost = fixed + size ^ exponent"
    for curve in result.growth:
        exponent = "flat" if curve.exponent is None else f"exponent {curve.exponent:.2f}"
        verdict = "" if curve.exponent is None or curve.exponent <= 1.1 else "  ABOVE LINEAR"
        pairs = ", ".join(f"{size:g}: {cost:.3g}" for size, cost in zip(curve.sizes, curve.costs, strict=True))
        yield f"  {curve.name:44} {exponent:14} {pairs} {curve.unit}{verdict}"


def text(result: Result) -> str:
    lines = list(head_lines(result))
    for row in result.rows:
        lines += ["", *row_lines(row)]
    if result.growth:
        lines += ["", *growth_lines(result)]
    return "\n".join([*lines, "", f"in all {result.seconds / 60:.1f} minutes"]) + "\n"
