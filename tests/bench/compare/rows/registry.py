"""The rows, in the order in which they run and are shown."""

from __future__ import annotations

from typing import Final

from tests.bench.compare.rows import Bar, Row
from tests.bench.compare.rows.asking_models import Calls, Children, Turns
from tests.bench.compare.rows.finding import Listing, Pipe, Search, Tree
from tests.bench.compare.rows.keeping import Interrupt, Record, Resume
from tests.bench.compare.rows.reading import ThreeTurns
from tests.bench.compare.rows.starting import First, Help

GB: Final = 1_000_000_000
SMALL: Final = (Bar("memory MB", 150),)
LARGE: Final = (Bar("private MB", 150),)

ROWS: Final[list[Row]] = [
    Help(),
    First(),
    ThreeTurns(1_000_000, 3, SMALL),
    ThreeTurns(50_000_000, 3, LARGE),
    ThreeTurns(GB, 2, LARGE),
    ThreeTurns(10 * GB, 1, LARGE),
    Turns(),
    Calls("calls", 500, 0.05, 2, (Bar("batch s", 1.25, "ideal"),)),
    Calls("slow-calls", 100, 1.0, 2, (Bar("batch s", 1.15, "ideal"),)),
    Children(),
    Record(),
    Search("find", "count a rare string in 1 GB", "count", "Sherlock Holmes", ("-F", "-c"), GB, (Bar("time s", 1.0, "rg"),)),
    Search("pattern", "a rare pattern in 1 GB", "pattern", r"Sherlock \w+", (), GB, (Bar("time s", 1.5, "rg"),)),
    Search("any-case", "a rare pattern, any case, in 1 GB", "pattern", r"(?i)sherlock \w+", (), GB, (Bar("time s", 2.2, "rg"),)),
    Search("dense", "a frequent pattern in 50 MB", "pattern", r"\b\w+ed\b", ("-c",), 50_000_000, (Bar("time s", 1.2, "re on a str"),)),
    Listing(),
    Tree(),
    Pipe(),
    Resume(),
    Interrupt(),
]  # fmt: skip
