"""rlm itself, as this working tree has it."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from rlm_cli import __version__
from tests.bench.compare.programs import Job
from tests.bench.compare.server import ROOT


@dataclass(frozen=True, slots=True)
class Rlm:
    """The command `rlm ask`. `model` decides the way to the endpoint: our own client, or litellm."""

    name: str = "rlm"
    model: str = "openai/scripted"
    context: str = "context"
    look: str = "context[:60]"

    def prepare(self) -> str:
        return __version__

    def command(self, job: Job) -> list[str]:
        options = [
            *("-m", self.model, "--api-base", job.url, "--strategy", "rlm", "--pack", "full", "--context-window", "4000000"),
            *("--max-turns", str(job.turns), "--max-calls", str(job.calls + job.turns + 10), "--max-tokens", "2000000000"),
            *("--max-depth", str(job.depth), "-j", str(job.width), "--progress", "none", "--color", "never", "--links", "never", "--no-memo"),
        ]  # fmt: skip
        paths = [] if job.input is None else [str(job.input)]
        return [*self._rlm(), "ask", *paths, job.question, *options, *([] if job.log else ["--no-save"])]

    def resume(self) -> list[str]:
        return [*self._rlm(), "resume", "--progress", "none", "--color", "never"]

    def help(self) -> list[str]:
        return [*self._rlm(), "--help"]

    def _rlm(self) -> list[str]:
        installed = ROOT / ".venv" / "bin" / "rlm"
        return [str(installed)] if installed.exists() else [sys.executable, "-m", "rlm_cli"]

    def reply(self, code: str) -> str:
        return f"```repl\n{code}\n```"

    def final(self, value: str) -> str:
        return f"FINAL({value})"

    def batch(self, prompts: str) -> str:
        return f"llm_query_batched({prompts})"

    def children(self, prompts: str) -> str:
        return f"rlm_query_batched({prompts})"

    def leaf(self, text: str) -> str:
        return text
