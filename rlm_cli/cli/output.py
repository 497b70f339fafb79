"""What commands other than `ask` print: results on stdout, remarks on stderr, foreign text made inert."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from typing import Any

from rlm_cli.terminal import Environment, clean

_GAP = 2  # columns between columns
_LEAST = 20  # columns below which text is not folded


def say(text: str) -> None:
    """Our own text and a line end, on stdout. Raises BrokenPipeError or OutputError."""
    Environment.of_process().stdout.write(clean(text) + "\n")


def say_json(value: Any) -> None:
    """One JSON value on one line, on stdout."""
    Environment.of_process().stdout.write(json.dumps(value, separators=(",", ":"), default=str) + "\n")


def remark(text: str) -> None:
    """One line for the person, on stderr, which may be lost."""
    Environment.of_process().stderr.remark(text)


def columns(rows: Sequence[Sequence[str]], *, right: Sequence[int] = (), cut: bool = False) -> str:
    """Rows in aligned columns; `right` names those that are aligned to the right.

    On a terminal the last column is folded where it is too long, or `cut`. A pipe gets each row on one line, whole.
    """
    from rlm_cli.sinks.line import Line, width

    if not rows:
        return ""
    cleaned = [[clean(cell).replace("\n", " ") for cell in row] for row in rows]
    widths = [max(width(row[place]) for row in cleaned) for place in range(len(rows[0]))]
    stdout = Environment.of_process().stdout
    most = stdout.size()[0] - 1 if stdout.tty else None
    start = sum(widths[:-1]) + _GAP * (len(widths) - 1)
    lines: list[str] = []
    for row in cleaned:
        padding = [" " * (wide - width(cell)) for wide, cell in zip(widths, row, strict=True)]
        cells = [pad + cell if place in right else cell + pad
                 for place, (pad, cell) in enumerate(zip(padding, row, strict=True))]  # fmt: skip
        line = (" " * _GAP).join(cells).rstrip()
        if most is None or width(line) <= most:
            lines.append(line)
        elif cut or most - start < _LEAST:
            lines.append(Line.of(line).cut(most, stdout.glyphs.ellipsis).text if cut else line)
        else:
            first, *more = textwrap.wrap(row[-1], most - start, break_long_words=False, break_on_hyphens=False)
            head = (" " * _GAP).join(cells[:-1])
            lines += [f"{head}{' ' * _GAP}{first}", *(" " * start + text for text in more)]
    return "\n".join(lines)
