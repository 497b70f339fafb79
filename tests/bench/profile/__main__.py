"""`python -m tests.bench.profile`: one real `rlm ask` under py-spy, host and worker, and the imports of two commands.

The ask has a scripted model, so that nothing waits: searches over a text, a batch of sub-calls, and many turns. Writes
host.svg and worker.svg (flame graphs) and profile.txt to --results; prints the latter.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import venv
from collections import Counter
from pathlib import Path
from typing import Final

from tests.bench.compare import inputs
from tests.bench.compare.asking import QUESTION, Bench, answering, prompts
from tests.bench.compare.programs import Job
from tests.bench.compare.programs.registry import LITELLM, RLM
from tests.bench.compare.server import ROOT, serving
from tests.bench.profile import flame, imports

PY_SPY: Final = "py-spy==0.4.3"
RATE: Final = 200  # samples a second
CELLS: Final = (
    "print(context[:60])",
    "print(len(context), context.count('timeout'))",
    "print(grep('Sherlock'))",
    "print(search('who was here', top=3))",
    "print(len(chunks(size=100_000)))",
    f"found = llm_query_batched({prompts(200)})\nprint(len(found))",
    "import re\nprint(len(re.findall(r'2026-11-2\\d', context[:5_000_000])))",
)
_FRAME: Final = re.compile(r"(.*) \((.*):(\d+)\)$")


def py_spy() -> Path:
    """The profiler, installed once."""
    place = ROOT / ".venv" / "peers" / "py-spy"
    if not (place / "bin" / "py-spy").exists():
        print(f"installing {PY_SPY} into {place} (once) ...", file=sys.stderr)
        venv.create(place, clear=True, with_pip=True)
        subprocess.run([place / "bin" / "python", "-m", "pip", "install", "-qq", PY_SPY], check=True)
    return place / "bin" / "py-spy"


def recorded(bench: Bench, size: int, turns: int) -> str:
    """Folded stacks of one ask and of the processes that it started."""
    file = inputs.log(bench.place, size)
    cells = [*CELLS, *(f"print({n})" for n in range(turns)), answering(RLM, "len(found)")]
    raw = bench.place / "stacks.txt"
    with bench.home() as (home, environment):
        url, heard = bench.script(RLM, cells)
        job = Job(url, home, file, QUESTION, turns=len(cells) + 3, calls=200, log=True)
        spy = [str(py_spy()), "record", "-r", str(RATE), "--subprocesses", "--nonblocking", "-f", "raw", "-o", str(raw)]
        command = [*spy, "--", *RLM.command(job)]
        done = subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True, check=False)
        if not raw.exists() or not heard().asks:
            raise SystemExit(f"py-spy does not work here: {(done.stderr or done.stdout).strip()[-500:]}")
    return raw.read_text(encoding="utf-8")


def stacks(folded: str) -> dict[str, Counter[tuple[str, ...]]]:
    """By process, `host` and `worker`: samples of each stack, with lines."""
    found: dict[str, Counter[tuple[str, ...]]] = {"host": Counter(), "worker": Counter()}
    for line in folded.splitlines():
        stack, _, samples = line.rpartition(" ")
        first, *frames = stack.split(";")
        while frames and frames[0].startswith("process "):
            first, *frames = frames
        if frames:
            found["host" if " ask " in first else "worker"][tuple(map(short, frames))] += int(samples)
    return found


def short(frame: str) -> str:
    """A frame without the way to its package."""
    return re.sub(r"\((?:.*/site-packages/|.*/lib/python[^/]*/|.*/(?=rlm_cli/))", "(", frame)


def functions(lines: Counter[tuple[str, ...]]) -> Counter[tuple[str, ...]]:
    """The same stacks by function alone."""
    merged: Counter[tuple[str, ...]] = Counter()
    for stack, samples in lines.items():
        merged[tuple(_FRAME.sub(r"\1 (\2)", frame) for frame in stack)] += samples
    return merged


def dearest(lines: Counter[tuple[str, ...]], count: int) -> list[str]:
    """The lines with the most samples of their own, and the lines of ours with the most in all that they called."""
    own: Counter[str] = Counter()
    below: Counter[str] = Counter()
    for stack, samples in lines.items():
        own[stack[-1]] += samples
        for frame in {frame for frame in stack if "rlm_cli/" in frame}:
            below[frame] += samples
    total = max(1, sum(lines.values()))
    shown = [f"  {samples / total:6.1%}  {frame}" for frame, samples in own.most_common(count)]
    ours = [f"  {samples / total:6.1%}  {frame}" for frame, samples in below.most_common(count)]
    return [" its own time:", *shown, " of ours, with all that is called there:", *ours]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=50)
    parser.add_argument("--turns", type=int, default=100)
    parser.add_argument("--lines", type=int, default=10)
    parser.add_argument("--results", type=Path, default=ROOT / "build" / "profile")
    chosen = parser.parse_args()
    chosen.results.mkdir(parents=True, exist_ok=True)
    said = []
    with serving() as server, tempfile.TemporaryDirectory(prefix="rlm-profile-") as place:
        bench = Bench(server, Path(place), [RLM])
        for name, lines in stacks(recorded(bench, chosen.megabytes * 1_000_000, chosen.turns)).items():
            total = sum(lines.values())
            about = f"{name}: {total} samples, {RATE} a second, of one ask ({chosen.megabytes} MB, {chosen.turns} turns and {len(CELLS)} others)"
            (chosen.results / f"{name}.svg").write_text(flame.svg(functions(lines), [about]), encoding="utf-8")
            said += [
                about,
                *(dearest(lines, chosen.lines) if total else [" not seen: py-spy may not look into it here"]),
                "",
            ]
        with bench.home() as (home, environment):
            url, _ = bench.script(LITELLM, CELLS[:1])
            small = home / "small.txt"
            small.write_text("one line\n")
            hosted = LITELLM.command(Job(url, home, small, QUESTION, turns=1))[1:]
            for title, arguments, least in (("--help", ["--help"], 1000), ("the first hosted request", hosted, 40_000)):
                found = imports.measured(arguments, environment)
                said += [f"imports of {title}", *imports.tree(found, least=least, depth=5), ""]
    text = "\n".join(said)
    (chosen.results / "profile.txt").write_text(text, encoding="utf-8")
    print(text + f"flame graphs: {chosen.results}/host.svg and worker.svg")


if __name__ == "__main__":
    main()
