"""What is measured. A row is one piece of work, done by every contestant that can do it.

To add a row: a class like `Help` in `rows/starting.py`, and a line in `rows/registry.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from tests.bench.compare.asking import Bench

Figures = Mapping[str, float]
"""What one measurement found, by name. The unit is the last word of the name: s, ms, MB, B, calls."""


@dataclass(frozen=True, slots=True)
class Contestant:
    name: str
    measure: Callable[[], Figures]  # raises Failed


@dataclass(frozen=True, slots=True)
class Bar:
    """`figure` of rlm is to be at most `most` times that of the contestant `against`; without one, at most `most`."""

    figure: str
    most: float
    against: str = ""
    ours: str = "rlm"


class Row(Protocol):
    """One piece of work. The first of its figures is the one that ratios and the chart show.

    name    short, for BENCH=
    title   what is done
    about   what a reader must know to judge it; may be empty
    rounds  how often each contestant does it, in turns
    """

    name: str
    title: str
    about: str
    rounds: int
    bars: Sequence[Bar]

    def contestants(self, bench: Bench) -> Sequence[Contestant]: ...
