"""The worker's costs as ratios: start against a bare interpreter, cells against plain `exec`, loops against plain Python.

python -m tests.bench.bench_worker
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

from rlm_cli.context.table import FileTable
from rlm_cli.sandbox.host import ProcessSandbox
from rlm_cli.sandbox.process import Packed
from rlm_cli.sandbox.spares import Spares
from tests.sandboxes import Bench, NotedHost

LOOPS = {
    "arithmetic": "t = 0\nfor i in range(300_000):\n    t += i * 2 % 7",
    "items": "d = {}\nfor i in range(200_000):\n    d[i % 100] = d.get(i % 100, 0) + 1",
    "item += 1": "d = dict.fromkeys(range(100), 0)\nfor i in range(300_000):\n    d[i % 100] += 1",
    "attributes and methods": "out = []\nfor i in range(200_000):\n    out.append(str(i).upper())",
    "calls": "def f(x):\n    return x + 1\nt = 0\nfor i in range(300_000):\n    t = f(t)",
    "comprehension": "x = [i * i for i in range(500_000) if i % 3]",
    "text": "n = 0\nfor line in ['error a b', 'info c'] * 100_000:\n    if line.startswith('error') and 'b' in line:\n        n += len(line.split())",
    "join": "x = [', '.join(['a', 'b', str(i)]) for i in range(150_000)]",
    "f-strings": "x = [f'{i:>6}: {i * 2}' for i in range(150_000)]",
    "isinstance and type": "n = 0\nfor i in [1, 'a', 2.0] * 60_000:\n    n += isinstance(i, (int, str))",
}


def best(run: Callable[[], object], times: int = 9) -> float:
    """The shortest of several runs, in seconds: the one with the least of others' work in it."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        run()
        taken.append(time.perf_counter() - began)
    return min(taken)


def row(what: str, value: str, bar: str) -> None:
    print(f"{what:<42} {value:>28}   {bar}")


def start() -> None:
    bare, ready, ended = [], [], []
    for _ in range(12):  # in turns; the first one of each also fills the caches
        bare.append(best(lambda: subprocess.run([sys.executable, "-I", "-S", "-c", "pass"], check=True, env={}), 1))
        began = time.perf_counter()
        with Bench() as bench:
            bench.output("x = 1")
            ready.append(bench.ready.seconds)
            ended.append(time.perf_counter() - began)
    unit, spawn, first = min(bare), min(ready), min(ended)
    row("python -I -S -c pass", f"{unit * 1000:.1f} ms", "")
    row("spawn to ready", f"{spawn * 1000:.1f} ms = {spawn / unit:.1f}x", "bar 5x")
    row("spawn to the end of a cell, given at once", f"{first * 1000:.1f} ms = {first / unit:.1f}x", "")
    waiting = min(asyncio.run(warm()) for _ in range(5))
    row("ready where a worker waits", f"{waiting * 1000:.1f} ms = {waiting / unit:.2f}x", "bar 0.3x")
    with_cell = min(asyncio.run(warm(cell=True)) for _ in range(5))
    row("and to the end of a first cell", f"{with_cell * 1000:.1f} ms = {with_cell / unit:.2f}x", "")


async def warm(*, cell: bool = False) -> float:
    """Seconds to ready where a worker waits, or to the end of a first `cell`."""
    host, spares = NotedHost([]), Spares()
    table = Packed(FileTable.build([], []), spares)
    spares.fill()
    await asyncio.sleep(0.5)  # the time that the first reply of a model takes
    sandbox = ProcessSandbox(host, table)
    began = time.perf_counter()
    await sandbox.start()
    if cell:
        await sandbox.run("x = 1", cell="0/1.1", time_limit=60)
    taken = time.perf_counter() - began
    await sandbox.close()
    await table.end()
    return taken


def cells() -> None:
    with Bench() as bench:

        async def many(code: str, count: int) -> float:
            began = time.perf_counter()
            for number in range(count):
                result = await bench.sandbox.run(code, cell=f"0/{number}.1", time_limit=60)
                assert result.error is None, result.error
            return (time.perf_counter() - began) / count

        step = min(bench.run(many("x=1", 300)) for _ in range(3))
        row("round trip of x=1", f"{step * 1000:.2f} ms", "bar 1 ms")
        calls = min(bench.run(many("for i in range(200): budget()", 3)) for _ in range(3)) / 200
        row("a callback", f"{calls * 1000:.2f} ms", "bar 0.5 ms")
        long = "prompts = ['p' * 100_000 + str(i) for i in range(100)]\nlen(llm_query_batched(prompts))"
        batch = min(bench.run(many(long, 1)) for _ in range(3))
        row("10 MB of prompts in one batch", f"{batch:.3f} s", "bar 0.3 s")


TIMED = "import time\nbegan = time.process_time()\n{code}\nprint(time.process_time() - began)"


def loops() -> None:
    """Processor time of the loop alone, in turns with plain `exec`, so that both meet the same load."""
    ratios = []
    with Bench() as bench:
        for name, code in LOOPS.items():
            source = TIMED.format(code=code)
            compiled = compile(source, "<plain>", "exec")
            plain, inside = [], []
            for _ in range(15):
                with contextlib.redirect_stdout(io.StringIO()) as said:
                    exec(compiled, {})
                plain.append(float(said.getvalue()))
                inside.append(float(bench.output(source)))
            ratios.append(min(inside) / min(plain))
            row(f"loop: {name}", f"{min(inside) * 1000:.1f} ms = {ratios[-1]:.2f}x of plain", "bar 1.1x")
    row("loops, median", f"{statistics.median(ratios):.2f}x", "bar 1.1x")


if __name__ == "__main__":
    start()
    cells()
    loops()
