"""A recorded run drawn again by the sinks that drew it, in its own time or faster."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from rlm_cli.events import Record
from rlm_cli.sinks import Sink
from rlm_cli.sinks.plain import PlainSink
from rlm_cli.sinks.tree import FRAME, STILL, TreeSink
from rlm_cli.terminal import Environment, Output

LONGEST = 3.0  # seconds on the screen in which nothing comes: longer ones are cut to this


def play(records: Iterable[Record], environment: Environment, *, speed: float, verbose: int = 0) -> None:
    """Draw `records` on stderr, `speed` times as fast as they came."""
    clock = _Clock(speed)
    stderr = environment.stderr
    sink: Sink
    if environment.motion:
        sink = TreeSink(stderr, environment.variables, verbose=verbose, air=environment.stdout.tty, clock=clock.now)
    else:
        sink = PlainSink(stderr, verbose=verbose, neutral=environment.in_github, clock=clock.now)
    last: float | None = None
    try:
        for record in records:
            wait = 0.0 if last is None else min(LONGEST, max(0.0, record.t - last) / speed)
            last = record.t
            if wait:
                time.sleep(wait)
            sink.emit(record)
    finally:
        sink.close()


class _Clock:
    """Seconds that go `speed` times as fast."""

    def __init__(self, speed: float) -> None:
        self._speed = speed

    def now(self) -> float:
        return time.monotonic() * self._speed


@dataclass(slots=True)
class Sheet(Output):
    """A terminal of a fixed size that keeps what is written to it."""

    columns: int = 100
    rows: int = 30
    written: list[str] = field(default_factory=list)

    def write(self, text: str) -> None:
        self.written.append(text)

    def size(self) -> tuple[int, int]:
        return self.columns, self.rows

    def in_foreground(self) -> bool:
        return True

    def take(self) -> str:
        """What was written since the last `take`."""
        text = "".join(self.written)
        self.written.clear()
        return text


def frames(
    records: Iterable[Record], columns: int, rows: int, *, longest: float = LONGEST
) -> Iterator[tuple[float, str]]:
    """What the tree would write on a terminal of that size: (seconds since the start, text). No waiting."""
    sheet = Sheet(file=None, tty=True, colour=True, columns=columns, rows=rows)
    hand = _Hand()
    sink = TreeSink(sheet, {}, ticking=False, clock=hand.read)
    start: float | None = None
    cut = drawn = 0.0  # seconds that were cut out so far; when the last frame was drawn

    def draw(at: float) -> Iterator[tuple[float, str]]:
        hand.t = at
        sink.draw()
        if text := sheet.take():
            yield round(max(0.0, at - (start or 0.0) - cut), 6), text

    for record in records:
        start = record.t if start is None else start
        gap = record.t - hand.t
        if gap > longest:
            cut += gap - longest
            hand.t = drawn = record.t - longest
        while drawn + STILL < record.t:  # what moves while nothing comes
            drawn += STILL
            yield from draw(drawn)
        hand.t = record.t
        sink.emit(record)
        if record.t - drawn >= FRAME:
            drawn = record.t
            yield from draw(drawn)
    sink.close()
    if text := sheet.take():
        yield round(max(0.0, hand.t - (start or 0.0) - cut), 6), text


@dataclass(slots=True)
class _Hand:
    """A clock that is set by hand."""

    t: float = 0.0

    def read(self) -> float:
        return self.t
