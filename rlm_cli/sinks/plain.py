"""Plain lines: what is shown where nothing may move (a pipe, a CI log, a screen reader). Only ever appended to.

At least one line every 30 seconds, because CI ends jobs that are silent, and under 200 lines for any run, because
nobody reads more: the longer a run gets, the further apart its lines are.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from rlm_cli import figures
from rlm_cli.events import Record
from rlm_cli.nodes import Group, Turn
from rlm_cli.sinks import view
from rlm_cli.sinks.ticker import RunClock, Ticker
from rlm_cli.sinks.trust import coverage_text, doubts
from rlm_cli.state import State
from rlm_cli.terminal import Output, clean, inert, one_line

HEARTBEAT = 28.0  # seconds; looked at once a second, so never more than 30
BATCH_PAUSE = 5.0  # seconds between two lines about the same batch
CODE_LINES = 40
# Lines so far → seconds that the next one waits at least. 40 lines are free, 100 last for half an hour or more.
_PACE = ((40, 0.0), (100, HEARTBEAT), (140, 300.0), (165, 1800.0), (180, 10_800.0))
_WARNINGS = 10


class PlainSink:
    """Writes `[mm:ss] what happened` to `output`. `neutral` takes out the commands that a GitHub runner would obey."""

    def __init__(
        self,
        output: Output,
        *,
        verbose: int = 0,
        neutral: bool = False,
        ticking: bool = True,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.output = output
        self.state = State()
        self._verbose, self._neutral = verbose, neutral
        self._clock = RunClock(clock) if clock else RunClock()
        self._lock = threading.RLock()
        self._lines = 0
        self._last = 0.0
        self._reading = False
        self._warnings = 0
        self._told: dict[str, tuple[float, int]] = {}  # batch of the present turn → when and at how many it was told
        self._turn_told = 0
        self._ticker = Ticker(self.tick, least=1.0, most=1.0)
        if ticking:
            self._ticker.start()

    def emit(self, record: Record) -> None:
        with self._lock:
            self._clock.see(record)
            root = self.state.root
            before = root.turn if root else None
            self.state.apply(record)
            self._tell(record.event, before)

    def tick(self) -> None:
        """Say that it still works, if nothing was said for long."""
        with self._lock:
            now = self._clock.now()
            if self.state.run is not None and not self.state.over and now - self._last >= max(HEARTBEAT, self._pause()):
                self._say(f"still working: {self._progress()}", now)

    def close(self) -> None:
        self._ticker.stop()
        with self._lock:
            if self.state.run is None:
                return
            for hit in self.state.limits_hit[-2:]:
                self._say(one_line(hit.message, 300))
            now = self.state.t if self.state.over else self._clock.now()
            status = view.stopped(self.state) or "stopped"
            self._say(f"{status}: {', '.join(view.sums_texts(self.state, now)[:-1])}", now)
            answer = self.state.answer
            if answer is not None and answer.status != "failed":
                for text in filter(None, [*doubts(answer.checks), coverage_text(answer.coverage)]):
                    self._say(text)
            if view.resumable(self.state):
                self._say(view.go_on(self.state), now)

    # --- what is worth a line

    def _tell(self, event: Any, before: Turn | None) -> None:
        kind = event.type
        if kind == "run.started":
            self._say(f"rlm {view.short_run(event.run)}: {one_line(event.question, 300)}")
            models = view.models_text(self.state, "and")
            self._say("; ".join(filter(None, (f"models {models}", view.limits_text(self.state)))))
        elif kind == "run.resumed":
            if before is not None and before.ended is None:
                self._turn_told = min(self._turn_told, before.number - 1)  # it goes on, and is told when it is done
            self._say(view.resumed_text(self.state))
        elif kind == "strategy.chosen" and (text := view.strategy_text(event)):
            self._say(text)
        elif kind == "input.progress":
            if not self._reading or self._may(10.0):
                self._reading = True
                self._say(view.reading_text(self.state))
        elif kind == "input.opened":
            self._say(self._input())
        elif kind in ("warned", "input.changed", "sandbox.lost"):
            self._warn()
        elif kind == "turn.started" and event.node == "0":
            self._turn_done(before)
            self._told.clear()
        elif (kind == "turn.finished" and event.node == "0") or kind == "answer.given":
            self._turn_done(self.state.root.turn if self.state.root else None)
        elif kind in ("call.finished", "call.failed", "node.finished"):
            self._batches()
        if self._verbose and kind in ("cell.started", "cell.finished"):
            self._cell(event)

    def _input(self) -> str:
        found = self.state.input
        assert found is not None
        text = f"{view.sources_text(self.state)}: {figures.plural(found.files, 'file')}, {figures.size(found.bytes)}"
        return text + (f"; {view.skipped_text(self.state)}" if found.skipped else "")

    def _warn(self) -> None:
        while self._warnings < len(self.state.warnings):
            message = self.state.warnings[self._warnings]
            self._warnings += 1
            if self._warnings <= _WARNINGS:
                self._say(f"warning: {one_line(message, 500)}")
            elif self._warnings == _WARNINGS + 1:
                self._say("more warnings are in the record of the run")

    def _turn_done(self, turn: Turn | None) -> None:
        if turn is None or turn.number <= self._turn_told or not turn.cells:
            return
        if not self._may():
            return  # the next line that may be written says how far the run is
        self._turn_told = turn.number
        how = "done" if turn.cell and turn.cell.ended is not None else "stopped"
        texts = [f"turn {turn.number} {how}: {one_line(turn.title, 120) or 'no code'}"]
        if groups := [group for group in turn.groups.values() if group.ended or group.unfinished]:
            texts.append(view.tally_text(groups, "sub-call", "sub-calls"))
        if failed := sum(group.failed for group in groups):
            texts.append(f"{figures.number(failed)} failed")
        if turn.error:
            texts.append(view.error_text(turn.error))
        if turn.totals.cost > 0:
            texts.append(figures.money(turn.totals.cost))
        self._say(", ".join(texts))

    def _batches(self) -> None:
        """How far the batches of the present turn are: at quarters, or after some seconds."""
        root = self.state.root
        turn = root.turn if root else None
        if turn is None or turn.ended is not None:
            return
        now = self._clock.now()
        for (cell, site, recursive), group in turn.groups.items():
            if group.size < 2:
                continue
            key = f"{cell}:{site}:{recursive}"
            when, ended = self._told.setdefault(key, (now, 0))
            quarter = group.total is not None and (group.ended - ended) * 4 >= group.total
            if (now - when >= BATCH_PAUSE or quarter) and group.ended < group.size and self._may(BATCH_PAUSE):
                self._told[key] = (now, group.ended)
                self._say(f"turn {turn.number}: {self._batch(group)}", now)

    def _batch(self, group: Group) -> str:
        noun = ("child", "children") if group.recursive else ("sub-call", "sub-calls")
        if group.total is None:  # a loop that asks one after another: nobody knows how many will come
            text = f"{figures.plural(group.ended, *noun)} done"
        else:
            text = f"{figures.number(group.ended)} of {figures.plural(group.size, *noun)} done"
        if group.failed:
            text += f", {figures.number(group.failed)} failed"
        return text + (f", {figures.money(group.totals.cost)}" if group.totals.cost > 0 else "")

    def _progress(self) -> str:
        root = self.state.root
        turn = root.turn if root else None
        if turn is None:
            return "opening the input" if self.state.input is None else "starting"
        texts = [f"turn {turn.number}"]
        texts += [self._batch(group) for group in list(turn.groups.values())[-1:] if group.in_flight]
        if turn.asking is not None:
            texts.append(f"waiting for {view.short_model(turn.asking.model)}")
        texts.append(view.calls_text(self.state.totals))
        texts.append(view.cost_text(self.state))
        return ", ".join(texts)

    def _cell(self, event: Any) -> None:
        """With -v: the cell, or what it printed. The user has asked for it: these lines are not counted."""
        text = event.code if event.type == "cell.started" else event.output
        mark = "    " if event.type == "cell.started" else "  > "
        lines = clean(text).expandtabs(4).splitlines()
        shown = lines[:CODE_LINES] + ([f"... {len(lines) - CODE_LINES} more lines"] if len(lines) > CODE_LINES else [])
        for line in shown:
            self._write(mark + line)
        if event.type == "cell.finished" and event.error:
            self._write(mark + view.error_text(event.error))

    # --- writing

    def _pause(self) -> float:
        """Seconds that the next line has to wait after the last."""
        return next((pause for lines, pause in _PACE if self._lines < lines), float("inf"))

    def _may(self, least: float = 0.0) -> bool:
        pause = self._pause()
        return (pause == 0.0 and not least) or self._clock.now() - self._last >= max(pause, least)

    def _say(self, text: str, now: float | None = None) -> None:
        now = self._clock.now() if now is None else now
        self._lines += 1
        self._last = now
        self._write(f"[{figures.clock(now)}] {text}")

    def _write(self, line: str) -> None:
        self.output.line(inert(line) if self._neutral else line)
