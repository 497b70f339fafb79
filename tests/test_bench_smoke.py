"""`make bench` works: a small run of it, of rlm and plain tools alone, has every row, and rlm did each of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.compare.results import Result
from tests.bench.compare.rows.registry import ROWS

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
    assert "bar  rlm" in (tmp_path / "latest.txt").read_text()
