"""Styled lines: text in pieces, measured in terminal cells. What views return and painters write.

Colour is one of the eight ANSI names that a user's own theme keeps readable on light and dark; black, white and yellow
are not used.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.cells import get_character_cell_size

_SGR = {"bold": "1", "dim": "2", "italic": "3", "red": "31", "green": "32", "magenta": "35", "cyan": "36"}

Piece = tuple[str, str]  # text, style: names of _SGR with spaces between


def width(text: str) -> int:
    """Cells that `text` takes, at most: terminals differ on joined emoji, and a line must never be too long."""
    if text.isascii():
        return len(text)
    return sum(_cells(character) for character in text)


def _cells(character: str) -> int:
    return 1 if character == "\ufe0f" else get_character_cell_size(character)


def head(text: str, cells: int) -> str:
    """The beginning of `text` that fits into `cells`. A pile of combining marks counts too: it ends after a while."""
    if text.isascii():
        return text[: max(0, cells)]
    used = 0
    for index, character in enumerate(text):
        used += _cells(character)
        if used > cells or index > 4 * cells + 8:
            return text[:index]
    return text


def middle(text: str, cells: int, mark: str = "…") -> str:
    """`text` in at most `cells`, cut in the middle: of a path both ends tell the most."""
    room = cells - width(mark)
    if room < 4 or width(text) <= cells:
        return text
    return head(text, room // 3) + mark + head(text[::-1], room - room // 3)[::-1]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of pieces. Its text must be clean already."""

    pieces: tuple[Piece, ...] = ()

    @classmethod
    def of(cls, *pieces: str | Piece) -> Line:
        return cls(tuple((piece, "") if isinstance(piece, str) else piece for piece in pieces if piece))

    @property
    def text(self) -> str:
        return "".join(text for text, _ in self.pieces)

    @property
    def width(self) -> int:
        return sum(width(text) for text, _ in self.pieces)

    def __add__(self, other: Line) -> Line:
        return Line(self.pieces + other.pieces)

    def cut(self, cells: int, mark: str = "…") -> Line:
        """At most `cells` wide; `mark` ends what was cut."""
        if self.width <= cells and sum(len(text) for text, _ in self.pieces) <= 4 * cells + 8:
            return self
        left = cells - width(mark)
        if left < 0:
            return Line.of(head(self.text, cells))
        kept: list[Piece] = []
        for text, style in self.pieces:
            part = head(text, left)
            kept.append((part, style))
            left -= width(part)
            if part != text:
                kept.append((mark, style))
                break
        return Line(tuple(kept))

    def render(self, colour: bool) -> str:
        """The bytes for a terminal, as text, without a line end."""
        if not colour:
            return self.text
        return "".join(
            f"\x1b[{';'.join(_SGR[name] for name in style.split())}m{text}\x1b[0m" if style and text else text
            for text, style in self.pieces
        )


def spread(left: Line, right: Line, cells: int, mark: str = "…") -> Line:
    """`left` at the left and `right` at the right edge of `cells`; `left` gives way."""
    space = cells - right.width
    if space < 8 or not right.pieces:
        return left.cut(cells, mark)
    left = left.cut(space - 2, mark)
    return left + Line.of(" " * (space - left.width)) + right


def fit(parts: Sequence[tuple[int, Line]], cells: int, gap: str = "  ", mark: str = "…") -> Line:
    """The parts in their order with `gap` between; as many as fit, those with the smallest number dropped first."""
    kept = list(parts)
    while len(kept) > 1 and _joined_width(kept, gap) > cells:
        kept.remove(min(reversed(kept), key=lambda part: part[0]))
    return join([line for _, line in kept], gap).cut(cells, mark)


def _joined_width(parts: Sequence[tuple[int, Line]], gap: str) -> int:
    return sum(line.width for _, line in parts) + width(gap) * (len(parts) - 1)


def join(lines: Iterable[Line], gap: str) -> Line:
    pieces: list[Piece] = []
    for line in lines:
        if pieces:
            pieces.append((gap, "dim" if gap.strip() else ""))
        pieces.extend(line.pieces)
    return Line(tuple(pieces))


def flow(parts: Sequence[Line], cells: int, gap: str = " · ", indent: str = "") -> list[Line]:
    """The parts on as many lines as they need: nothing is left out.

    They are broken between parts; one that is wider than a line between its words, and a word that is wider, anywhere.
    """
    rows: list[list[Line]] = [[]]
    used = 0
    most = max(1, cells - width(indent))
    for part in (piece for whole in parts for piece in _within(whole, most)):
        room = part.width + (width(gap) if rows[-1] else 0)
        if rows[-1] and used + room > most:
            rows.append([])
            used, room = 0, part.width
        rows[-1].append(part)
        used += room
    return [Line.of(indent) + join(row, gap) for row in rows if row]


def _within(part: Line, most: int) -> list[Line]:
    """The part itself, or lines of its words that are at most so wide."""
    if part.width <= most:
        return [part]
    words = [(word, style) for text, style in part.pieces for word in text.split()]
    lines = [Line()]
    for word, style in words:
        if lines[-1].pieces and lines[-1].width + 1 + width(word) <= most:
            lines[-1] += Line.of((f" {word}", style))
            continue
        rest = word
        while rest:
            first = head(rest, most) or rest[:1]
            lines.append(Line.of((first, style)))
            rest = rest[len(first) :]
    return lines[1:]
