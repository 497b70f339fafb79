"""A peer that a script of ours drives in the peer's own virtual environment."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from pathlib import Path
from typing import Final

from tests.bench.compare.process import Failed
from tests.bench.compare.programs import Job, Unsupported
from tests.bench.compare.server import ROOT

HERE: Final = Path(__file__).parents[1]
VENVS: Final = ROOT / ".venv" / "peers"


class Driven:
    """What the adapters of peers have in common. A subclass says what differs."""

    name: str
    context = "context"
    without = "no children with a REPL of their own"

    look = ""

    def __init__(self) -> None:
        self.look = self.look or f"{self.context}[:60]"
        self.place = VENVS / self.name
        self.python = str(self.place / "bin" / "python")

    def prepare(self) -> str:
        """Install the pinned versions once; the peer's own version."""
        pins = HERE / "pins" / f"{self.name}.txt"
        ready = self.place / ".ready"
        if not ready.exists() or ready.read_text() != pins.read_text():
            print(f"installing {self.name} into {self.place} (once) ...", file=sys.stderr, flush=True)
            venv.create(self.place, clear=True, with_pip=True)
            pip = [
                self.python,
                "-m",
                "pip",
                "install",
                "-qq",
                "--disable-pip-version-check",
                "--no-deps",
                "-r",
                str(pins),
            ]
            done = subprocess.run(pip, capture_output=True, text=True, check=False)
            if done.returncode:
                raise Failed(
                    f"cannot be installed here: {(done.stderr.strip().splitlines() or ['pip failed'])[-1][:160]}"
                )
            ready.write_text(pins.read_text())
        pinned = dict(line.split("==") for line in pins.read_text().split() if "==" in line)
        return pinned[self.name]

    def command(self, job: Job) -> list[str]:
        told = {
            "url": job.url,
            "input": None if job.input is None else str(job.input),
            "question": job.question,
            "turns": job.turns,
            "calls": job.calls,
            "depth": job.depth,
            "log": str(job.home / "log") if job.log else None,
        }
        return [self.python, str(HERE / "drivers" / f"drive_{self.name}.py"), json.dumps(told)]

    def help(self) -> list[str]:
        return [str(self.place / "bin" / self.name), "--help"]

    def reply(self, code: str) -> str:
        return f"```python\n{code}\n```"

    def final(self, value: str) -> str:
        return f'answer["content"] = str({value})\nanswer["ready"] = True'

    def batch(self, prompts: str) -> str:
        return f"llm_query_batched({prompts})"

    def children(self, prompts: str) -> str:
        raise Unsupported(self.without)

    def leaf(self, text: str) -> str:
        return text
