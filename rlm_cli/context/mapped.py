"""Characters over pieces: where they are, and their text, read only where it is used.

A position is (piece, byte in the piece), always between two characters. Lengths and character offsets are counted from
the front as far as somebody asks; what is asked from the end is read from the end.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator
from typing import Any, ClassVar, NamedTuple

from rlm_cli.context.layout import Layout, Literal, Piece
from rlm_cli.context.offsets import Buffer

Position = tuple[int, int]

WINDOW = 1 << 16
"""Bytes decoded at once."""
GATHER = 1 << 18
"""Bytes of small pieces that are put together to be looked at at once."""


class Stretch(NamedTuple):
    """The characters between two positions. `first` is the offset of the first one, where that is known."""

    begin: Position
    end: Position
    first: int | None
    last: int | None


class Gathered:
    """The bytes between two positions in one buffer, and the way back from there to positions."""

    __slots__ = ("_begin", "_pieces", "_starts", "data")

    def __init__(self, data: Buffer, begin: Position, starts: list[int], pieces: list[int]) -> None:
        self.data = data
        self._begin = begin
        self._starts = starts  # where in `data` each piece after the first begins
        self._pieces = pieces

    def position(self, offset: int) -> Position:
        if not self._starts or offset < self._starts[0]:
            return self._begin[0], self._begin[1] + offset
        place = bisect_right(self._starts, offset) - 1
        return self._pieces[place], offset - self._starts[place]


class Mapped:
    """A stretch of a layout, from a position to another. `Text` gives it the methods of `str`."""

    __slots__ = ("_first", "_from", "_hash", "_last", "_layout", "_length", "_starts", "_to")

    limit: ClassVar[int] = 256 << 20
    """Characters that may become a real `str` at once. A process with a bound on its memory sets what fits it."""

    def __init__(self, layout: Layout, begin: Position, end: Position | None = None, length: int = -1) -> None:
        """From `begin` to `end`, or to the layout's end; `length` in characters where it is known."""
        self._layout = layout
        self._first, self._from = begin
        self._last, self._to = (len(layout) - 1, -1) if end is None else end
        self._length = length
        self._hash: int | None = None
        self._starts = array("q", [0])  # characters before each piece, from the first, as far as counted

    # Positions

    def _bounds(self, number: int) -> tuple[Piece | Literal, int, int]:
        """Piece `number`, and the bytes of it that belong to this text."""
        piece = self._layout.piece(number)
        start = self._from if number == self._first else 0
        end = self._to if number == self._last and self._to >= 0 else piece.size
        return piece, start, end

    def _begin(self) -> Position:
        return self._first, self._from

    def _end(self) -> Position:
        if self._to < 0:
            self._to = self._layout.piece(self._last).size if self._last >= 0 else 0
        return self._last, self._to

    def _count_piece(self) -> bool:
        """Count the characters of one piece more; False when all are counted."""
        number = self._first + len(self._starts) - 1
        if number > self._last:
            return False
        piece, start, end = self._bounds(number)
        self._starts.append(self._starts[-1] + piece.char_at(end) - piece.char_at(start))
        return True

    def _count(self) -> int:
        if self._length < 0:
            while self._count_piece():
                pass
            self._length = self._starts[-1]
        return self._length

    def _seek(self, char: int) -> Position | None:
        """The position of character `char` (from 0), the end for the one after the last, None beyond."""
        if char == 0:
            return self._begin()
        if 0 <= self._length <= char:
            return self._end() if char == self._length else None
        while True:
            place = bisect_right(self._starts, char) - 1
            number = self._first + place
            if number > self._last:
                self._length = self._starts[-1]
                return self._end() if char == self._length else None
            piece, start, end = self._bounds(number)
            byte = piece.byte_at(piece.char_at(start) + char - self._starts[place])
            if 0 <= byte < end or place < len(self._starts) - 1:
                return number, byte
            self._count_piece()

    def _seek_back(self, characters: int) -> tuple[Position, int]:
        """Go back from the end: the position, and how many characters that was (fewer at the beginning)."""
        passed = 0
        here = self._end()
        for number in range(self._last, self._first - 1, -1):
            if passed == characters:
                break
            piece, start, end = self._bounds(number)
            byte, more = piece.back(end, characters - passed, start)
            passed += more
            here = (number, byte)
        return here, passed

    def _offset(self, position: Position) -> int:
        """The character offset of a position."""
        number, byte = position
        place = number - self._first
        while len(self._starts) <= place and self._count_piece():
            pass
        if place >= len(self._starts):
            return self._starts[-1]
        piece, start, _ = self._bounds(number)
        return self._starts[place] + piece.char_at(byte) - (piece.char_at(start) if start else 0)

    def _range(self, start: int | None, stop: int | None) -> Stretch | None:
        """What `[start:stop]` means, None where it starts beyond the end or beyond its own `stop`.

        No length is counted that is not needed.
        """
        first: int | None
        if start is None or start == 0:
            begin, first = self._begin(), 0
        elif start > 0:
            found = self._seek(start)
            if found is None:
                return None
            begin, first = found, start
        else:
            begin, first = self._from_end(-start)
        last: int | None
        if stop is None:
            end, last = self._end(), (self._length if self._length >= 0 else None)
        elif stop >= 0:
            found = self._seek(stop)
            end, last = (self._end(), self._length) if found is None else (found, stop)
            last = last if last >= 0 else None
        else:
            end, last = self._from_end(-stop)
        if first is not None and last is not None:
            crossed = first > last
        else:  # positions between empty pieces may differ and mean the same
            crossed = begin > end and self._bytes_between(end, begin, 0) > 0
        if crossed:
            return None
        return Stretch(begin, max(begin, end), first, last)

    def _from_end(self, characters: int) -> tuple[Position, int | None]:
        if self._length >= 0:
            offset = max(0, self._length - characters)
            return self._seek(offset) or self._end(), offset
        position, passed = self._seek_back(characters)
        return position, 0 if passed < characters else None

    def _advance(self, here: Position, size: int, end: Position) -> Position:
        """About `size` bytes further, between two characters, not beyond `end`."""
        number, byte = here
        while number < end[0]:
            piece = self._layout.piece(number)
            if size < piece.size - byte:
                return number, piece.border(byte + size)
            size -= piece.size - byte
            number, byte = number + 1, 0
        if byte + size >= end[1]:
            return end
        return number, self._layout.piece(number).border(byte + size)

    def _retreat(self, here: Position, size: int, floor: Position) -> Position:
        """About `size` bytes back, between two characters, not before `floor`."""
        number, byte = here
        while number > floor[0]:
            if size <= byte:
                return number, self._layout.piece(number).border(byte - size)
            size -= byte
            number -= 1
            byte = self._layout.piece(number).size
        if byte - size <= floor[1]:
            return floor
        return number, self._layout.piece(number).border(byte - size)

    # What is there

    def _bytes_between(self, begin: Position, end: Position, enough: int) -> int:
        """Bytes between two positions; counting stops beyond `enough`."""
        if begin[0] == end[0]:
            return end[1] - begin[1]
        total = self._layout.piece(begin[0]).size - begin[1] + end[1]
        for number in range(begin[0] + 1, end[0]):
            if total > enough:
                break
            total += self._layout.piece(number).size
        return total

    def _stretches(self, begin: Position, end: Position) -> Iterator[tuple[int, Piece | Literal, int, int]]:
        """(number, piece, start, end) of every piece between two positions that is not empty."""
        for number in range(begin[0], end[0] + 1):
            piece = self._layout.piece(number)
            start = begin[1] if number == begin[0] else 0
            stop = end[1] if number == end[0] else piece.size
            if stop > start:
                yield number, piece, start, stop

    def _saw(self, begin: Position, end: Position) -> None:
        for _, piece, start, stop in self._stretches(begin, end):
            piece.saw(start, stop)

    def _decoded(self, begin: Position, end: Position) -> str:
        """The text between two positions, noted as read."""
        if begin[0] == end[0]:
            if end[1] <= begin[1]:
                return ""
            piece = self._layout.piece(begin[0])
            piece.saw(begin[1], end[1])
            return piece.decode(piece.peek(begin[1], end[1]))
        texts = []
        for _, piece, start, stop in self._stretches(begin, end):
            piece.saw(start, stop)
            texts += [piece.decode(piece.peek(*window)) for window in _windows(piece, start, stop)]
        return "".join(texts)

    def _windows(self, begin: Position, end: Position) -> Iterator[tuple[Position, str]]:
        """The text between two positions, about `WINDOW` bytes at a time."""
        here = begin
        while here < end:
            stop = self._advance(here, WINDOW, end)
            text = self._decoded(here, stop)
            if text:
                yield here, text
            here = stop

    def _gather(self, begin: Position, end: Position) -> Gathered:
        """The bytes between two positions, not noted as read; not copied where one map holds them.

        A piece that begins with a continuation byte is decoded alone: here that byte is 0xFF, which is in no text, so
        that it makes no character with the end of the piece before it.
        """
        if begin[0] == end[0]:
            return Gathered(self._layout.piece(begin[0]).peek(begin[1], max(begin[1], end[1])), begin, [], [])
        data: list[Buffer] = []
        starts: list[int] = []
        pieces: list[int] = []
        total = 0
        for number, piece, start, stop in self._stretches(begin, end):
            if number != begin[0]:
                starts.append(total)
                pieces.append(number)
            one = piece.peek(start, stop)
            data.append(b"\xff" + one[1:] if data and one[0] & 0xC0 == 0x80 else one)
            total += stop - start
        if len(data) == 1:
            return Gathered(data[0], begin, starts, pieces)
        return Gathered(b"".join(data), begin, starts, pieces)

    def _window_end(self, here: Position, size: int, end: Position) -> Position:
        """Where a window for `_gather` that begins here should end: inside a large piece, or after some small ones."""
        piece = self._layout.piece(here[0])
        rest = (end[1] if here[0] == end[0] else piece.size) - here[1]
        if rest > GATHER:
            return here[0], piece.border(here[1] + size) if size < rest else here[1] + rest
        return self._advance(here, min(size, GATHER), end)

    def _compare(self, other: Any) -> int | None:
        """-1, 0, 1 as `self` is before, like or after `other`; None where `other` is no string."""
        if type(other) is type(self):
            if other._layout is self._layout and (self._begin(), self._end()) == (other._begin(), other._end()):
                return 0
            theirs: Iterator[str] = (text for _, text in other._windows(other._begin(), other._end()))
        elif isinstance(other, str):
            theirs = iter((other,) if other else ())
        else:
            return None
        mine = (text for _, text in self._windows(self._begin(), self._end()))
        a = b = ""
        i = j = 0
        while True:
            if i == len(a):
                a, i = next(mine, ""), 0
            if j == len(b):
                b, j = next(theirs, ""), 0
            if not a or not b:
                return bool(a) - bool(b)
            size = min(len(a) - i, len(b) - j)
            x, y = a[i : i + size], b[j : j + size]
            if x != y:
                return -1 if x < y else 1
            i, j = i + size, j + size

    def _over_limit(self, what: str) -> MemoryError:
        return MemoryError(
            f"{what} would make a str of more characters than fit the memory of a cell ({self.limit:,} at most); "
            "take a slice, or go through it with grep(), search() or chunks()"
        )

    def realise(self, what: str = "this") -> str:
        """The whole text as a real `str`. Raises MemoryError, with what to do instead, above `limit` characters."""
        begin, end = self._begin(), self._end()
        most = 4 * self.limit
        if self._bytes_between(begin, end, most) > most or (self._length > self.limit):
            raise self._over_limit(what)
        texts = []
        total = 0
        try:
            for _, text in self._windows(begin, end):
                texts.append(text)
                total += len(text)
                if total > self.limit:
                    break
            else:
                return "".join(texts)
        except MemoryError:  # of characters that take more than a byte each, less fits than was allowed
            texts.clear()
        raise self._over_limit(what)


def _windows(piece: Piece | Literal, start: int, end: int) -> Iterator[tuple[int, int]]:
    while end - start > WINDOW:
        stop = piece.border(start + WINDOW)
        yield start, stop
        start = stop
    yield start, end
