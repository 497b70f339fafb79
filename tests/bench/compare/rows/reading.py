"""Questions over inputs of any size: three turns that take the length, a slice and a count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.bench.compare import inputs
from tests.bench.compare.asking import QUESTION, Bench, answering
from tests.bench.compare.programs import Job, Program
from tests.bench.compare.rows import Bar, Contestant, Figures


@dataclass(frozen=True, slots=True)
class ThreeTurns:
    """The model takes no time here: what is shown is the runtime's own."""

    size: int  # bytes
    rounds: int
    bars: Sequence[Bar] = ()

    @property
    def name(self) -> str:
        return inputs.shown(self.size).replace(" ", "")

    @property
    def title(self) -> str:
        return f"3 turns over {inputs.shown(self.size)}"

    @property
    def about(self) -> str:
        hole = (
            " 50 MB of log lines, then a hole of the file system, which reads as zeros."
            if self.size > inputs.TEXT
            else ""
        )
        return (
            "len, a slice of the middle, a count; the whole run with a model that takes no time. "
            f"Memory: peak of all its processes; private leaves out pages of files.{hole}"
        )

    def contestants(self, bench: Bench) -> Sequence[Contestant]:
        file = inputs.warm(inputs.log(bench.place, bench.sized(self.size, 100_000)))

        def three(program: Program) -> Figures:
            text = program.context
            cells = [
                f"print({program.look})\nprint(len({text}))",
                f"middle = len({text}) // 2\nprint({text}[middle:middle + 100])\nprint({text}.count('timeout'))",
                answering(program, f"len({text})"),
            ]
            asked = bench.ask(program, cells, Job("", bench.place, file, QUESTION), timeout=75)
            ran = asked.ran
            return {
                "time s": ran.seconds,
                "memory MB": ran.resident / 1e6,
                "private MB": ran.private / 1e6,
                "cpu s": ran.cpu,
            }

        return [Contestant(one.name, lambda one=one: three(one)) for one in bench.programs]
