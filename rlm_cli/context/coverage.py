"""Which bytes of which files were read.

An account for 100,000 files and for one of 20 GB alike: what was read of a file from its start is one number in an
array, anything else a short sorted list of stretches.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Any

from rlm_cli.context.spans import FileNames

MOST_STRETCHES = 4096
"""Stretches kept for one file. Beyond that the smallest gaps are closed: the account then errs by those bytes."""


class Coverage:
    """Bytes read, by file. Adding is O(1) for what is read in order; merging and the wire are O(what was read)."""

    __slots__ = ("_front", "_rest", "_touched")

    def __init__(self) -> None:
        self._front = array("q")  # file → bytes read from its start
        self._rest: dict[int, list[int]] = {}  # file → start, end, start, end … beyond the front
        self._touched = False

    def __bool__(self) -> bool:
        return self._touched

    def add(self, file: int, start: int, end: int) -> None:
        """Bytes `start` to `end` of file number `file` were read."""
        if end <= start:
            return
        self._touched = True
        front = self._front
        if file >= len(front):
            front.frombytes(bytes(front.itemsize * (file + 1 - len(front))))
        read = front[file]
        if end <= read:
            return
        if start <= read:
            front[file] = end
            if file in self._rest:
                self._advance(file)
        else:
            self._insert(file, start, end)

    def _advance(self, file: int) -> None:
        """Swallow the stretches that the front has reached."""
        rest = self._rest[file]
        front = self._front[file]
        swallowed = 0
        while swallowed < len(rest) and rest[swallowed] <= front:
            front = max(front, rest[swallowed + 1])
            swallowed += 2
        self._front[file] = front
        del rest[:swallowed]
        if not rest:
            del self._rest[file]

    def _insert(self, file: int, start: int, end: int) -> None:
        rest = self._rest.setdefault(file, [])
        if rest and rest[-2] <= start <= rest[-1]:  # in order, the usual case
            rest[-1] = max(rest[-1], end)
            return
        low = bisect_left(rest, start)
        high = bisect_right(rest, end)
        # An odd place lies inside a stretch: that stretch is joined rather than cut.
        rest[low:high] = ([] if low % 2 else [start]) + ([] if high % 2 else [end])
        if len(rest) > 2 * MOST_STRETCHES:
            self._rest[file] = _coarser(rest)

    def merge(self, other: Coverage) -> None:
        """Add all that `other` holds."""
        for file, start, end in other.stretches():
            self.add(file, start, end)

    def take(self) -> Coverage:
        """All that was read since the last `take`, and start over."""
        taken = Coverage()
        taken._front, taken._rest, taken._touched = self._front, self._rest, self._touched
        self._front, self._rest, self._touched = array("q"), {}, False
        return taken

    def stretches(self) -> Iterator[tuple[int, int, int]]:
        """(file, start, end) of every stretch read, files in order, stretches in order and apart."""
        for file, front in enumerate(self._front):
            if front:
                yield file, 0, front
            rest = self._rest.get(file)
            if rest:
                for place in range(0, len(rest), 2):
                    yield file, rest[place], rest[place + 1]

    def bytes(self, file: int | None = None) -> int:
        """Bytes read: of one file, or of all."""
        if file is None:
            return sum(self._front) + sum(sum(rest[1::2]) - sum(rest[::2]) for rest in self._rest.values())
        rest = self._rest.get(file, [])
        front = self._front[file] if file < len(self._front) else 0
        return front + sum(rest[1::2]) - sum(rest[::2])

    def touched(self) -> Iterator[int]:
        """Files of which at least a byte was read, in order."""
        return (file for file, front in enumerate(self._front) if front or file in self._rest)

    def files(self) -> int:
        """Files of which at least a byte was read."""
        return sum(1 for _ in self.touched())

    def wire(self) -> list[list[int]]:
        """As JSON: `[first file, gap, length, gap, length, …]` for each file that was read."""
        rows: list[list[int]] = []
        row: list[int] = []
        last, place = -1, 0
        for file, start, end in self.stretches():
            if file != last:
                row = [file]
                rows.append(row)
                last, place = file, 0
            row += [start - place, end - start]
            place = end
        return rows

    @classmethod
    def unwire(cls, value: Any, files: FileNames) -> Coverage:
        """From JSON that an untrusted process sent. Raises ValueError for anything that `wire` does not make.

        What lies beyond a file's end is cut off: nobody has read more than there is.
        """
        if not isinstance(value, list) or len(value) > len(files):
            raise ValueError("coverage must be a list with at most one row a file")
        coverage = cls()
        last = -1
        for row in value:
            if not (isinstance(row, list) and len(row) % 2 == 1 and 3 <= len(row) <= 2 * MOST_STRETCHES + 3):
                raise ValueError("a row of coverage must be a file and pairs of numbers")
            if not all(type(number) is int and 0 <= number < 1 << 62 for number in row):
                raise ValueError("coverage must be whole numbers from 0")
            if not last < row[0] < len(files):
                raise ValueError("coverage of a file outside the corpus, or out of order")
            last = row[0]
            size, place = files.size(row[0]), 0
            for gap, length in zip(row[1::2], row[2::2], strict=True):
                start = place + gap
                place = start + length
                coverage.add(row[0], min(start, size), min(place, size))
        return coverage


def _coarser(rest: list[int]) -> list[int]:
    """Half as many stretches, the smallest gaps closed."""
    gaps = sorted(range(2, len(rest), 2), key=lambda place: rest[place] - rest[place - 1])
    closed = set(gaps[: len(gaps) // 2])
    return [number for place, number in enumerate(rest) if not (place in closed or place + 1 in closed)]
