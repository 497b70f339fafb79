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


def columns(rows: Sequence[Sequence[str]], *, gap: int = 2, right: Sequence[int] = ()) -> str:
    """Rows in aligned columns; the last is as wide as it is. `right` names columns that are aligned to the right."""
    from rich.cells import cell_len

    if not rows:
        return ""
    cleaned = [[clean(cell).replace("\n", " ") for cell in row] for row in rows]
    widths = [max(cell_len(row[place]) for row in cleaned) for place in range(len(rows[0]))]
    lines = []
    for row in cleaned:
        cells = []
        for place, cell in enumerate(row):
            room = " " * (widths[place] - cell_len(cell))
            cells.append(room + cell if place in right else cell + room)
        lines.append((" " * gap).join(cells).rstrip())
    return "\n".join(lines)
