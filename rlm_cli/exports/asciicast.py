"""A recording of the live tree, in version 2 of asciinema's format: drawn by the sink that draws it for real."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime

from rlm_cli.events import Record, RunStarted
from rlm_cli.exports import Choices, Source
from rlm_cli.sinks.answer import Place, rendered
from rlm_cli.sinks.playing import Sheet, frames
from rlm_cli.sinks.report import Report
from rlm_cli.state import State
from rlm_cli.terminal import Environment, one_line

_READ = 4.0  # seconds that the answer stands at the end


def export(source: Source, choices: Choices) -> Iterator[bytes]:
    """A header, then one line for each time that something is written."""
    header: dict[str, object] = {
        "version": 2,
        "width": choices.columns,
        "height": choices.rows,
        "env": {"TERM": "xterm-256color"},
    }
    first = next(iter(source.records()), None)
    if first is not None:
        header["timestamp"] = _seconds(first.at)
        if isinstance(first.event, RunStarted):
            header["title"] = f"rlm: {one_line(first.event.question, 100)}"
    yield _line(header)
    state, at = State(), 0.0
    for at, text in frames(_folded(source, state), choices.columns, choices.rows):
        yield _line([at, "o", text])
    if state.answer is not None:
        sheet = Sheet(file=None, tty=True, colour=True, columns=choices.columns, rows=choices.rows)
        report = Report.of(state, exit_code=0)
        text = "\r\n" + rendered(report, Place(Environment(sheet, sheet), "never")).replace("\n", "\r\n")
        yield _line([at + 0.5, "o", text])
        yield _line([at + 0.5 + _READ, "o", ""])


def _folded(source: Source, state: State) -> Iterator[Record]:
    for record in source.records():
        state.apply(record)
        yield record


def _line(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode("ascii") + b"\n"


def _seconds(at: str) -> int:
    try:
        return int(datetime.fromisoformat(at).timestamp())
    except ValueError:
        return 0
