"""How long until something happens."""

from __future__ import annotations

from collections.abc import Sequence

from tests.bench.compare import inputs
from tests.bench.compare.asking import QUESTION, Bench, answering
from tests.bench.compare.process import run
from tests.bench.compare.programs import Job, Program
from tests.bench.compare.programs.registry import LITELLM
from tests.bench.compare.rows import Bar, Contestant, Figures
from tests.bench.compare.rows.baselines import LITELLM_CALLS, PYTHON, plain_calls


class Help:
    """The time that a person waits before a program says anything at all."""

    name = "help"
    title = "print the help"
    about = "A library without a command is imported instead."
    rounds = 5
    bars = (Bar("time s", 8, "python -c pass"),)

    def contestants(self, bench: Bench) -> Sequence[Contestant]:
        def timed(command: Sequence[str]) -> Figures:
            with bench.home() as (home, environment):
                ran = run(command, environment=environment, cwd=home)
            return {"time s": ran.seconds, "cpu s": ran.cpu, "memory MB": ran.resident / 1e6}

        programs = [Contestant(one.name, lambda one=one: timed(one.help())) for one in bench.programs]
        return [*programs, Contestant("python -c pass", lambda: timed(PYTHON))]


class First:
    """Everything before the first token can be waited for: imports, the corpus, the sandbox."""

    name = "first"
    title = "start to first request"
    about = "A file of 1 MB; from the start of the process until the model is asked."
    rounds = 5
    bars = (
        Bar("time s", 0.15, "plain litellm"),
        Bar("time s", 0.8, "plain litellm", ours="rlm over litellm"),
    )

    def contestants(self, bench: Bench) -> Sequence[Contestant]:
        file = inputs.log(bench.place, 1_000_000)

        def ours(program: Program) -> Figures:
            cells = [f"print({program.look})", answering(program, f"len({program.context})")]
            asked = bench.ask(program, cells, Job("", bench.place, file, QUESTION))
            return {"time s": asked.to_first, "whole run s": asked.ran.seconds, "memory MB": asked.ran.resident / 1e6}

        def litellm() -> Figures:
            ran, heard = plain_calls(bench, LITELLM_CALLS, 1, 1, 0.0)
            return {"time s": heard.first - ran.began, "whole run s": ran.seconds, "memory MB": ran.resident / 1e6}

        programs = [Contestant(one.name, lambda one=one: ours(one)) for one in (*bench.programs, LITELLM)]
        return [*programs, Contestant("plain litellm", litellm)]
