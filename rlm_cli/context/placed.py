"""Mapped text that knows which files its characters come from."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from rlm_cli.context.layout import Piece
from rlm_cli.context.mapped import Mapped, Position
from rlm_cli.context.spans import Part, Span
from rlm_cli.context.store import ByteStore


class Location(NamedTuple):
    """A place in a file: its number and name, the byte from 0, the line from 1."""

    file: int
    path: str
    byte: int
    line: int


class Placed(Mapped):
    """Parts, paths, bytes and lines of a mapped text."""

    __slots__ = ()

    def _own_parts(self) -> Iterator[Part]:
        for number in range(self._first, self._last + 1):
            part = self._layout.part(number)
            inner = self._first < number < self._last
            if isinstance(part, Span) and (inner or ((number != self._first or not self._from) and self._to < 0)):
                size = self._layout.store.files.size(part.file)  # not opened for this
                if part.start < min(part.end, size):
                    yield Span(part.file, part.start, min(part.end, size))
                continue
            piece, start, end = self._bounds(number)
            if end > start:
                yield piece.part(start, end)

    def parts(self) -> list[Part]:
        """What it is made of, for the wire: spans and literal text. No file is opened for this."""
        return list(self._own_parts())

    def stretches(self) -> Iterator[tuple[Part, int]]:
        """Each part with its first character's offset. Counts as it goes."""
        for number in range(self._first, self._last + 1):
            piece, start, end = self._bounds(number)
            if end > start:
                yield piece.part(start, end), self._offset((number, start))

    def extent(self, most: int = 1000) -> tuple[int, str]:
        """How long it is, at no cost: its characters where they were counted, else the bytes of its first parts."""
        if self._length >= 0:
            return self._length, "character"
        return sum(
            len(part) if isinstance(part, str) else part.end - part.start for part in islice(self._own_parts(), most)
        ), "byte"

    @property
    def _store(self) -> ByteStore:
        return self._layout.store

    @property
    def path(self) -> str | None:
        """The name of the file it comes from; None where it comes from none or several."""
        files = {part.file for part in islice(self._own_parts(), 3) if isinstance(part, Span)}
        return self._layout.store.files.name(files.pop()) if len(files) == 1 else None

    def locate(self, offset: int) -> Location | None:
        """The place of character `offset`. In a header line: the start of the file under it. None outside files."""
        if offset < 0:
            offset += self._count()
        position = self._seek(offset) if offset >= 0 else None
        return None if position is None else self._location(position)

    def _location(self, position: Position) -> Location | None:
        number, byte = position
        while True:
            piece, _, end = self._bounds(number)
            if number == self._last or (isinstance(piece, Piece) and byte < end):
                break
            number, byte = number + 1, 0
        if not isinstance(piece, Piece):
            return None
        store, file = piece.store, piece.file
        at = piece.start + byte
        return Location(file, store.files.name(file), at, store.newlines(file).before(at) + 1)

    def offset_of(self, file: int, byte: int) -> int | None:
        """The character offset of a byte of a file (between two characters); None where it is not part of this."""
        for number in self._layout.pieces_of(file, self._first, self._last):
            piece, start, end = self._bounds(number)
            if isinstance(piece, Piece) and piece.file == file and start <= byte - piece.start <= end:
                return self._offset((number, byte - piece.start))
        return None

    def _line_start(self, line: int) -> Position | None:
        """Where line `line` of this text starts."""
        wanted = line - 1
        for number in range(self._first, self._last + 1):
            piece, start, end = self._bounds(number)
            if not wanted:
                return (number, start)
            if not isinstance(piece, Piece):
                data = bytes(piece.peek(start, end))
                if (inside := data.count(b"\n")) >= wanted:
                    return (number, start + len(b"\n".join(data.split(b"\n", wanted)[:wanted])) + 1)
                wanted -= inside
                continue
            newlines = piece.store.newlines(piece.file)
            before = newlines.before(piece.start + start)
            byte = newlines.start_of(before + wanted + 1)
            if 0 <= byte <= piece.start + end:
                return (number, byte - piece.start)
            wanted -= newlines.before(piece.start + end) - before
        return None
