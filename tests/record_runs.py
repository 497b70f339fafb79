"""Records the runs of tests/data/runs anew: `make recordings`, or `python -m tests.record_runs [NAME]...`.

Real runs of `rlm ask` over tests/data/runs/input, whose models are scripted here. tests/test_recorded_runs.py replays
them: the same cells must print the same and lead to the same answer. Record anew only where an output is meant to be
another one, and read the difference in `git diff` before it is committed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.server import Ask, Item, ScriptedServer

RUNS = Path(__file__).parent / "data" / "runs"


@dataclass(frozen=True)
class Recording:
    """What is asked, with which options, and what the models say."""

    question: str
    options: tuple[str, ...]
    script: Callable[[Ask], Item]
    status: int = 0


def _cells(*cells: str) -> Callable[[Ask], Item]:
    """A root model that writes these cells, one a turn."""

    def script(ask: Ask) -> Item:
        said = sum(message["role"] == "assistant" for message in ask.messages)
        return f"```repl\n{cells[min(said, len(cells) - 1)]}\n```"

    return script


def _question(ask: Ask) -> str:
    first = next(str(message["content"]) for message in ask.messages if message["role"] == "user")
    return first.partition("<question>\n")[2].partition("\n</question>")[0]


def _batches(ask: Ask) -> Item:
    if ask.model == "sub":
        return f"{ask.text.count(' took ')} lines"
    return _cells(
        "hits = grep(r'took (8\\d|90) ms')\nprint(len(hits))\nprint(hits[:3])",
        "log = next(text for path, text in files.items() if path.endswith('log.txt'))\n"
        "parts = chunks(log, size=900)\nprint(len(parts), [len(part) for part in parts])\n"
        "told = llm_query_batched([f'part {n}: how many lines?' for n in range(len(parts))], parts)\nprint(told)\n"
        "print(told[99])",
        "best = max(hits, key=lambda hit: int(hit.text.split()[-2]))\nprint(search('key of the shed', top=1))\n"
        "FINAL(f'{len(hits)} slow lines in {len(told)} parts, the slowest: {best.text} {cite(best)}')",
    )(ask)


def _children(ask: Ask) -> Item:
    if ask.model == "sub":
        return "behind the cellar door"
    if _question(ask).startswith("in one line"):
        return _cells("print(context[:40])\nhit = grep('key')[0]\nFINAL(f'{llm_query(hit.text)} {cite(hit)}')")(ask)
    if _question(ask).startswith("where is nothing"):
        return _cells("print(context)\nFINAL(f'{context} are {len(context)} characters')")(ask)
    if _question(ask).startswith("where"):
        return _cells(
            "print(len(context), SHOW_VARS())\nlines = grep('key|tin')\nprint(lines)",
            'FINAL(f\'{rlm_query("in one line", context) if grep("key") else lines[0].text} {cite(lines[0])}\')',
        )(ask)
    return _cells(
        "names = sorted(path for path in files if path.endswith('.md'))\nprint(names)",
        # One after the other: marks are numbered as children cite, and of children at once nobody knows who is first.
        "told = [rlm_query(f'where is it kept? {name}', files[name]) for name in names]\n"
        "for name, text in zip(names, told):\n    print(name, text)\n"
        "print(rlm_query_batched(['where is nothing cited?'] * 2, ['some words'] * 2))",
        "FINAL(' / '.join(told))",
    )(ask)


class _Partial:
    """A model with a small window that goes on until its turns are used up."""

    def __init__(self) -> None:
        self.turn = 0

    def __call__(self, ask: Ask) -> Item:
        if "Write a summary" in ask.text:
            return f"Seen so far: {self.turn} parts; `longest` holds the longest time."
        if self.turn == 9:
            return "At least 90 ms, as far as the log was read."
        self.turn += 1
        more = "longest = 0\n" if self.turn == 1 else ""
        return (
            f"```repl\n{more}part = context[{self.turn} * 300:{self.turn} * 300 + 1500]\nprint(part)\n"
            "times = [int(line.split()[-2]) for line in part.splitlines() if line.endswith(' ms')]\n"
            "longest = max([longest, *times])\nprint(longest, len(times))\n```"
        )


RECORDINGS = {
    "batches": Recording("which lines are slow?", (), _batches),
    "children": Recording("what is kept where?", ("--max-depth", "3"), _children),
    "partial": Recording(
        "what took longest?",
        ("--context-window", "16k", "--compact-at", "0.25", "--max-turns", "9", "--max-cost", "0.9"),
        _Partial(),
        status=6,
    ),
}


def record(name: str) -> Path:
    """Make one recording anew: a journal that holds no path of this machine and no address."""
    wanted, path = RECORDINGS[name], RUNS / f"{name}.jsonl"
    with tempfile.TemporaryDirectory() as home, ScriptedServer(wanted.script) as server:
        made = Path(home) / "run.jsonl"
        models = ["-m", "openai/root", "-s", "openai/sub", "--api-base", server.url, "--pack", "full", "--no-memo"]
        command = ["ask", "input", wanted.question, *models, "--strategy", "rlm", "--trajectory", str(made), "-q"]
        done = subprocess.run(
            [sys.executable, "-m", "rlm_cli", *command, *wanted.options],
            cwd=RUNS,
            env={"PATH": os.environ["PATH"], "RLM_HOME": home, "HOME": home, "OPENAI_API_KEY": "sk-none"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != wanted.status:
            raise SystemExit(f"{name} ended with {done.returncode}: {done.stderr}{done.stdout}")
        first, *others = made.read_text(encoding="ascii").splitlines()
    started = json.loads(first)
    started["settings"] |= {"directory": "", "api_base": None, "trajectory": None}
    path.write_text("\n".join([json.dumps(started, separators=(",", ":")), *others, ""]), encoding="ascii")
    return path


if __name__ == "__main__":
    for name in sys.argv[1:] or RECORDINGS:
        print(record(name), file=sys.stderr)
