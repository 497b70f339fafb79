"""A cell that runs away costs that cell: what earlier cells assigned is still there, and the next one runs."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

from rlm_cli.sandbox import calls
from tests.escape_forms import EXHAUSTION
from tests.sandboxes import Bench

RUNAWAYS = {
    # name: (code, kind of the error)
    "an endless loop": ("while True:\n    pass", "time"),
    "one that catches": ("while True:\n    try:\n        while True: pass\n    except:\n        pass", "time"),
    "one that catches by name": (
        "while True:\n    try:\n        while True: pass\n    except BaseException:\n        pass",
        "time",
    ),
    "one that swallows": ("while True:\n    try:\n        while True: pass\n    finally:\n        continue", "time"),
    "one that swallows in a generator": (
        "import contextlib\n@contextlib.contextmanager\ndef c():\n    while True:\n        try:\n            yield\n        finally:\n            continue\n"
        "while True:\n    with c():\n        while True: pass",
        "time",
    ),
    "a loop in C": ("sum(range(10**15))", "time"),
    "an endless deque": ("import collections, itertools\ncollections.deque(itertools.count(), maxlen=0)", "time"),
    "an endless in": ("import itertools\n1 in itertools.repeat(2)", "time"),
    "a huge power": ("x = 7 ** (7 ** 12)", "time"),
    "a huge int to text": ("x = 3 ** 30_000_000\nimport sys\nstr(x)", None),
    "a pattern that explodes": ("import re\nre.match(r'(a+)+$', 'a' * 40 + 'b')", "time"),
    "sleeping": ("import time\nwhile True: time.sleep(100)", "time"),
    "memory at once": ("x = ' ' * 10**11", "memory"),
    "memory by doubling": ("x = [0]\nwhile True:\n    x += x", "memory"),
    "memory by dict": ("d = {}\ni = 0\nwhile True:\n    d[i] = [i] * 1000\n    i += 1", "memory"),
    "memory by bytes": ("x = bytearray(1 << 33)", "memory"),
    "the C stack by filters": ("x = filter(None, [1])\nfor i in range(200_000):\n    x = filter(None, x)\nlist(x)", "died"),
    "the C stack by chains": ("import itertools\nx = []\nfor i in range(200_000):\n    x = itertools.chain(x, [1])\nlist(x)", None),
    "the C stack by hashing": ("x = ()\nfor i in range(500_000):\n    x = (x,)\nhash(x)", None),
    "endless recursion": ("def f(): return f()\nf()", "error"),
    "recursion with a raised limit": ("import sys\nsys.setrecursionlimit(10**9)\ndef f(n): return sorted([n], key=lambda m: f(m + 1))\nf(0)", None),
    "endless output": ("while True: print('x' * 1000)", "time"),
    "a flood of calls": ("while True: budget()", "error"),
    "deep nesting": ("-" * 100_000 + "1", "memory"),
    "a deep literal": ("[" * 5000 + "]" * 5000, "error"),
    "a kill by os": ("import os\nos.kill(1, 9)", "error"),
    "a fork by os": ("import os\nwhile True: os.fork()", "error"),
}  # fmt: skip


@pytest.mark.parametrize("name", RUNAWAYS)
def test_a_runaway_cell_costs_a_cell(name: str) -> None:
    code, kind = RUNAWAYS[name]
    with Bench({"a.txt": b"some text"}, grace=0.4, cell_memory=512 << 20) as bench:
        bench.output("kept = [1, 2]\nlength = len(context)\nreply = llm_query('once')\ndef double(x): return 2 * x")
        began = time.monotonic()
        result = bench.result(code, seconds=0.5 if kind in (None, "time") else 30)
        assert time.monotonic() - began < 60
        assert not result.submitted
        assert result.lost == ()
        if kind is not None:
            assert result.error is not None
            assert result.error.kind == kind, result.error
        after = bench.output("print(kept, length, reply, double(21), len(files))")
        assert after == "[1, 2] 9 reply to once 42 1\n"
        assert len(bench.host.queries) == 1  # a repetition asks no model


FILLERS = {
    "a block at a time": "l = []\nwhile True: l.append(bytearray(1 << 20))",
    "to the last byte": "l = []\nfor size in (1 << 20, 1 << 12, 1 << 6):\n    try:\n        while True: l.append(bytearray(size))\n    except MemoryError:\n        pass",
}  # fmt: skip


@pytest.mark.parametrize("name", FILLERS)
def test_a_cell_that_kept_all_memory_leaves_room_to_answer(name: str) -> None:
    """What it filled stays filled, also after the worker was replaced: a reply that could not be read ended each cell."""
    with Bench({"a.txt": b"some text", "b.txt": b"more"}, grace=0.4, cell_memory=256 << 20) as bench:
        bench.output("kept = [1, 2]")
        bench.result(FILLERS[name])
        assert bench.output("print(kept, llm_query('once'), files['b.txt'][:4])") == "[1, 2] reply to once more\n"
        result = bench.result("x = llm_query('y' * 30_000_000)")  # there and back it is more than there is left
        assert result.error is not None
        assert result.error.kind == "memory"
        result = bench.result("FINAL(kept)")
        assert (result.submitted, result.error, bench.host.submissions) == (True, None, [("final", [1, 2], None)])


BOMBS = {
    "a fork bomb": "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass",
    "a signal to itself": "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
    "a crash": "import ctypes\nctypes.string_at(0)",
    "an abort": "import os\nos.abort()",
    "an exit": "import os\nos._exit(0)",
    "a closed wire": "import os\nos.closerange(3, 64)\nwhile True: pass",
    "a deaf process": "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass",
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_hostile_process_costs_a_cell(name: str) -> None:
    """The same with the language policy out of the way: only the process and its host are left."""
    from tests.escape_runs import children, without_policy

    with without_policy(), Bench({"a.txt": b"some text"}, grace=0.4) as bench:
        session = bench.session
        result = bench.result(BOMBS[name], seconds=0.5)
        assert result.error is not None
        assert result.error.kind in ("died", "time", "error")
        assert children(session) == []
        assert not Path(f"/proc/{session}").exists() or result.error.kind != "died"
        assert bench.output("print(1 + 1)") == "2\n"


def test_what_costs_too_much_in_c_costs_a_cell() -> None:
    """Time, memory or stack inside one call of C code: the next cell finds the variables as they were."""
    spoilt = []
    with Bench({"a.txt": b"some text"}, grace=0.3, cell_memory=512 << 20) as bench:
        bench.output("kept = len(context)")
        for name, code in EXHAUSTION.items():
            result = bench.result(code, seconds=0.3)
            after = bench.result("print(kept)", seconds=20)
            if after.output != "9\n" or (result.error is not None and result.error.kind == "died"):
                spoilt.append((name, result.error, after.error))
    assert spoilt == []


def test_what_a_stopped_cell_had_assigned_is_kept() -> None:
    with Bench() as bench:
        result = bench.result("seen = 0\nwhile True:\n    seen += 1", seconds=0.3)
        assert result.error is not None
        assert (result.error.type, result.error.kind) == ("CellTimeout", "time")
        assert "0.3 seconds" in result.error.message
        assert result.error.line in (2, 3)
        assert int(bench.output("print(seen)")) > 0


def test_the_clock_of_a_cell_stands_still_while_a_model_works() -> None:
    with Bench() as bench:
        bench.host.delay = 0.5
        result = bench.result("x = [llm_query('slow') for _ in range(3)]\nlen(x)", seconds=0.5)
        assert result.error is None
        assert result.output == "3\n"
        assert result.seconds < 0.5


def test_time_is_not_armed_anew_by_each_call() -> None:
    with Bench(grace=0.5) as bench:
        result = bench.result("while True:\n    for i in range(100_000): pass\n    llm_query('again')", seconds=0.4)
        assert result.error is not None
        assert result.error.kind == "time"
        assert result.seconds < 3


def test_a_cancelled_cell_leaves_no_process() -> None:
    with Bench() as bench:
        session = bench.session

        async def cancelled() -> None:
            running = asyncio.create_task(bench.sandbox.run("while True: pass", cell="c", time_limit=60))
            await asyncio.sleep(0.2)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

        bench.run(cancelled())
        assert not Path(f"/proc/{session}").exists()
        assert bench.output("print(1)") == "1\n"


def test_a_repetition_that_goes_another_way_starts_empty_and_says_so() -> None:
    with Bench(grace=0.3) as bench:
        bench.output("import time\nstamp = time.time_ns()\nreply = llm_query(f'at {stamp}')\nother = 1")
        result = bench.result("sum(range(10**15))", seconds=0.3)
        assert result.error is not None
        assert set(result.lost) == {"stamp", "reply", "other"}
        assert "could not be rebuilt" in result.error.message
        assert bench.error("stamp").type == "NameError"
        assert len(bench.host.queries) == 1


def test_a_cell_that_asked_too_often_repeats_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "MOST_CALLS", 5)
    code = "told = 0\nfor _ in range(8):\n    try:\n        budget()\n        told += 1\n    except RuntimeError:\n        pass"
    with Bench(grace=0.3) as bench:
        bench.output(code)
        result = bench.result("sum(range(10**15))", seconds=0.3)
        assert result.lost == ()
        assert bench.output("print(told)") == "5\n"


def test_sets_and_random_numbers_repeat_themselves() -> None:
    with Bench(grace=0.3) as bench:
        code = "import random\nr = [random.random() for _ in range(3)]\norder = list({str(i) for i in range(50)})\nreply = llm_query(str(order) + str(r))"
        bench.output(code)
        before = bench.output("print(r, order)")
        result = bench.result("sum(range(10**15))", seconds=0.3)
        assert result.lost == ()
        assert bench.output("print(r, order)") == before


def test_an_answer_that_was_accepted_stays_accepted_when_the_worker_dies() -> None:
    code = "import collections, itertools\ntry:\n    FINAL('kept')\nfinally:\n    collections.deque(itertools.count(), maxlen=0)"
    with Bench(grace=0.3) as bench:
        result = bench.result(code, seconds=30)
        assert result.submitted
        assert bench.host.submissions == [("final", None, ["kept"])]


def test_closing_ends_the_process_at_once() -> None:
    bench = Bench()
    session = bench.session
    bench.__exit__()
    assert not Path(f"/proc/{session}").exists()


def test_a_truncated_file_costs_a_cell_and_not_the_run() -> None:
    with Bench({"big.txt": b"line of text\n" * 400_000}, grace=0.4) as bench:
        bench.output("kept = len(context)")
        os.truncate(bench.host.files[0].fileno(), 1000)
        result = bench.result("n = context.count('text') + sum(1 for _ in context)")
        assert result.error is None or result.error.kind in ("died", "error")
        assert bench.output("print(kept)") == "5200000\n"


def test_no_descriptor_is_left_behind() -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        with Bench({"a": b"x"}, grace=0.3) as bench:
            bench.output("context")
            bench.result("sum(range(10**15))", seconds=0.1)
    assert len(os.listdir("/proc/self/fd")) <= before


def test_replies_that_are_too_long_to_hand_over_cost_the_call() -> None:
    with Bench() as bench:
        bench.host.reply = lambda text: "é" * 3_000_000  # type: ignore[method-assign]
        error = bench.error("kept = llm_query('one')\nmany = llm_query_batched(['x'] * 5)")
        assert error.type == "ValueError"
        assert "ask for less at once" in error.message
        assert bench.output("print(len(kept))") == "3000000\n"


def test_a_cell_that_is_too_long_is_refused() -> None:
    with Bench() as bench:
        bench.output("kept = 1")
        assert "too long" in bench.error("#" * 70_000_000).message
        assert "too long" in bench.error("#" + "\U0001f600" * 6_000_000).message  # twelve bytes each on the wire
        assert bench.output("print(kept)") == "1\n"
