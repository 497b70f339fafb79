"""How rlm's own costs grow with the work: files, bytes, turns, calls, depth. Nothing may grow faster than the work.

The exponent is the slope of log(cost(n) - cost(least)) over log(n - least), by least squares: what the least size costs,
every run does. Processor seconds are the least of a few runs, memory the median. A cost that grows by less than a
quarter over the whole range counts as flat.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.bench.bench_walk import cpu, walk
from tests.bench.compare import inputs
from tests.bench.compare.asking import QUESTION, Asked, Bench, answering, prompts
from tests.bench.compare.programs import Job
from tests.bench.compare.programs.registry import RLM
from tests.bench.compare.results import Curve


@dataclass(frozen=True, slots=True)
class Growth:
    """One kind of work, at several sizes. `measure` gives a cost for each of `names`."""

    names: Sequence[tuple[str, str]]  # (name, unit)
    sizes: Sequence[int]
    measure: Callable[[Bench, int], Sequence[float]]


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float | None:
    """None where the cost does not grow."""
    fixed = costs[0]
    grown = [
        (math.log(size - sizes[0]), math.log(cost - fixed))
        for size, cost in zip(sizes, costs, strict=True)
        if cost > fixed * 1.1
    ]
    if max(costs) < fixed * 1.25 or len(grown) < 3:
        return None
    slope = statistics.linear_regression([x for x, _ in grown], [y for _, y in grown]).slope
    return slope if slope > 0.1 else None


def curves(bench: Bench, growth: Growth, rounds: int) -> list[Curve]:
    sizes = sorted({bench.sized(size, least) for least, size in enumerate(growth.sizes, 1)})
    sizes = sizes[:2] if bench.smoke else sizes
    taken = {size: [growth.measure(bench, size) for _ in range(rounds)] for size in sizes}
    found = []
    for place, (name, unit) in enumerate(growth.names):
        summary = min if unit == "s" else statistics.median
        costs = [summary(one[place] for one in taken[size]) for size in sizes]
        found.append(Curve(name, unit, [float(size) for size in sizes], costs, exponent(sizes, costs)))
    return found


def _files(bench: Bench, count: int) -> Sequence[float]:
    root = inputs.tree(bench.place, count)
    began = cpu()
    walk(root, measure=True)
    walked = cpu() - began
    cells = [f"print({RLM.look})", answering(RLM, "'x'")]
    asked = bench.ask(RLM, cells, Job("", bench.place, root, QUESTION))
    return walked, asked.ran.cpu, asked.ran.private / 1e6


def _bytes(bench: Bench, size: int) -> Sequence[float]:
    file = inputs.log(bench.place, size)
    cells = [f"print({RLM.look})\nprint(len(context))", "print(context.count('timeout'))", answering(RLM, "1")]
    asked = bench.ask(RLM, cells, Job("", bench.place, file, QUESTION))
    return asked.ran.cpu, asked.ran.private / 1e6


def _asked(bench: Bench, cells: Sequence[str], **given: object) -> Asked:
    job = Job("", bench.place, inputs.log(bench.place, 1_000_000), QUESTION, **given)  # type: ignore[arg-type]
    return bench.ask(RLM, [f"print({RLM.look})", *cells, answering(RLM, "1")], job)


def _turns(bench: Bench, turns: int) -> Sequence[float]:
    asked = _asked(bench, [f"print({n})" for n in range(turns)], turns=turns + 3, log=True)
    return asked.ran.cpu, asked.ran.private / 1e6


def _calls(bench: Bench, calls: int) -> Sequence[float]:
    asked = _asked(bench, [f"found = {RLM.batch(prompts(calls))}\nprint(len(found))"], calls=calls, log=True)
    return asked.ran.cpu, asked.ran.private / 1e6


def _depth(bench: Bench, depth: int) -> Sequence[float]:
    """A chain of children, each with one child; the last asks a plain call."""
    job = Job("", bench.place, inputs.log(bench.place, 1_000_000), QUESTION, depth=depth, calls=20 * depth)
    cell = 'got = rlm_query("CHILD")\nprint(got)'
    asked = bench.ask(RLM, [cell, answering(RLM, "1")], job, child=[cell, RLM.final("'child'")])
    return asked.ran.cpu, asked.ran.private / 1e6


GROWTH = (
    Growth(
        (("files: listing", "s"), ("files: whole run", "s"), ("files: private memory", "MB")),
        (100, 1_000, 10_000, 100_000),
        _files,
    ),
    Growth(
        (("bytes: three turns", "s"), ("bytes: private memory", "MB")),
        (1_000_000, 10_000_000, 100_000_000, 1_000_000_000, 10_000_000_000),
        _bytes,
    ),
    Growth((("turns: whole run", "s"), ("turns: private memory", "MB")), (5, 50, 100, 200, 400), _turns),
    Growth((("calls: whole run", "s"), ("calls: private memory", "MB")), (10, 300, 1_000, 3_000, 10_000), _calls),
    Growth((("depth: whole run", "s"), ("depth: private memory", "MB")), (1, 2, 4, 8, 12), _depth),
)
