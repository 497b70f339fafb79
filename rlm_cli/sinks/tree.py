"""The live tree on a terminal: finished turns go up into the scrollback, the running one is redrawn in place."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from rlm_cli.events import CellFinished, NodeFinished, Record
from rlm_cli.sinks import scene, view
from rlm_cli.sinks.cells import cell_lines, output_lines
from rlm_cli.sinks.line import Line, flow
from rlm_cli.sinks.painter import Guard, Painter
from rlm_cli.sinks.ticker import RunClock, Ticker
from rlm_cli.state import State
from rlm_cli.terminal import Output, one_line

FRAME = 0.1  # seconds between frames, at least
STILL = 0.5  # seconds between frames while nothing but the clock changes
WARNINGS_SHOWN = 20


class TreeSink:
    """Draws the run on `output`. `verbose` 1 shows whole cells and their output, 2 each call as it ends."""

    def __init__(
        self,
        output: Output,
        variables: Mapping[str, str],
        *,
        verbose: int = 0,
        air: bool = False,
        ticking: bool = True,
        clock: Callable[[], float] | None = None,
    ) -> None:
        """`air`: an empty line at the end, because the answer follows on the same terminal.

        `ticking` false leaves the redrawing to calls of `draw`: for tests and replays."""
        self.output = output
        self.state = State()
        self._verbose, self._air = verbose, air
        self._clock = RunClock(clock) if clock else RunClock()
        self._lock = threading.RLock()
        self._painter = Painter(output, variables)
        self._guard = Guard(self._painter, self._lock)
        self._above: list[Line] = []  # finished lines that wait for the next frame
        self._headed = False
        self._turns: set[int] = set()  # turns of the root that were committed
        self._warnings = 0
        self._closed = False
        self._ticker = Ticker(self.draw, least=FRAME, most=STILL)
        if ticking:
            self._ticker.start()

    def emit(self, record: Record) -> None:
        with self._lock:
            self._clock.see(record)
            # A node that ends takes its turns with it: they are committed before.
            if isinstance(record.event, NodeFinished) and record.event.node == "0":
                self.state.apply(record)
                self._commit_turn()
            else:
                self._before(record.event)
                self.state.apply(record)
            self._after(record.event)
        self._ticker.wake()

    def draw(self) -> None:
        """One frame, if anything changed and the terminal is ours."""
        with self._lock:
            if self._closed or not self.output.in_foreground():
                return
            columns, rows = self.output.size()
            lines = scene.view(self.state, columns, rows, self._clock.now(), self.output.glyphs)
            self._painter.paint(lines, self._take_above())

    def close(self) -> None:
        """Fold the tree into its summary and give the terminal back."""
        self._ticker.stop()
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._commit_header()
            self._commit_turn(unfinished=True)
            columns, _ = self.output.size()
            if self.state.run is not None:
                self._above += view.summary(self.state, columns, self._now(), self.output.glyphs)
                self._above += [Line()] if self._air else []
            self._painter.finish(self._take_above())
            self._guard.close()

    # --- what goes up into the scrollback

    def _before(self, event: Any) -> None:
        if event.type == "turn.started" and event.node == "0":
            self._commit_header()
            self._commit_turn()

    def _after(self, event: Any) -> None:
        if event.type == "input.opened":
            self._commit_header()
        elif event.type == "turn.finished" and event.node == "0":
            self._commit_turn()
        elif event.type == "run.resumed":
            sign, root = self.output.glyphs.recalled, self.state.root
            if root is not None and root.turn is not None and root.turn.ended is None:
                self._turns.discard(root.turn.number)  # it goes on, and is told once more when it is done
            self._above.append(Line.of((f"{sign} {view.resumed_text(self.state)}", "dim")))
        elif event.type == "strategy.chosen" and (text := view.strategy_text(event)):
            self._above.append(Line.of((text, "dim")))
        self._commit_warnings()
        if self._verbose:
            self._commit_details(event)

    def _commit_header(self) -> None:
        if not self._headed and self.state.run is not None:
            self._headed = True
            columns, _ = self.output.size()
            self._above += view.header(self.state, columns, self.output.glyphs)

    def _commit_turn(self, *, unfinished: bool = False) -> None:
        root = self.state.root
        turn = root.turn if root else None
        if root is None or turn is None or turn.number in self._turns or (turn.ended is None and not unfinished):
            return
        if turn.cells or turn.totals.calls:
            self._turns.add(turn.number)
            columns, _ = self.output.size()
            self._above.append(view.turn_line(self.state, root, turn, columns, self.output.glyphs))

    def _commit_warnings(self) -> None:
        new = self.state.warnings[self._warnings : WARNINGS_SHOWN]
        self._warnings = max(self._warnings, len(self.state.warnings))
        for message in new:
            sign = Line.of((f"{self.output.glyphs.warning} ", "magenta"))
            words = [Line.of(word) for word in one_line(message, 500).split()]
            lines = flow(words, self.output.size()[0] - 3, " ")
            self._above += [(Line.of("  ") if index else sign) + line for index, line in enumerate(lines)]

    def _commit_details(self, event: Any) -> None:
        if event.type == "cell.started":
            path = event.node.partition(".")[2]
            where = f"{one_line(path, 40)}/{event.turn}" if path else str(event.turn)
            self._above += cell_lines(event.code, where, self.output)
        elif isinstance(event, CellFinished):
            self._above += output_lines(event, self.output.glyphs)
        elif self._verbose > 1 and event.type in ("call.finished", "call.failed", "call.retried"):
            self._above.append(Line.of((f"  {one_line(_call_text(event), 200)}", "dim")))

    def _now(self) -> float:
        return self.state.t if self.state.over else self._clock.now()

    def _take_above(self) -> str:
        text = "".join(line.render(self.output.colour) + "\n" for line in self._above)
        self._above.clear()
        return text


def _call_text(event: Any) -> str:
    if event.type == "call.finished":
        recalled = ", recalled" if event.memo else ""
        return f"{event.call} done: {event.input_tokens} in, {event.output_tokens} out, {event.seconds:.1f}s{recalled}"
    if event.type == "call.failed":
        return f"{event.call} failed: {event.error}: {event.message}"
    return f"{event.call} tried again in {event.wait:.1f}s: {event.reason}"
