"""What is kept of a run, and what it saves: the record, going on after a kill, the end by Ctrl-C."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from tests.bench.compare import inputs
from tests.bench.compare.asking import ANSWER, QUESTION, Asked, Bench, answering, prompts
from tests.bench.compare.process import Failed, kill, run
from tests.bench.compare.programs import Job, Program, Unsupported
from tests.bench.compare.programs.rlm import Rlm
from tests.bench.compare.rows import Bar, Contestant, Figures


class Record:
    """The record of a run is read by people and programs, and paid for in disk: by turn, not by turns squared."""

    name = "record"
    title = "bytes of record of 100 turns"
    about = (
        "A run over 1 MB with 100 turns of `print(n)`; every file that it leaves, where the program can keep a record."
    )
    rounds = 1
    bars = ()

    def contestants(self, bench: Bench) -> Sequence[Contestant]:
        file, turns = inputs.log(bench.place, 1_000_000), bench.sized(100, 5)

        def kept(program: Program) -> Figures:
            cells = [f"print({program.look})", *(f"print({n})" for n in range(turns)), answering(program, "1")]
            found: dict[str, float] = {}

            def look(asked: Asked) -> None:
                files = [one for one in asked.home.rglob("*") if one.is_file() and one.suffix in (".jsonl", ".json")]
                if program.name == "rlm":
                    files = [one for one in files if "runs" in one.parts or one.suffix == ".jsonl"]
                said = asked.heard.sent
                found["record kB"] = sum(one.stat().st_size for one in files) / 1e3
                found["replies kB"] = said / 1e3

            bench.ask(program, cells, Job("", bench.place, file, QUESTION, turns=turns + 3, log=True), look=look)
            if not found["record kB"]:
                raise Unsupported("keeps no record on disk")
            return found

        return [Contestant(one.name, lambda one=one: kept(one)) for one in bench.programs]


class Resume:
    """A machine goes down in the middle of a paid batch."""

    name = "resume"
    title = "calls paid for, of 200, after a kill at half"
    about = (
        "A batch of 200 sub-calls of 0.2 s; SIGKILL when 100 were asked for. Then `rlm resume`; the others have no resume, "
        "so they run the same command again in the same HOME, with what they cache there. Ideal: 200 and those under way."
    )
    rounds = 1
    bars = (Bar("calls paid calls", 1.1, "ideal"),)

    def contestants(self, bench: Bench) -> Sequence[Contestant]:
        file, calls = inputs.log(bench.place, 1_000_000), bench.sized(200, 20)

        def again(program: Program) -> Figures:
            cells = [
                f"print({program.look})\nfound = {program.batch(prompts(calls))}\nprint(len(found))",
                answering(program, "sum('ok' in str(one) for one in found)"),
            ]
            with bench.home() as (home, environment):
                url, heard = bench.script(program, cells, latency=0.2)
                command = program.command(Job(url, home, file, QUESTION, calls=calls, width=16, log=True))
                dead = killed_at(calls // 2, lambda: heard().leaves)
                run(command, environment=environment, cwd=home, watch=dead, statuses=(-signal.SIGKILL,))
                first, began = heard().leaves, time.monotonic()
                second = program.resume() if isinstance(program, Rlm) else command
                run(second, environment=environment, cwd=home, expected=ANSWER + str(calls))
                return {
                    "calls paid calls": heard().leaves,
                    "before the kill calls": first,
                    "second run s": time.monotonic() - began,
                }

        programs = [Contestant(one.name, lambda one=one: again(one)) for one in bench.programs]
        return [*programs, Contestant("ideal", lambda: {"calls paid calls": calls})]


def killed_at(count: int, counted: Callable[[], int]) -> Callable[[int, float], None]:
    """A watch that kills the whole tree once `counted` has come to `count`."""
    asked = 0.0

    def watch(pid: int, seconds: float) -> None:
        nonlocal asked
        if seconds - asked > 0.05:
            asked = seconds
            if counted() >= count:
                kill(pid)

    return watch


class Interrupt:
    """Ctrl-C while everything waits for a model that takes long."""

    name = "interrupt"
    title = "Ctrl-C to the end of the process"
    about = "While a batch of sub-calls waits for replies that take 30 s; a terminal's Ctrl-C reaches all processes of the group."
    rounds = 3
    bars = (Bar("time s", 1.0),)

    def contestants(self, bench: Bench) -> Sequence[Contestant]:
        file = inputs.log(bench.place, 1_000_000)

        def interrupted(program: Program) -> Figures:
            cells = [f"print({program.look})\nfound = {program.batch(prompts(16))}", answering(program, "1")]
            sent = 0.0

            with bench.home() as (home, environment):
                url, heard = bench.script(program, cells, latency=30.0)

                def watch(pid: int, seconds: float) -> None:
                    nonlocal sent
                    if not sent and heard().open >= 5:
                        sent = time.monotonic()
                        with suppress(OSError):
                            os.killpg(pid, signal.SIGINT)
                    elif sent and time.monotonic() - sent > 20:
                        raise Failed("had not ended 20 s after Ctrl-C")

                command = program.command(Job(url, home, file, QUESTION, calls=16, width=16, log=True))
                ran = run(command, environment=environment, cwd=home, watch=watch, statuses=None, timeout=60)
                if not sent:
                    raise Failed(f"ended before it had five calls under way: exit {ran.status}")
                return {
                    "time s": ran.began + ran.seconds - sent,
                    "exit status": ran.status if ran.status >= 0 else 128 - ran.status,
                }

        return [Contestant(one.name, lambda one=one: interrupted(one)) for one in bench.programs]
