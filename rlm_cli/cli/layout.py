"""Plain aligned text for help: tables of two columns, at most 79 columns wide.

No boxes and no colour: the same bytes on a terminal, in a pipe and in CI, where Typer's own help changes its looks.
"""

from __future__ import annotations

import re
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence

from rlm_cli.errors import ExitStatus

WIDTH = 79
_LABEL = 22  # columns of a label; a longer one gets a line of its own
Row = tuple[str, str]


def table(heading: str, rows: Iterable[Row], *, column: int | None = None) -> str:
    """Rows in two columns under a heading, the second beginning at `column`. Empty without rows."""
    rows, limit = list(rows), width()
    if not rows:
        return ""
    column = column or column_of(rows)
    lines = [heading] if heading else []
    for name, text in rows:
        wrapped = textwrap.wrap(text, limit - column, break_on_hyphens=False, break_long_words=False) or [""]
        if len(name) + 4 > column:
            lines.append(f"  {name}")
        else:
            lines.append(f"  {name}".ljust(column) + wrapped.pop(0))
        lines += [" " * column + more for more in wrapped]
    return "\n".join(line.rstrip() for line in lines)


def column_of(rows: Sequence[Row]) -> int:
    """Where the second column begins: after the labels, but for the few that are longer than most."""
    return min(max(len(name) for name, _ in rows), _LABEL, width() // 2) + 4


def status_table() -> str:
    """Every exit status of this program."""
    return table("Exit status", [(str(int(status)).rjust(3), status.meaning) for status in ExitStatus])


def prose(text: str) -> str:
    """Paragraphs, filled."""
    paragraphs = [" ".join(item.split()) for item in text.split("\n\n")]
    return "\n\n".join(textwrap.fill(item, width(), break_on_hyphens=False) for item in paragraphs)


def examples(text: str | None) -> str:
    """Command lines under their heading; empty without any."""
    if not text:
        return ""
    lines = textwrap.dedent(text).strip("\n").splitlines()
    return "Examples\n" + "\n".join("  " + part for line in lines for part in _example(line, width() - 2))


def _example(line: str, limit: int) -> list[str]:
    """A command line and what is said about it. Where they do not fit, that goes below, and the command is broken as a
    shell allows it."""
    if len(line) <= limit:
        return [line]
    command, remark = (*re.split(r"\s{3,}", line, maxsplit=1), "")[:2]
    lines = [""]
    for word in re.findall(r"""(?:"[^"]*"|'[^']*'|\S)+""", command):
        if lines[-1] and len(lines[-1]) + len(word) + 3 > limit:
            lines[-1] += " \\"
            lines.append(f"    {word}")
        else:
            lines[-1] += f" {word}" if lines[-1] else word
    return lines + [f"    {part}" for part in textwrap.wrap(remark, limit - 4)]


def width() -> int:
    """79 columns, less only on a terminal that is narrower."""
    if sys.stdout is not None and sys.stdout.isatty():
        return max(40, min(WIDTH, shutil.get_terminal_size().columns - 1))
    return WIDTH
