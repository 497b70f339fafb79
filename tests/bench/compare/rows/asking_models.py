"""What a turn, a batch of calls and children cost beside the model's own time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tests.bench.compare import inputs
from tests.bench.compare.asking import QUESTION, Bench, answering, prompts
from tests.bench.compare.programs import Job, Program
from tests.bench.compare.programs.registry import LITELLM
from tests.bench.compare.rows import Bar, Contestant, Figures
from tests.bench.compare.rows.baselines import AIOHTTP_CALLS, AIOHTTP_TURNS, LITELLM_CALLS, plain, plain_calls

WIDTH: Final = 64


class Turns:
    """A turn without sub-calls: the request, its reply, the cell, its output, the record."""

    name = "turns"
    title = "a turn's own cost"
    about = "100 turns, each `print(n)`, with a model that takes no time; the history grows and is sent each time."
    rounds = 2
    bars = (Bar("a turn ms", 15.0),)

    def contestants(self, bench: Bench) -> Sequence[Contestant]:
        file, turns = inputs.log(bench.place, 1_000_000), bench.sized(100, 5)

        def own(program: Program) -> Figures:
            cells = [f"print({program.look})", *(f"print({n})" for n in range(turns)), answering(program, "1")]
            asked = bench.ask(program, cells, Job("", bench.place, file, QUESTION, turns=turns + 3))
            return {"a turn ms": between(asked.heard.roots, turns + 2), "cpu s": asked.ran.cpu}

        def least() -> Figures:
            ran, heard = plain(bench, AIOHTTP_TURNS, str(turns + 2), QUESTION, name="plain-turns")
            return {"a turn ms": between(heard.roots, turns + 2), "cpu s": ran.cpu}

        programs = [Contestant(one.name, lambda one=one: own(one)) for one in bench.programs]
        return [*programs, Contestant("plain aiohttp", least)]


def between(roots: Sequence[float], turns: int) -> float:
    """Milliseconds from request to request of the root."""
    roots = roots[:turns]
    return (roots[-1] - roots[0]) / (len(roots) - 1) * 1e3


@dataclass(frozen=True, slots=True)
class Calls:
    """One batch of sub-calls, from the turn that asks for them to the next turn."""

    name: str
    calls: int
    latency: float  # seconds
    rounds: int
    bars: Sequence[Bar]

    @property
    def title(self) -> str:
        return f"{self.calls} sub-calls of {self.latency * 1000:g} ms"

    @property
    def about(self) -> str:
        return (
            f"One batch, from turn to turn. rlm and the plain clients are {WIDTH} wide (-j {WIDTH}), the others as wide as they "
            "go: rlms 16, dspy 8, droste 5 (in batches of 50), rlmness 16 (each a child with a process of its own), minrlm has no bound."
        )

    def contestants(self, bench: Bench) -> Sequence[Contestant]:
        file, calls = inputs.log(bench.place, 1_000_000), bench.sized(self.calls, 8)
        ideal = math.ceil(calls / WIDTH) * self.latency

        def batch(program: Program) -> Figures:
            cells = [
                f"print({program.look})\nfound = {program.batch(prompts(calls))}\nprint(len(found))",
                answering(program, "sum('ok' in str(one) for one in found)"),
            ]
            job = Job("", bench.place, file, QUESTION, calls=calls, width=WIDTH)
            asked = bench.ask(program, cells, job, latency=self.latency, expected=f"answer-is-{calls}", timeout=60)
            return {
                "batch s": asked.heard.roots[1] - asked.heard.roots[0],
                "at once calls": asked.heard.peak,
                "cpu s": asked.ran.cpu,
                "memory MB": asked.ran.resident / 1e6,
            }

        def least(code: str) -> Figures:
            ran, heard = plain_calls(bench, code, calls, WIDTH, self.latency)
            return {
                "batch s": heard.last - heard.first + self.latency,
                "at once calls": heard.peak,
                "cpu s": ran.cpu,
                "memory MB": ran.resident / 1e6,
            }

        programs = [Contestant(one.name, lambda one=one: batch(one)) for one in bench.programs]
        if not bench.smoke:
            programs.append(Contestant(LITELLM.name, lambda: batch(LITELLM)))
            programs.append(Contestant("plain litellm", lambda: least(LITELLM_CALLS)))
        return [
            *programs,
            Contestant("plain aiohttp", lambda: least(AIOHTTP_CALLS)),
            Contestant("ideal", lambda: {"batch s": ideal, "at once calls": WIDTH}),
        ]


class Children:
    """A tree of runs: each child has its own REPL and asks for its own batch."""

    name = "children"
    title = "16 children, each 16 calls of 50 ms"
    about = "One cell asks for all children at once; -j 64 for rlm; ideal: 256 calls, 64 wide."
    rounds = 2
    bars = ()

    def contestants(self, bench: Bench) -> Sequence[Contestant]:
        file, count = inputs.log(bench.place, 1_000_000), bench.sized(16, 2)

        def grown(program: Program) -> Figures:
            tasks = f'["CHILD %d" % n for n in range({count})]'
            cells = [
                f"print({program.look})\nfound = {program.children(tasks)}\nprint(len(found))",
                answering(program, f"sum('{count} replies' in str(one) for one in found)"),
            ]
            who = "str(" + program.context + "[:40]).split('BENCH')[0]"
            child = [
                f"got = {program.batch(prompts(count, who))}\nprint(len(got))",
                program.final("str(len(got)) + ' replies'"),
            ]
            job = Job("", bench.place, file, QUESTION, calls=count * (count + 4), depth=2, width=WIDTH)
            asked = bench.ask(program, cells, job, child=child, latency=0.05, expected=f"answer-is-{count}", timeout=90)
            return {
                "batch s": asked.heard.roots[1] - asked.heard.roots[0],
                "sub-calls sent calls": asked.heard.leaves,
                "memory MB": asked.ran.resident / 1e6,
                "cpu s": asked.ran.cpu,
            }

        ideal = math.ceil(count * count / WIDTH) * 0.05
        programs = [Contestant(one.name, lambda one=one: grown(one)) for one in bench.programs]
        return [*programs, Contestant("ideal", lambda: {"batch s": ideal, "sub-calls sent calls": count * count})]
