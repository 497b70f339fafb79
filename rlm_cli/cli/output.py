"""What commands other than `ask` print: results on stdout, remarks on stderr, foreign text made inert."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from rlm_cli.terminal import Environment, clean


def say(text: str) -> None:
    """Our own text and a line end, on stdout. Raises BrokenPipeError or OutputError."""
    Environment.of_process().stdout.write(clean(text) + "\n")


def say_json(value: Any) -> None:
    """One JSON value on one line, on stdout."""
    Environment.of_process().stdout.write(json.dumps(value, separators=(",", ":"), default=str) + "\n")


def remark(text: str) -> None:
    """One line for the person, on stderr, which may be lost."""
    Environment.of_process().stderr.line(f"rlm: {clean(text)}")


def columns(rows: Sequence[Sequence[str]], *, gap: int = 2, right: Sequence[int] = (), fit: bool = False) -> str:
    """Rows in aligned columns; the last is as wide as it is. `right` names columns that are aligned to the right.

    `fit` cuts lines that would be wider than the terminal; a pipe gets them whole.
    """
    from rlm_cli.sinks.line import Line, width

    if not rows:
        return ""
    cleaned = [[clean(cell).replace("\n", " ") for cell in row] for row in rows]
    widths = [max(width(row[place]) for row in cleaned) for place in range(len(rows[0]))]
    stdout = Environment.of_process().stdout
    most = stdout.size()[0] - 1 if fit and stdout.tty else None
    lines = []
    for row in cleaned:
        cells = []
        for place, cell in enumerate(row):
            room = " " * (widths[place] - width(cell))
            cells.append(room + cell if place in right else cell + room)
        line = (" " * gap).join(cells).rstrip()
        lines.append(line if most is None else Line.of(line).cut(most, stdout.glyphs.ellipsis).text)
    return "\n".join(lines)
