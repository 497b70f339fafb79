"""Terminals for tests: a reflowing one of our own (as tmux, VTE, kitty and Windows Terminal are) and outputs that feed it.

pyte does not wrap lines anew when its window changes, and that is where live displays break.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from rich.cells import cell_len, get_character_cell_size

from rlm_cli.terminal import UNICODE, Glyphs, Output

_TOKEN = re.compile(
    r"\x1b\[(?P<args>[?\d;]*)(?P<final>[A-Za-z])|\x1b\]8;[^\x1b]*\x1b\\|(?P<control>[\r\n])|(?P<text>[^\x1b\r\n]+)"
)


@dataclass
class Row:
    """One row of the window. `wrapped`: it goes on in the next one, because the window is too narrow."""

    text: str = ""
    wrapped: bool = False


@dataclass
class Paper:
    """A terminal with endless scrollback that understands what the painter may say, and refuses anything else."""

    columns: int
    rows: int = 1000
    page: list[Row] = field(default_factory=lambda: [Row()])
    row: int = 0
    column: int = 0  # in cells
    cursor: bool = True
    wrapping: bool = True
    frames: int = 0

    def feed(self, text: str) -> None:
        end = 0
        for token in _TOKEN.finditer(text):
            assert token.start() == end, f"unknown bytes {text[end : token.start()]!r}"
            end = token.end()
            if token["control"] == "\r":
                self.column = 0
            elif token["control"] == "\n":
                self._down()
            elif token["text"]:
                self._type(token["text"])
            elif token["final"]:
                self._control(token["args"], token["final"])
        assert end == len(text), f"unknown bytes {text[end:]!r}"

    def resize(self, columns: int, rows: int | None = None) -> None:
        """Join what was wrapped, and wrap it at the new width; the cursor stays at its character."""
        self.rows = rows or self.rows
        fresh: list[Row] = []
        place = (0, 0)
        start = 0
        while start < len(self.page):
            last = start
            while self.page[last].wrapped and last + 1 < len(self.page):
                last += 1
            line = "".join(row.text for row in self.page[start : last + 1])
            offset = None
            if start <= self.row <= last:
                offset = sum(cell_len(row.text) for row in self.page[start : self.row]) + self.column
            pieces = _wrap(line, columns)
            if offset is not None:
                at = min(len(pieces) - 1, max(0, offset - 1) // columns if offset else 0)
                place = (len(fresh) + at, offset - at * columns)
            fresh += [Row(piece, index < len(pieces) - 1) for index, piece in enumerate(pieces)]
            start = last + 1
        self.page, self.columns = fresh, columns
        self.row, self.column = place

    @property
    def lines(self) -> list[str]:
        """The text as a person would copy it."""
        result, line = [], ""
        for row in self.page:
            line += row.text
            if not row.wrapped:
                result.append(line.rstrip())
                line = ""
        while result and not result[-1]:
            result.pop()
        return result

    def _down(self) -> None:
        self.row += 1
        if self.row == len(self.page):
            self.page.append(Row())

    def _type(self, text: str) -> None:
        row = self.page[self.row]
        assert cell_len(row.text) <= self.column, "the painter writes over text that it did not clear"
        row.text += " " * (self.column - cell_len(row.text)) + text
        self.column = cell_len(row.text)
        while self.wrapping and self.column > self.columns:
            first, rest = _split(self.page[self.row].text, self.columns)
            self.page[self.row] = Row(first, wrapped=True)
            self._down()
            self.page[self.row].text = rest
            self.column = cell_len(rest)
        assert self.column <= self.columns, f"a live line is wider than the window: {text!r}"

    def _control(self, args: str, final: str) -> None:
        if final == "m":
            return
        if final == "A":
            self.row -= int(args or 1)
            assert self.row >= max(0, len(self.page) - self.rows), "the cursor left the window"
        elif final == "K" and args == "2":
            self.page[self.row] = Row()
        elif final in "hl" and args.startswith("?"):
            on = final == "h"
            if args == "?25":
                self.cursor = on
            elif args == "?7":
                self.wrapping = on
            else:
                assert args == "?2026"
                self.frames += on
        else:
            raise AssertionError(f"the painter never says ESC [ {args} {final}")


def _split(text: str, columns: int) -> tuple[str, str]:
    used = 0
    for index, character in enumerate(text):
        used += get_character_cell_size(character)
        if used > columns:
            return text[:index], text[index:]
    return text, ""


def _wrap(text: str, columns: int) -> list[str]:
    pieces = []
    while True:
        piece, text = _split(text, columns)
        pieces.append(piece)
        if not text:
            return pieces


@dataclass(slots=True)
class Window(Output):
    """An output that is a window: what is written to it goes to a terminal of the tests, or is only kept."""

    paper: Paper | None = None
    columns: int = 80
    height: int = 40
    foreground: bool = True
    written: list[str] = field(default_factory=list)

    def write_bytes(self, data: bytes) -> None:
        text = data.decode("utf-8", "surrogateescape")
        self.written.append(text)
        if self.paper is not None:
            self.paper.feed(text)

    def size(self) -> tuple[int, int]:
        return (self.paper.columns, self.paper.rows) if self.paper else (self.columns, self.height)

    def in_foreground(self) -> bool:
        return self.foreground

    @property
    def text(self) -> str:
        return "".join(self.written)


def window(
    columns: int = 80, rows: int = 40, *, colour: bool = False, paper: bool = True, glyphs: Glyphs = UNICODE
) -> Window:
    sheet = Paper(columns, rows) if paper else None
    return Window(None, "stderr", tty=True, colour=colour, glyphs=glyphs, paper=sheet, columns=columns, height=rows)
