"""Search over a mapped text, trees of files, and pipes, beside the tools that do just that."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from rlm_cli.context import regex
from rlm_cli.context.spool import spool
from tests.bench.bench_context import opened
from tests.bench.bench_walk import cpu, quietly, walk
from tests.bench.compare import inputs
from tests.bench.compare.asking import QUESTION, Bench, answering
from tests.bench.compare.process import Failed
from tests.bench.compare.programs import Job, Program, Unsupported
from tests.bench.compare.rows import Bar, Contestant, Figures
from tests.bench.compare.rows.baselines import rg

ON_STR: Final = """
import re, sys, time
with open(sys.argv[1], encoding="utf-8") as file:
    whole = file.read()
began = time.perf_counter()
if sys.argv[2] == "count":
    whole.count(sys.argv[3])
else:
    sum(1 for _ in re.finditer(sys.argv[3], whole))
print(time.perf_counter() - began)
"""


@dataclass(frozen=True, slots=True)
class Search:
    """One search through one large file. rlm and rg have it in the page cache; `str` has read it whole before."""

    name: str
    title: str
    kind: str  # count or pattern
    wanted: str
    flags: Sequence[str]  # of rg
    size: int  # bytes
    bars: Sequence[Bar]
    rounds: int = 2

    @property
    def about(self) -> str:
        return (
            f"{self.wanted!r} in {inputs.shown(self.size)} of log lines. rlm: a `Text` of which nothing was read; rg: -j1 --mmap, "
            "its start included; str: in memory already, reading not counted."
        )

    def contestants(self, bench: Bench) -> Sequence[Contestant]:
        file = inputs.log(bench.place, bench.sized(self.size, 100_000))

        def ours() -> Figures:
            began = time.perf_counter()
            if self.kind == "count":
                opened(file).count(self.wanted)
            else:
                sum(1 for _ in regex.finditer(self.wanted, opened(file)))
            return {"time s": time.perf_counter() - began}

        def theirs() -> Figures:
            began = time.perf_counter()
            done = subprocess.run([*rg(), *self.flags, self.wanted, str(file)], stdout=subprocess.DEVNULL, check=False)
            if done.returncode > 1:
                raise Failed(f"rg ended with {done.returncode}")
            return {"time s": time.perf_counter() - began}

        def plain() -> Figures:
            command = [sys.executable, "-c", ON_STR, str(file), self.kind, self.wanted]
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
            if done.returncode:
                raise Failed(done.stderr.strip().splitlines()[-1])
            return {"time s": float(done.stdout)}

        theirs_on_str = "str.count" if self.kind == "count" else "re on a str"
        return [Contestant("rlm", ours), Contestant("rg", theirs), Contestant(theirs_on_str, plain)]


class Listing:
    """Which of 100,000 files are to be read, by git's rules."""

    name = "list"
    title = "list 100,000 files by git's rules"
    about = "Processor seconds; a tree of git's with nested rules, one file in five ignored; all find the same set."
    rounds = 3
    bars = (Bar("cpu s", 2.5, "git ls-files -co"), Bar("cpu s", 1.3, "rg -j1 --files"))

    def contestants(self, bench: Bench) -> Sequence[Contestant]:
        root = inputs.tree(bench.place, bench.sized(100_000, 200))
        git = ("git", "-C", str(root), "ls-files", "-co", "--exclude-standard")
        return [
            Contestant("rlm", lambda: timed(lambda: walk(root, measure=False))),
            Contestant("git ls-files -co", lambda: timed(lambda: quietly(*git))),
            Contestant(
                "rg -j1 --files", lambda: timed(lambda: quietly(rg()[0], "-j1", "--files", "--hidden", str(root)))
            ),
        ]


def timed(work: Callable[[], object]) -> Figures:
    began, start = cpu(), time.perf_counter()
    work()
    return {"cpu s": cpu() - began, "time s": time.perf_counter() - start}


class Tree:
    """From the start of the process to the first request, with a tree of files as its input."""

    name = "tree"
    title = "100,000 files, start to first request"
    about = "The others of the row take one text; a caller would have to read and join the files first."
    rounds = 3
    bars = ()

    def contestants(self, bench: Bench) -> Sequence[Contestant]:
        root = inputs.tree(bench.place, bench.sized(100_000, 200))

        def first(program: Program) -> Figures:
            if program.name not in ("rlm", "droste"):
                raise Unsupported("takes one text, no directory")
            cells = [f"print({program.look})", answering(program, "'x'")]
            asked = bench.ask(program, cells, Job("", bench.place, root, QUESTION), timeout=60)
            ran = asked.ran
            return {"time s": asked.to_first, "memory MB": ran.resident / 1e6, "private MB": ran.private / 1e6}

        return [Contestant(one.name, lambda one=one: first(one)) for one in bench.programs]


class Pipe:
    """From the start to the first request, with 2 GB coming through a pipe."""

    name = "pipe"
    title = "a pipe of 2 GB, start to first request"
    about = (
        "cat: the same pipe, written to a file. rlm, spool: the part of rlm that keeps what comes, without its start."
    )
    rounds = 2
    bars = (Bar("time s", 1.2, "cat > file", ours="rlm, spool"),)

    def contestants(self, bench: Bench) -> Sequence[Contestant]:
        size = bench.sized(2_000_000_000, 1_000_000)
        line = "b'2026-11-12 one request and its user timeout\\n'"
        code = f"import os\nb = {line} * 20_000\nfor _ in range(max(1, {size} // len(b))): os.write(1, b)"

        def piped(consume: Callable[[int], Figures]) -> Figures:
            with subprocess.Popen(
                [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            ) as source:
                assert source.stdout is not None
                try:
                    return consume(source.stdout.fileno())
                finally:
                    source.kill()

        def cat(source: int) -> Figures:
            target = bench.place / "piped"
            try:
                with target.open("wb") as file:
                    began = time.monotonic()
                    subprocess.run(["cat"], stdin=source, stdout=file, check=True)
                    return {"time s": time.monotonic() - began}
            finally:
                target.unlink()

        def keep(source: int) -> Figures:
            began = time.monotonic()
            os.close(spool(source, bench.place))
            return {"time s": time.monotonic() - began}

        def first(program: Program, source: int) -> Figures:
            cells = [f"print({program.look})", answering(program, f"len({program.context})")]
            asked = bench.ask(program, cells, Job("", bench.place, None, QUESTION), stdin=source, timeout=60)
            ran = asked.ran
            return {"time s": asked.to_first, "memory MB": ran.resident / 1e6, "private MB": ran.private / 1e6}

        programs = [
            Contestant(one.name, lambda one=one: piped(lambda source: first(one, source))) for one in bench.programs
        ]
        baseline = Contestant("cat > file", lambda: piped(cat))
        return [*programs, Contestant("rlm, spool", lambda: piped(keep)), baseline]
