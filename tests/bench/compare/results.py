"""What a run of the bench found: every measurement, and what is made of them."""

from __future__ import annotations

import json
import statistics
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from tests.bench.compare.rows import Bar


@dataclass
class Found:
    """All measurements of one contestant in one row, in the order of the rounds."""

    figures: dict[str, list[float]] = field(default_factory=dict)
    error: str = ""
    unsupported: bool = False  # it says that it cannot do this, as opposed to failing

    def median(self, figure: str) -> float | None:
        values = self.figures.get(figure)
        return statistics.median(values) if values else None

    def least(self, figure: str) -> float | None:
        return min(self.figures.get(figure, ()), default=None)


@dataclass
class RowResult:
    name: str
    title: str
    about: str
    contestants: dict[str, Found] = field(default_factory=dict)
    bars: list[Bar] = field(default_factory=list)
    seconds: float = 0.0  # that the row took
    load: float = 0.0  # of the machine, after it
    at: str = ""  # when it ended

    @property
    def main(self) -> str:
        """The figure that ratios are of."""
        for found in self.contestants.values():
            for figure in found.figures:
                return figure
        return ""

    def kept(self, bar: Bar) -> tuple[float, bool] | None:
        """(value or ratio, whether it is within the bar); None where it was not measured.

        The least of both is compared: what a neighbour on the machine adds belongs to neither.
        """
        ours = self.contestants.get(bar.ours, Found()).least(bar.figure)
        theirs = self.contestants.get(bar.against, Found()).least(bar.figure) if bar.against else 1.0
        if ours is None or not theirs:
            return None
        return ours / theirs, ours / theirs <= bar.most


@dataclass
class Curve:
    """A cost of ours against the size of the work. `exponent` of the part that grows; None: it does not grow."""

    name: str
    unit: str
    sizes: list[float]
    costs: list[float]
    exponent: float | None


@dataclass
class Result:
    machine: dict[str, str]
    versions: dict[str, str]  # of programs; those that are not here say why
    ceiling: dict[str, float]  # of the scripted server
    rows: list[RowResult] = field(default_factory=list)
    growth: list[Curve] = field(default_factory=list)
    seconds: float = 0.0

    def renewed(self, by: Result) -> Result:
        """The same with the rows and the growth of `by` in the place of the older ones."""
        newer = {row.name: row for row in by.rows}
        rows = [newer.pop(row.name, row) for row in self.rows]
        return replace(self, rows=[*rows, *newer.values()], growth=by.growth or self.growth)

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Result:
        data = json.loads(path.read_text(encoding="utf-8"))
        for row in data["rows"]:
            row["contestants"] = {name: Found(**found) for name, found in row["contestants"].items()}
            row["bars"] = [Bar(**bar) for bar in row["bars"]]
        data["rows"] = [RowResult(**row) for row in data["rows"]]
        data["growth"] = [Curve(**curve) for curve in data["growth"]]
        return cls(**data)
