"""Try a real model on small tasks through the real command: `make smoke-llm BASE_URL=… MODEL=…`.

    make smoke-llm BASE_URL=http://127.0.0.1:8899/v1 MODEL=small WINDOW=16384
    make smoke-llm BASE_URL=… MODEL=… TASKS="fact count"      only these; "held-out" is the six others
    make smoke-llm BASE_URL=… MODEL=… REFERENCE=1             also through the reference, `rlms`, beside it

A task is solved when the answer is right and the exit status says so: a right but partial answer does not count. The
key of the endpoint, if it needs one, is OPENAI_API_KEY. Results go to tests/bench/results/smoke_llm.json, with what
was answered, so that a figure can be looked into.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from tests.smoke.tasks import HELD_OUT, MAKERS, Task

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "tests" / "bench" / "results" / "smoke_llm.json"
REFERENCE = "rlms==0.1.3"
_KEPT_ANSWER = 400  # characters of an answer in the results


@dataclass(frozen=True, slots=True)
class Tried:
    """One task as one program did it. Tokens over all calls; seconds from start to exit."""

    task: str
    program: str  # rlm or reference
    solved: bool
    turns: int
    calls: int
    input_tokens: int
    output_tokens: int
    seconds: float
    exit: int
    status: str
    answer: str
    error: str = ""


@dataclass(frozen=True, slots=True)
class Trial:
    """How the tasks are put to a model."""

    base: str
    model: str
    window: int | None
    turns: int
    minutes: float
    pack: str = "auto"
    temperature: float | None = 0.0  # of the reference; our packs bring their own
    keep: Path | None = None  # where the journals go

    def ours(self, task: Task, folder: Path) -> Tried:
        """The task through `rlm ask … --json`, as a process of its own with an empty home."""
        minutes = f"{self.minutes * 60:.0f}s"
        command = [sys.executable, "-m", "rlm_cli", "ask", "input", task.question, "--json", "-q"]
        command += ["-m", f"openai/{self.model}", "--api-base", self.base, "--pack", self.pack, "-j", "1"]
        command += ["--max-turns", str(self.turns), "--max-time", minutes, "--call-time", minutes]
        command += ["--trajectory", str((self.keep or folder) / f"{task.name}.jsonl")]
        command += ["--context-window", str(self.window)] if self.window else []
        kept = {name: value for name, value in os.environ.items() if not name.startswith("RLM_")}
        paths = {"RLM_HOME": str(folder / "home"), "PYTHONPATH": str(ROOT)}
        began = time.monotonic()
        done = subprocess.run(
            command,
            cwd=folder,
            env={"OPENAI_API_KEY": "none", **kept, **paths},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.monotonic() - began
        said: dict[str, Any] = json.loads(done.stdout) if done.stdout.strip() else {}
        text, usage = str(said.get("answer") or ""), said.get("usage") or {}
        return Tried(
            task=task.name,
            program="rlm",
            solved=task.solved(text, done.returncode),
            turns=int(usage.get("turns", 0)),
            calls=int(usage.get("calls", 0)),
            input_tokens=int(usage.get("input_tokens", 0)),
            output_tokens=int(usage.get("output_tokens", 0)),
            seconds=round(seconds, 1),
            exit=done.returncode,
            status=str(said.get("status", "")),
            answer=text[:_KEPT_ANSWER],
            error="" if said else done.stderr[-_KEPT_ANSWER:],
        )

    def reference(self, task: Task, python: Path) -> Tried:
        """The task through the reference, with the same limits of turns and time."""
        texts = task.files.values() if len(task.files) == 1 else (f"==> {n} <==\n{t}" for n, t in task.files.items())
        wanted = {
            "model": self.model,
            "base_url": self.base,
            "key": os.environ.get("OPENAI_API_KEY", "none"),
            "question": task.question,
            "text": "\n".join(texts),
            "max_iterations": self.turns,
            "max_timeout": self.minutes * 60,
            "temperature": self.temperature,
        }
        began = time.monotonic()
        try:
            done = subprocess.run(
                [python, Path(__file__).with_name("reference.py")],
                input=json.dumps(wanted),
                capture_output=True,
                text=True,
                check=False,
                timeout=self.minutes * 60 + 60,
            )
            last, status, error = done.stdout.strip().rpartition("\n")[2], done.returncode, done.stderr[-_KEPT_ANSWER:]
        except subprocess.TimeoutExpired:
            last, status, error = "", 124, "no end within the time and a minute"
        said: dict[str, Any] = json.loads(last) if last.startswith("{") else {"error": error}
        text = str(said.get("answer", ""))
        fine = not said.get("error")
        return Tried(
            task=task.name,
            program="reference",
            solved=fine and task.solved(text),
            turns=int(said.get("turns", 0)),
            calls=0,
            input_tokens=int(said.get("input", 0)),
            output_tokens=int(said.get("output", 0)),
            seconds=round(time.monotonic() - began, 1),
            exit=status,
            status="answered" if fine else "failed",
            answer=text[:_KEPT_ANSWER],
            error=str(said.get("error", "")),
        )


def write(task: Task, folder: Path) -> None:
    """The files of a task, below `folder/input`."""
    for name, text in task.files.items():
        path = folder / "input" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def tried(trial: Trial, names: Sequence[str], python: Path | None, *, ours: bool = True) -> Iterator[Tried]:
    """Every task of that name: through `rlm`, and with `python` of its environment through the reference too."""
    for name in names:
        task = (MAKERS | HELD_OUT)[name]()
        with tempfile.TemporaryDirectory(prefix="rlm-smoke-") as folder:
            if ours:
                write(task, Path(folder))
                yield trial.ours(task, Path(folder))
        if python is not None:
            yield trial.reference(task, python)


def reference_python() -> Path:
    """The interpreter of an environment that holds the reference, made where it is missing."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "rlm-smoke" / REFERENCE.replace("==", "-")
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-qq", REFERENCE], check=True)
    return python


def row(one: Tried) -> str:
    """A line of the table."""
    mark = "yes" if one.solved else "no"
    answer = " ".join((one.answer or one.error).split())[:60]
    return (
        f"{one.task:<10} {one.program:<10} {mark:<6} {one.turns:>5} {one.calls:>5} {one.input_tokens:>8,} "
        f"{one.output_tokens:>7,} {one.seconds:>8.1f} {one.exit:>4}  {answer}"
    )


HEAD = f"{'task':<10} {'program':<10} solved turns calls {'in':>8} {'out':>7} {'seconds':>8} exit  answer"


def summary(title: str, program: str, runs: Sequence[Tried]) -> str:
    """How many were solved, and at what cost."""
    mine = [one for one in runs if one.program == program]
    if not mine:
        return ""
    solved = sum(one.solved for one in mine)
    tokens = sum(one.input_tokens + one.output_tokens for one in mine)
    turns, seconds = sum(one.turns for one in mine), sum(one.seconds for one in mine)
    return f"{title}, {program}: {solved} of {len(mine)} solved, {turns} turns, {tokens:,} tokens, {seconds:,.0f} s\n"


def keep(path: Path, trial: Trial, runs: Sequence[Tried]) -> None:
    """Add these runs to the results: a task that was run again replaces its older run of the same model and program."""
    known: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["runs"] if path.exists() else []
    about = {"model": trial.model, "window": trial.window, "date": date.today().isoformat(), "versions": versions()}
    about |= {"most_minutes": trial.minutes}
    fresh = [{**asdict(one), **about, "held_out": one.task in HELD_OUT} for one in runs]
    again = {(one["model"], one["program"], one["task"]) for one in fresh}
    old = [one for one in known if (one["model"], one["program"], one["task"]) not in again]
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"runs": old + fresh}, indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def table(runs: Sequence[dict[str, Any]]) -> str:
    """The table of the README: a row for each model and program, the twelve and the held-out six."""
    rows = [
        "| model | date | program | twelve tasks | held-out six | turns | tokens | minutes | at most a task |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for model, program in sorted(
        {(one["model"], one["program"]) for one in runs}, key=lambda pair: (pair[0], pair[1] != "rlm")
    ):
        mine = [one for one in runs if (one["model"], one["program"]) == (model, program)]
        shares = []
        for held_out in (False, True):
            group = [one for one in mine if one["held_out"] is held_out]
            shares.append(f"{sum(one['solved'] for one in group)} of {len(group)}" if group else "not run")
        tokens = sum(one["input_tokens"] + one["output_tokens"] for one in mine)
        turns, minutes = sum(one["turns"] for one in mine), sum(one["seconds"] for one in mine) / 60
        name = program if program == "rlm" else f"reference, {REFERENCE.replace('==', ' ')}"
        day = max(one["date"] for one in mine)
        most = " or ".join(f"{most:g} min" for most in sorted({one["most_minutes"] for one in mine}))
        told = [model, day, name, *shares, str(turns), f"{tokens:,}", f"{minutes:.0f}", most]
        rows.append(f"| {' | '.join(told)} |")
    return "\n".join(rows)


def tell(readme: Path, results: Path) -> None:
    """Put the table between its markers in the README."""
    begin, end = "<!-- small models -->", "<!-- end small models -->"
    text = readme.read_text(encoding="utf-8")
    before, after = text.partition(begin)[0], text.partition(end)[2]
    made = table(json.loads(results.read_text(encoding="utf-8"))["runs"])
    readme.write_text(f"{before}{begin}\n{made}\n{end}{after}", encoding="utf-8")


def versions() -> dict[str, str]:
    """What the figures were measured with."""
    asked = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return {"rlm": asked.stdout.strip(), "reference": REFERENCE, "python": platform.python_version()}


def chosen(words: Sequence[str]) -> list[str]:
    """The tasks that were asked for; the twelve by default."""
    names: list[str] = []
    for word in words or ["twelve"]:
        names += {"twelve": list(MAKERS), "held-out": list(HELD_OUT), "all": [*MAKERS, *HELD_OUT]}.get(word, [word])
    wrong = [name for name in names if name not in MAKERS | HELD_OUT]
    if wrong:
        raise SystemExit(f"no such task: {', '.join(wrong)}; there are: {', '.join(MAKERS | HELD_OUT)}")
    return names


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Try a real model on small tasks.")
    parser.add_argument("--base-url", default="")
    parser.add_argument("--model", default="", help="as the endpoint names it")
    parser.add_argument("--readme", type=Path, help="run nothing; put the table of the results into this file")
    parser.add_argument("--window", type=int, help="its tokens")
    parser.add_argument("--pack", default="auto")
    parser.add_argument("--turns", type=int, default=12)
    parser.add_argument("--minutes", type=float, default=15.0, help="most time of one task")
    parser.add_argument("--reference", action="store_true")
    parser.add_argument("--only-reference", action="store_true")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--journals", type=Path, help="keep the journals in this folder")
    parser.add_argument("tasks", nargs="*")
    given = parser.parse_args(arguments)
    if given.readme is not None:
        return tell(given.readme, given.results)
    if not given.base_url or not given.model:
        parser.error("BASE_URL and MODEL are needed, such as BASE_URL=http://127.0.0.1:8080/v1 MODEL=qwen")
    names = chosen(given.tasks)
    if given.journals is not None:
        given.journals = given.journals.resolve()
        given.journals.mkdir(parents=True, exist_ok=True)
    trial = Trial(
        given.base_url, given.model, given.window, given.turns, given.minutes, given.pack, keep=given.journals
    )
    python = reference_python() if given.reference or given.only_reference else None
    runs: list[Tried] = []
    print(HEAD, flush=True)
    for one in tried(trial, names, python, ours=not given.only_reference):
        runs.append(one)
        print(row(one), flush=True)
        keep(given.results, trial, [one])
    for title, group in (("twelve tasks", MAKERS), ("held-out", HELD_OUT)):
        for program in ("rlm", "reference"):
            print(summary(title, program, [one for one in runs if one.task in group]), end="")
    return None


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # else the run that is under way would go on alone
    main()
