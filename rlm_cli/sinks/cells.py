"""Whole cells and their output, for -v: coloured where the terminal has colour."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rlm_cli import figures
from rlm_cli.events import CellFinished
from rlm_cli.sinks.line import Line
from rlm_cli.terminal import Glyphs, Output, clean, one_line

if TYPE_CHECKING:
    from rich.syntax import SyntaxTheme

CODE_LINES = 40
OUTPUT_LINES = 20  # from the head, and as many from the tail


def cell_lines(code: str, place: str, output: Output) -> list[Line]:
    """The cell under a rule that names its turn, at most 40 lines."""
    lines = clean(code).expandtabs(4).splitlines()
    shown = lines[:CODE_LINES]
    coloured = _highlight("\n".join(shown)) if output.colour else [Line.of(line) for line in shown]
    result = [Line.of((f"{output.glyphs.gutter} ", "dim"), (f"turn {place}", "bold"))]
    result += [Line.of((f"{output.glyphs.gutter} ", "dim"), "  ") + line for line in coloured]
    if len(lines) > len(shown):
        more = figures.plural(len(lines) - len(shown), "more line")
        result.append(Line.of((f"{output.glyphs.gutter}   {output.glyphs.ellipsis} {more}", "dim")))
    return result


def output_lines(event: CellFinished, glyphs: Glyphs) -> list[Line]:
    """What the cell printed, head and tail, and its error."""
    lines = clean(event.output).expandtabs(4).splitlines()
    if len(lines) > 2 * OUTPUT_LINES + 1:
        cut = figures.plural(len(lines) - 2 * OUTPUT_LINES, "more line")
        lines = [*lines[:OUTPUT_LINES], f"{glyphs.ellipsis} {cut}", *lines[-OUTPUT_LINES:]]
    result = [Line.of((f"{glyphs.gutter} {glyphs.gives} ", "dim"), line) for line in lines]
    if event.error:
        text = one_line(f"{event.error.get('type', 'error')}: {event.error.get('message', '')}", 500)
        result.append(Line.of((f"{glyphs.gutter} {glyphs.failed} ", "red"), (text, "red")))
    return result


# Token types of pygments; what is not here keeps the terminal's own colour.
_COLOURS = {
    ("Comment",): "dim",
    ("Keyword",): "magenta",
    ("Operator", "Word"): "magenta",
    ("Literal", "String"): "green",
    ("Literal", "Number"): "cyan",
    ("Name", "Function"): "cyan",
    ("Name", "Builtin"): "cyan",
}


def syntax_theme() -> SyntaxTheme:
    """The colours of code, for Rich."""
    from rich.style import Style  # late: only -v and Markdown on a coloured terminal need these
    from rich.syntax import ANSISyntaxTheme

    return ANSISyntaxTheme({kind: Style.parse(name) for kind, name in _COLOURS.items()})


def _highlight(code: str) -> list[Line]:
    """Python in the colours that we use everywhere."""
    from rich.style import Style
    from rich.syntax import Syntax

    names = {Style.parse(name): name for name in _COLOURS.values()}
    text = Syntax("", "python", theme=syntax_theme()).highlight(code)
    lines: list[list[tuple[str, str]]] = [[]]
    end = 0
    for span in [*text.spans, None]:
        start = span.start if span else len(code)
        _append(lines, text.plain[end:start], "")
        if span:
            style = span.style if isinstance(span.style, Style) else Style.null()
            _append(lines, text.plain[span.start : span.end], names.get(style, ""))
            end = span.end
    return [Line(tuple(line)) for line in lines[: code.count("\n") + 1]]


def _append(lines: list[list[tuple[str, str]]], text: str, style: str) -> None:
    for index, part in enumerate(text.split("\n")):
        if index:
            lines.append([])
        if part:
            lines[-1].append((part, style))
