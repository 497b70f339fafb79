"""The terminal: what help costs beside a bare Python, and what the live tree costs while 500 children are alive.

Run by `make bench-terminal`. Ratios and shares of a core, each against a baseline of the same minute.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable

from rlm_cli.sinks.scene import view
from rlm_cli.sinks.tree import FRAME, TreeSink
from rlm_cli.state import State
from tests.events_sample import Script, asking
from tests.screens import window

ROUNDS = 15
FRAMES = 300
HELP, SHARE = 8.0, 0.03  # times a bare Python; of a core


def wall(words: list[str]) -> float:
    """Seconds of a process, the median of several."""
    took = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        subprocess.run([sys.executable, *words], stdout=subprocess.DEVNULL, check=True)
        took.append(time.perf_counter() - start)
    return statistics.median(took)


def busy(act: Callable[[int], None], times: int) -> float:
    """Seconds of processor time that one call takes."""
    start = time.process_time()
    for number in range(times):
        act(number)
    return (time.process_time() - start) / times


def children(count: int) -> Script:
    """So many children alive, each in a batch of its own."""
    script = Script().question("which modules disagree with the protocol")
    script.begin_turn().begin_cell("give each part to a child").batch(count, recursive=True, site=6)
    for number in range(1, count + 1):
        child = f"0.{number}"
        script.child(child, f"what does part {number} promise").begin_turn(child).begin_cell("read it", child)
        script.fan_out(4, done=1, running=2, node=child)
    return script


def told(name: str, value: str, limit: str = "") -> None:
    print(f"{name:<58} {value:>12}  {limit}".rstrip())


def processes() -> None:
    bare = wall(["-c", "pass"])
    told("python -c pass", f"{bare * 1000:.0f} ms")
    for words in (["--help"], ["ask", "-h"], ["--version"]):
        ratio = wall(["-m", "rlm_cli", *words]) / bare
        told(f"rlm {' '.join(words)}", f"{ratio:.1f} x", f"at most {HELP:g} x")


def frames(name: str, script: Script) -> None:
    """A frame made, and made and painted on a terminal of 120 by 40 while the clock goes on."""
    state = State()
    for record in script.records:
        state.apply(record)
    made = busy(lambda number: consume(view(state, 120, 40, script.t + number / 10)), FRAMES)
    hand = [script.t]
    sink = TreeSink(window(120, 40, colour=True, paper=False), {}, ticking=False, clock=lambda: hand[0])
    for record in script.records:
        sink.emit(record)

    def draw(_: int) -> None:
        hand[0] += FRAME
        sink.draw()

    drawn = busy(draw, FRAMES)
    sink.close()
    told(f"{name}: a frame made", f"{made * 1e3:.2f} ms")
    told(f"{name}: share of a core at {1 / FRAME:.0f} frames a second", f"{drawn / FRAME:.2%}", f"at most {SHARE:.0%}")


def consume(lines: object) -> None:
    """What the compiler of a later Python must not leave out."""
    assert lines


def main() -> None:
    processes()
    frames("10 calls", asking(total=10, done=4, failed=0, running=6))
    frames("10,000 calls", asking(total=10_000, done=6_000, failed=40, running=16))
    frames("500 children", children(500))
    script = asking(total=10_000, done=9_000, failed=0, running=16)
    state = State()
    took = busy(lambda _: [state.apply(record) for record in script.records] and None, 1) / len(script.records)
    told("an event folded", f"{took * 1e6:.1f} µs")


if __name__ == "__main__":
    main()
