"""`python -m tests.bench.compare`: run rows, print what was found as it is found, and keep it.

--row NAME (repeat)   these rows alone          --only NAME (repeat)  these programs alone, rlm included
--smoke               tiny sizes, one round, rlm and plain tools alone, no network
--results FOLDER      write latest.txt, latest.json and latest.svg there; with --row, these rows take the place of theirs
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.compare import chart, machine, table
from tests.bench.compare.asking import Bench
from tests.bench.compare.ceiling import ceiling
from tests.bench.compare.growth import GROWTH, curves
from tests.bench.compare.process import Failed
from tests.bench.compare.programs import Program, Unsupported
from tests.bench.compare.programs.registry import PEERS, RLM
from tests.bench.compare.results import Found, Result, RowResult
from tests.bench.compare.rows import Row
from tests.bench.compare.rows.registry import ROWS
from tests.bench.compare.server import serving

SMOKE = 0.0005
HURRY = 13 * 60
"""Seconds after which a row that takes long is measured once: a busy machine must not make 20 minutes an hour."""
LONG = 15


def telling(what: str) -> None:
    """What is under way, on a terminal."""
    if sys.stderr.isatty():
        print(f"\r{what:70}", end="\r", file=sys.stderr, flush=True)


def measured(row: Row, bench: Bench, *, rounds: int, hurried: bool = False) -> RowResult:
    """The contestants of a row in turns. One that has failed is not tried again."""
    began = time.monotonic()
    result = RowResult(row.name, row.title, row.about, bars=list(row.bars))
    contestants = row.contestants(bench)
    for turn in range(rounds):
        if turn and hurried and time.monotonic() - began > LONG:
            break
        for one in contestants:
            found = result.contestants.setdefault(one.name, Found())
            if found.error:
                continue
            telling(f"  {row.name} {turn + 1}/{rounds} {one.name} ...")
            try:
                for figure, value in one.measure().items():
                    found.figures.setdefault(figure, []).append(value)
            except Failed as failure:
                found.error, found.unsupported = str(failure), isinstance(failure, Unsupported)
            telling("")
    result.seconds, result.load, result.at = time.monotonic() - began, machine.load(), machine.now()
    return result


def prepared(programs: list[Program], versions: dict[str, str]) -> list[Program]:
    """Those that can be run here; of the others, `versions` says why not."""
    ready = []
    for program in programs:
        try:
            versions[program.name] = program.prepare()
            ready.append(program)
        except Failed as failure:
            versions[program.name] = str(failure)
    return ready


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--row", action="append", default=[], choices=[*(row.name for row in ROWS), "growth"])
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--rounds", type=int, default=0, help="for every row, instead of its own")
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--results", type=Path)
    parser.add_argument("--place", type=Path, default=os.environ.get("BENCH_DIR"), help="scratch, 4 GB")
    chosen = parser.parse_args()
    if sys.platform != "linux":
        parser.error("memory and process trees are read from /proc: Linux only")
    began = time.monotonic()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a shell's background, and that is inherited
    versions: dict[str, str] = {}
    peers = [] if chosen.smoke else [one for one in PEERS if not chosen.only or one.name in chosen.only]
    programs = prepared([RLM, *peers], versions)
    with serving() as server, tempfile.TemporaryDirectory(prefix="rlm-bench-", dir=chosen.place) as place:
        bench = Bench(server, Path(place), programs, SMOKE if chosen.smoke else 1.0)
        result = Result(machine.facts(), versions, ceiling(server, calls=bench.sized(2000, 50)))
        print("\n".join(table.head_lines(result)), flush=True)
        for row in ROWS:
            if not chosen.row or row.name in chosen.row:
                rounds = 1 if chosen.smoke else chosen.rounds or row.rounds
                hurried = time.monotonic() - began > HURRY
                result.rows.append(measured(row, bench, rounds=rounds, hurried=hurried))
                print("\n" + "\n".join(table.row_lines(result.rows[-1])), flush=True)
        if not chosen.row or "growth" in chosen.row:
            for growth in GROWTH:
                telling(f"  growth: {growth.names[0][0]} ...")
                result.growth += curves(bench, growth, 1 if chosen.smoke else 2)
            print("\n" + "\n".join(table.growth_lines(result)), flush=True)
        result.seconds = time.monotonic() - began
    if chosen.results:
        chosen.results.mkdir(parents=True, exist_ok=True)
        if chosen.row and (chosen.results / "latest.json").exists():
            result = Result.load(chosen.results / "latest.json").renewed(result)
        result.save(chosen.results / "latest.json")
        (chosen.results / "latest.txt").write_text(table.text(result), encoding="utf-8")
        (chosen.results / "latest.svg").write_text(chart.svg(result), encoding="utf-8")


if __name__ == "__main__":
    main()
