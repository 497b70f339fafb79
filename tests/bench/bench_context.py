"""What it costs to work on a text that is not held: ratios against the tools that do just that, in the same run.

    python -m tests.bench.bench_context [--megabytes 1024] [--rounds 3]

Ratios are of the best of several rounds that take turns, so that a busy machine slows all alike. The text lies in the
page cache; every round begins with a store that has seen nothing. `rg` is ripgrep with `-j1 --mmap`, its start included;
`re` and `len(open().read())` have the whole text as one str. Patterns are measured in processor seconds, as ours and
`re`'s cannot take turns: each has a process of its own.

"Ready to first cell" goes the way of a run from the path to the end of a first look into it, which a model begins with: the
files are found, a confined worker comes up, and a cell prints the head of `context` and where a word first stands. The
large file and the small one begin with the same bytes.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from rlm_cli.context import regex
from rlm_cli.context.corpus import Corpus, open_corpus
from rlm_cli.context.coverage import Coverage
from rlm_cli.context.files import build_context
from rlm_cli.context.options import InputOptions
from rlm_cli.context.store import MappedStore
from rlm_cli.context.text import Text
from rlm_cli.sandbox.host import ProcessSandbox
from rlm_cli.sandbox.process import Packed
from tests.sandboxes import NotedHost

WORDS = [
    "the",
    "of",
    "and",
    "error",
    "request",
    "user",
    "server",
    "time",
    "connection",
    "closed",
    "open",
    "file",
    "index",
    "value",
    "data",
    "from",
    "with",
    "timeout",
]
ANY = [
    r"T\d\d:5\d \w+",
    r"\b\w+ed\b",
    r'"[^"]*"',
    r"(?i)clos\w*\s+open",
    r"error\s+request",
    r"(?m)^2026-11-1\d.*time$",
]
FIRST_CELL = """print(len(files), list(files)[:5])
print(context[:500])
print(context.find('error'), grep('timeout', limit=3))"""
RG = ["rg", "-j1", "--mmap", "--no-config"]


class OneFile:
    """A file table of one file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._size = path.stat().st_size

    def __len__(self) -> int:
        return 1

    def name(self, file: int) -> str:
        return self.path.name

    def size(self, file: int) -> int:
        return self._size

    def base(self, file: int) -> int:
        return 0

    def number(self, name: str) -> int | None:
        return 0 if name == self.path.name else None


def opened(path: Path) -> Text:
    """The file as a text of which nothing was read."""
    return build_context(MappedStore(OneFile(path), lambda file: os.open(path, os.O_RDONLY), Coverage()))


def write(path: Path, size: int, more: list[str]) -> None:
    """`size` bytes of log lines, one of them with the rare words in the middle."""
    rng = random.Random(1)
    lines = [
        f"2026-11-{rng.randint(1, 30):02}T{rng.randint(0, 23):02}:{rng.randint(0, 59):02} {' '.join(rng.choices(WORDS, k=9))}"
        f"{rng.choice(more)}\n"
        for _ in range(20_000)
    ]
    block = "".join(lines).encode()
    with path.open("wb") as file:
        for number in range(max(1, size // len(block))):
            if number == size // len(block) // 2:
                file.write(b"Sherlock Holmes was here\n")
            file.write(block)


def best(rounds: int, *calls: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> list[float]:
    """Seconds of each call, the best of `rounds` that take turns."""
    seconds = [float("inf")] * len(calls)
    for _ in range(rounds):
        for number, call in enumerate(calls):
            start = clock()
            call()
            seconds[number] = min(seconds[number], clock() - start)
    return seconds


def row(name: str, ours: float, theirs: float, bar: float) -> None:
    ratio = ours / theirs
    print(
        f"{name:44} {ours:9.3f} s {theirs:9.3f} s {ratio:7.2f}x  {'<=' if ratio <= bar else 'NOT'} {bar}x", flush=True
    )


def rg(path: Path, *arguments: str) -> Callable[[], object]:
    return lambda: subprocess.run([*RG, *arguments, str(path)], stdout=subprocess.DEVNULL, check=True)


def against_rg(path: Path, kind: str, rounds: int) -> None:
    literal, rare = rg(path, "-F", "Sherlock Holmes"), "Sherlock Holmes"
    calls: list[tuple[str, Callable[[], object], Callable[[], object], float]] = [
        ("in", lambda: rare in opened(path), literal, 1.0),
        ("count", lambda: opened(path).count(rare), rg(path, "-F", "-c", rare), 1.0),
        ("find, nothing counted before", lambda: opened(path).find(rare), literal, 1.0),
        ("sparse pattern with a literal", lambda: regex.findall(r"Sherlock \w+", opened(path)), rg(path, r"Sherlock \w+"), 1.5),
        ("the same with (?i)", lambda: regex.findall(r"(?i)sherlock \w+", opened(path)), rg(path, r"(?i)sherlock \w+"), 2.2),
        ("count of lines", lambda: opened(path).count("\n"), rg(path, "-c", ""), 0.5),
    ]  # fmt: skip
    for name, ours, theirs, bar in calls:
        row(f"{name} ({kind})", *best(rounds, ours, theirs), bar)
    text = opened(path)
    len(text)
    row(f"find, once counted ({kind})", *best(rounds, lambda: text.find(rare), literal), 1.0)


def in_a_child(call: Callable[[Path], float], path: Path) -> float:
    """The seconds that `call` measures, in a process of its own: it holds the whole text."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(call, (path,))


def read_whole(path: Path) -> float:
    start = time.perf_counter()
    with path.open(encoding="utf-8") as file:
        len(file.read())
    return time.perf_counter() - start


def patterns_on_str(path: Path) -> float:
    whole = path.read_bytes().decode()
    calls = [lambda p=pattern: sum(1 for _ in re.finditer(p, whole)) for pattern in ANY]
    return sum(best(2, *calls, clock=time.process_time))


def patterns_on_text(path: Path) -> float:
    calls = [lambda p=pattern: sum(1 for _ in regex.finditer(p, opened(path))) for pattern in ANY]
    return sum(best(2, *calls, clock=time.process_time))


def slices(path: Path, kind: str) -> None:
    text = opened(path)
    length = len(text)
    rng = random.Random(2)
    taken = []
    for _ in range(5000):
        start = rng.randrange(length - 100)
        before = time.perf_counter()
        text[start : start + 100]
        taken.append(time.perf_counter() - before)
    taken.sort()
    p90 = taken[4500] * 1e6
    print(
        f"{f'slice of 100 characters, p90 ({kind})':44} {p90:9.0f} us{'':22}{'<=' if p90 <= 250 else 'NOT'} 250 us",
        flush=True,
    )


def session(path: Path) -> float:
    """The peak of anonymous memory, in MB, over a session that uses everything."""
    peak = 0.0
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.005):
            with open("/proc/self/status", encoding="ascii") as file:
                found = re.search(r"RssAnon:\s+(\d+)", file.read())
            peak = max(peak, int(found.group(1)) / 1024 if found else 0.0)

    watcher = threading.Thread(target=watch)
    watcher.start()
    text = opened(path)
    length = len(text)
    text.count("error"), text.find("Sherlock Holmes"), "nowhere" in text, text.rfind("2026")
    parts = [text[start : start + length // 100] for start in range(0, length, max(1, length // 100))]
    assert sum(len(part) for part in parts) == length
    regex.search(r"(?i)sherlock \w+", text)
    regex.search(r"\d{5}\w+\s+x", parts[3])
    text.locate(length // 2)
    text[-500_000:].count("\n")
    done.set()
    watcher.join()
    return peak


class Opening(NotedHost):
    """A host that opens the files of a corpus."""

    def __init__(self, corpus: Corpus) -> None:
        super().__init__([])
        self._corpus = corpus

    def open(self, file: int) -> int:
        return self._corpus.open(file)


async def first_cell(path: Path) -> float:
    """Seconds from a path to the end of a first cell."""
    began = time.perf_counter()
    with open_corpus([str(path)], InputOptions()) as corpus:
        packed = Packed(corpus.table)
        sandbox = ProcessSandbox(Opening(corpus), packed)
        try:
            await sandbox.start()
            result = await sandbox.run(FIRST_CELL, cell="0/1.1", time_limit=60)
            seconds = time.perf_counter() - began
        finally:
            await sandbox.close()
            packed.close()
    assert result.error is None, result.error
    return seconds


def opening(folder: Path, large: int, rounds: int) -> None:
    """The row of the first cell: `large` bytes, sparse behind the first 10 kB, against those alone."""
    small, sparse = folder / "small", folder / "large"
    write(folder / "lines", 0, [""])
    small.write_bytes((folder / "lines").read_bytes()[-10_000:])
    sparse.write_bytes(small.read_bytes())
    os.truncate(sparse, large)
    asyncio.run(first_cell(small))  # the first fills the caches
    calls = [lambda p=path: asyncio.run(first_cell(p)) for path in (sparse, small)]
    ours, theirs = best(rounds, *calls)
    row(f"ready to first cell, {large >> 30} GiB against 10 kB", ours, theirs, 1.1)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--megabytes", type=int, default=1024)
    options.add_argument("--rounds", type=int, default=3)
    chosen = options.parse_args()
    if not shutil.which("rg"):
        print("ripgrep (rg) is not installed: the rows against it are left out", file=sys.stderr)
    print(f"{'work':44} {'ours':>11} {'baseline':>11} {'ratio':>8}  bar")
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as folder:
        opening(Path(folder), 10 * chosen.megabytes << 20, 7 * chosen.rounds)
        for kind, more, bar in (("ASCII", ["", " x"], 0.15), ("mixed", [" тест строка", " naïve 😀", ""], 0.6)):
            path = Path(folder, kind)
            write(path, chosen.megabytes << 20, more)
            theirs = in_a_child(read_whole, path)
            row(f"len ({kind})", *best(chosen.rounds, lambda p=path: len(opened(p))), theirs, bar)
            if shutil.which("rg"):
                against_rg(path, kind, chosen.rounds)
            part = Path(folder, "part")
            write(part, chosen.megabytes << 17, more)
            ours, theirs = in_a_child(patterns_on_text, part), in_a_child(patterns_on_str, part)
            row(f"{len(ANY)} other patterns, an eighth ({kind})", ours, theirs, 1.2)
            slices(path, kind)
            peak = in_a_child(session, path)
            print(
                f"{f'peak anonymous memory ({kind})':44} {peak:9.0f} MB{'':22}{'<=' if peak <= 150 else 'NOT'} 150 MB",
                flush=True,
            )
            if kind == "mixed":
                path.unlink()
        sparse = Path(folder, "sparse")
        with sparse.open("wb") as file:
            file.truncate(10 * chosen.megabytes << 20)
        peak = in_a_child(session, sparse)
        print(
            f"{'peak anonymous memory (ten times, sparse)':44} {peak:9.0f} MB{'':22}{'<=' if peak <= 150 else 'NOT'} 150 MB"
        )


if __name__ == "__main__":
    main()
