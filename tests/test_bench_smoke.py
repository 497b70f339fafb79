"""`make bench` works: a small run of it, of rlm and plain tools alone, has every row, and rlm did each of them.

No figure is looked at: what is held is that there is one.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.bench.compare.chart import svg
from tests.bench.compare.growth import GROWTH, exponent
from tests.bench.compare.results import Curve, Found, Result, RowResult
from tests.bench.compare.rows import Bar
from tests.bench.compare.rows.registry import ROWS
from tests.bench.profile.imports import told, tree

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_row_of_the_bench_runs_and_rlm_does_it(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "tests.bench.compare",
        "--smoke",
        "--results",
        str(tmp_path),
        "--place",
        str(tmp_path),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    result = Result.load(tmp_path / "latest.json")
    assert [row.name for row in result.rows] == [row.name for row in ROWS]
    for row in result.rows:
        ours = row.contestants["rlm"]
        assert not ours.error, f"{row.name}: {ours.error}"
        assert ours.figures[row.main], row.name
    assert len(result.growth) == sum(len(one.names) for one in GROWTH)
    assert "bar  rlm" in (tmp_path / "latest.txt").read_text()
    ElementTree.parse(tmp_path / "latest.svg")


def test_an_import_stands_before_what_it_imports() -> None:
    errors = "import time: self [us] | cumulative | imported package\n"
    errors += "".join(f"import time: {own:9} | {whole:10} | {name}\n" for own, whole, name in
                      ((1, 1, "  b"), (2, 2, "    d"), (3, 5, "  c"), (4, 10, "a"), (5, 5, "e")))  # fmt: skip
    assert [one.name for one in told(errors)] == ["a", "b", "c", "d", "e"]
    assert list(tree(told(errors), least=3, depth=2))[1:] == ["     0.0 ms  a", "     0.0 ms    c", "     0.0 ms  e"]


def test_costs_that_grow_with_the_square_are_told_from_those_that_do_not_grow() -> None:
    sizes = [10, 100, 1_000, 10_000]
    assert exponent(sizes, [1.0 + size**2 / 1e4 for size in sizes]) == pytest.approx(2, abs=0.05)
    assert exponent(sizes, [1.0 + size / 1e2 for size in sizes]) == pytest.approx(1, abs=0.05)
    assert exponent(sizes, [1.0, 1.05, 0.98, 1.1]) is None


def test_what_was_measured_again_takes_the_place_of_the_older_and_the_rest_stays() -> None:
    rows = [RowResult(name, name, "", load=1.0) for name in ("first", "help")]
    growth = [Curve("files", "s", [1.0, 2.0], [1.0, 2.0], 1.0)]
    older = Result({}, {}, {}, rows, growth)
    newer = older.renewed(Result({}, {}, {}, [RowResult("help", "help", "", load=2.0), RowResult("pipe", "pipe", "")]))
    assert [(row.name, row.load) for row in newer.rows] == [("first", 1.0), ("help", 2.0), ("pipe", 0.0)]
    assert newer.growth == growth
    assert older.renewed(Result({}, {}, {}, [], growth * 2)).growth == growth * 2


def test_the_chart_shows_every_contestant_and_a_failure_with_its_error() -> None:
    row = RowResult("first", "start to first request", "", {
        "rlm": Found({"time s": [0.5]}), "rlms": Found({"time s": [1.0, 1.2]}), "dspy": Found(error="stopped <after> 60 s"),
        "droste": Found(error="takes one text", unsupported=True), "plain litellm": Found({"time s": [4.0]}),
    }, [Bar("time s", 0.15, "plain litellm")])  # fmt: skip
    drawn = svg(Result({"date": "2026-01-01", "cores": "2"}, {"rlms": "0.1.3"}, {}, [row]))
    parsed = ElementTree.fromstring(drawn)
    said = [node.text for node in parsed.iter("{http://www.w3.org/2000/svg}title")]
    assert "rlms: 1.10 s, 2.20x" in said
    assert "dspy: stopped <after> 60 s" in said
    assert "droste: takes one text" in said
    assert "plain litellm: 4.00 s, 8.00x" in said
    assert row.kept(row.bars[0]) == (0.125, True)
