"""How long it takes to find 100,000 files and to keep a pipe of 2 GB, against the tools that do just that.

    python tests/bench/bench_walk.py [--files 100000] [--gigabytes 2] [--rounds 5]

Ratios are of the best of several rounds that take turns, so that a busy machine slows all of them alike; trees are
measured in processor seconds (everything is warm and has one thread), the pipe by the clock and, since its two sides
want two processors for themselves, in processor seconds of both sides too. `walk` is the
set of paths, as git and rg list it; `file table` is the walk with sizes and times, against the plainest Python that
gets them (`scandir` and `stat`, no rules).
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rlm_cli.context.corpus import open_corpus
from rlm_cli.context.discovery import Found, Skipped, Walk
from rlm_cli.context.options import InputOptions
from rlm_cli.context.spool import spool

SUFFIXES = [".py", ".js", ".md", ".txt", ".c", ".h", ".json", ".html", ".pyc", ".log", ""]
WORDS = [
    "alpha",
    "beta",
    "gamma",
    "delta",
    "main",
    "test",
    "index",
    "util",
    "model",
    "view",
    "route",
    "auth",
    "cache",
    "parse",
    "table",
    "store",
    "node",
    "edge",
]
RULES = """
*.pyc
*.log
node_modules/
/build/
dist/
*.egg-info
*~
*.py[cod]
/docs/_build/
.tox/
__pycache__/
*.so
npm-debug.log*
**/tmp
/src/*/generated
"""


def grow(root: Path, files: int) -> None:
    """A tree like a large repository: some 20 files a directory, four levels, one file in five ignored."""
    rng = random.Random(1)
    made = number = 0
    while made < files:
        place = root / f"pkg{number % 40}" / f"mod{number // 40 % 25}" / f"sub{number // 1000}"
        place.mkdir(parents=True, exist_ok=True)
        for one in range(20):
            name = f"{rng.choice(WORDS)}_{rng.choice(WORDS)}_{one}{rng.choice(SUFFIXES)}"
            (place / name).write_bytes(b"text\n")
            made += 1
        number += 1
    (root / ".gitignore").write_text(RULES)
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)


def cpu() -> float:
    """Processor seconds of this process and of those it waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def best(rounds: int, clock: Callable[[], float], **work: Callable[[], object]) -> dict[str, float]:
    """The least seconds of each, in turns, by `clock`."""
    least = dict.fromkeys(work, float("inf"))
    for turn in range(rounds + 1):
        for name, call in work.items():
            start = clock()
            call()
            if turn:  # the first warms the cache
                least[name] = min(least[name], clock() - start)
    return least


def listed(root: Path) -> set[bytes]:
    command = ["git", "-C", str(root), "ls-files", "-co", "--exclude-standard", "-z"]
    return set(subprocess.run(command, capture_output=True, check=True).stdout.split(b"\0")) - {b""}


def quietly(*command: str) -> None:
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)


def walk(root: Path, *, measure: bool) -> Found:
    found = Found()
    Walk(found, Skipped(), InputOptions(hidden=True), measure=measure).run(os.fsencode(root))
    return found


def plain_table(root: Path) -> list[tuple[str, int, int]]:
    """The baseline: `scandir` and `stat`, no order and no rules."""
    out: list[tuple[str, int, int]] = []
    stack = [str(root)]
    while stack:
        with os.scandir(stack.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    stack.append(entry.path)
                else:
                    status = entry.stat(follow_symlinks=False)
                    out.append((entry.path, status.st_size, status.st_mtime_ns))
    return out


def show(name: str, seconds: float, baseline: str, against: float, bar: float | None = None) -> None:
    limit = f"(bar {bar})" if bar else ""
    print(f"{name:34} {seconds:7.3f} s   {seconds / against:5.2f}x {baseline} ({against:.3f} s) {limit}", flush=True)


def bench_trees(place: Path, files: int, rounds: int) -> None:
    root = place / "tree"
    grow(root, files)
    prefix = len(os.fsencode(root)) + 1
    ours = {path[prefix:] for path in walk(root, measure=False).paths}
    print(f"{files:,} files, {len(ours):,} not ignored; the same set as git's: {ours == listed(root)}")
    work: dict[str, Callable[[], object]] = {
        "git": lambda: quietly("git", "-C", str(root), "ls-files", "-co", "--exclude-standard"),
        "walk": lambda: walk(root, measure=False),
        "table": lambda: walk(root, measure=True),
        "plain": lambda: plain_table(root),
        "corpus": lambda: open_corpus([str(root)], InputOptions()).close(),
    }
    if shutil.which("rg"):
        work["rg"] = lambda: quietly("rg", "-j1", "--files", "--hidden", str(root))
    least = best(rounds, cpu, **work)
    show("walk", least["walk"], "git ls-files -co", least["git"], 2.5)
    if "rg" in least:
        show("walk", least["walk"], "rg -j1 --files", least["rg"], 1.3)
    show("file table", least["table"], "scandir + stat", least["plain"], 1.2)
    show("open_corpus, table packed", least["corpus"], "scandir + stat", least["plain"])


def bench_pipe(place: Path, gigabytes: float, rounds: int) -> None:
    size = int(gigabytes * 1e9)
    code = f"import os\nb = (b'x' * 99 + b'\\n') * 10486\nfor _ in range({size} // len(b)): os.write(1, b)"

    def piped(consume: Callable[[int], object]) -> None:
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as producer:
            assert producer.stdout is not None
            consume(producer.stdout.fileno())

    def cat(source: int) -> None:
        with (place / "copy").open("wb") as target:
            subprocess.run(["cat"], stdin=source, stdout=target, check=True)
        (place / "copy").unlink()

    work: dict[str, Callable[[], object]] = {
        "cat": lambda: piped(cat),
        "spool": lambda: piped(lambda source: os.close(spool(source, place))),
    }
    for unit, clock in (("", time.perf_counter), (", processor", cpu)):
        least = best(rounds, clock, **work)
        show(f"pipe of {gigabytes:g} GB{unit}", least["spool"], "cat > file", least["cat"], 1.2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--gigabytes", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-walk-") as place:
        bench_trees(Path(place), chosen.files, chosen.rounds)
        bench_pipe(Path(place), chosen.gigabytes, min(3, chosen.rounds))


if __name__ == "__main__":
    main()
