"""The promise: `open(path)` in a cell reads a file of the input as Python reads one opened with `newline="\\n"`."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlm_cli.context.text import Text
from rlm_cli.sandbox import opened
from rlm_cli.sandbox.opened import OpenText
from tests.sandboxes import Bench

TEXTS = st.lists(
    st.sampled_from(["a", "b\n", "\n", "é", "\u2028", "\x0c", "\x1c\n", "\r\n", "x" * 25]), max_size=25
).map("".join)
STEPS = st.lists(
    st.tuples(st.sampled_from(["readline", "read", "seek", "next", "tell"]), st.integers(-1, 12)), max_size=8
)


def taken(file: Any, step: str, number: int) -> Any:
    if step == "next":
        return next(file, None)
    if step == "seek":
        return file.seek(abs(number))
    return file.tell() if step == "tell" else str(getattr(file, step)(number))


@given(TEXTS, STEPS)
@settings(max_examples=500, deadline=None)
def test_reads_as_a_file_of_python_reads(text: str, steps: list[tuple[str, int]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opened, "_PIECE", 20)
        ours, theirs = OpenText("a", Text.of(text.encode())), io.StringIO(text, newline="\n")
        for step, number in steps:
            if step == "seek" and abs(number) > len(text):
                continue  # ours stays within the file
            assert taken(ours, step, number) == taken(theirs, step, number), step
        assert ours.readlines() == theirs.readlines()
        assert ours.read() == ""


def test_a_cell_reads_line_by_line() -> None:
    with Bench({"data.csv": b"name,count\na,1\nb\x0cb,2\n" * 10_000}) as bench:
        assert bench.output("f = open('data.csv')\nheader = next(f)\nprint(header, sum(1 for _ in f))") == (
            "name,count\n 29999\n"
        )
        assert bench.output("import csv\nprint(len(list(csv.reader(open('data.csv')))))") == "30000\n"
        assert bench.output("with open('data.csv') as f:\n    print(f.readline(), f.read(6), f.closed)") == (
            "name,count\n a,1\nb\x0c False\n"
        )
