"""chunks: a text in parts of about a size, cut at line ends. Borders and texts are found when they are needed."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import Any, overload

from rlm_cli.context.text import Text


class Chunks(Sequence[Any]):
    """The parts of one text, in order: each is at most `size` characters and ends at a line end where one is in reach.

    With `overlap` a part begins up to so many characters before the end of the one before it, at the beginning of a
    line. Without it the parts joined are the text.
    """

    def __init__(self, text: Text | str, size: int, overlap: int = 0) -> None:
        if size < 1:
            raise ValueError(f"size must be at least 1 character, not {size}")
        if not 0 <= overlap < size:
            raise ValueError(f"overlap must be from 0 to less than size ({size}), not {overlap}")
        self._text = text
        self._size = size
        self._overlap = overlap
        self._starts = array("q")  # of each part that is known, in characters
        self._ends = array("q")
        self._all = False

    def _find_next(self) -> bool:
        """Find one part more; False when there is none."""
        if self._all:
            return False
        done = self._ends[-1] if self._ends else 0
        start = self._start_after(done)
        wanted = start + self._size
        end = self._line_end(start, wanted)
        if end <= done:  # nothing but the overlap fitted: go on from where the text is new
            start, end = done, self._line_end(done, done + self._size)
        if end <= done:
            self._all = True
            return False
        self._starts.append(start)
        self._ends.append(end)
        return True

    def _start_after(self, done: int) -> int:
        """Where the part after `done` begins: at the first line that the overlap allows, else at `done` itself."""
        if not self._overlap or not done:
            return done
        earliest = max(self._starts[-1] + 1, done - self._overlap)
        if self._text[earliest - 1 : earliest] == "\n":
            return earliest
        found = self._text.find("\n", earliest, done)
        return done if found < 0 else found + 1

    def _line_end(self, start: int, wanted: int) -> int:
        """The last line end before `wanted`, `wanted` itself where a line is longer than a part, or the text's end."""
        if not self._text[wanted : wanted + 1]:
            return min(wanted, len(self._text))
        if self._text[wanted - 1 : wanted] == "\n":
            return wanted
        found = self._text.rfind("\n", start, wanted)
        return wanted if found < 0 else found + 1

    def __len__(self) -> int:
        while self._find_next():
            pass
        return len(self._ends)

    def __bool__(self) -> bool:
        return bool(self._ends) or self._find_next()

    def __iter__(self) -> Iterator[Any]:
        number = 0
        while number < len(self._ends) or self._find_next():
            yield self._part(number)
            number += 1

    @overload
    def __getitem__(self, key: int) -> Any: ...
    @overload
    def __getitem__(self, key: slice) -> list[Any]: ...
    def __getitem__(self, key: int | slice) -> Any:
        if isinstance(key, slice):
            return [self._part(number) for number in range(len(self))[key]]
        while 0 <= key >= len(self._ends) and self._find_next():
            pass
        number = key if key >= 0 else key + len(self)
        if not 0 <= number < len(self._ends):
            raise IndexError(f"no part {key}: there are {len(self)}")
        return self._part(number)

    def _part(self, number: int) -> Text | str:
        start, end = self._starts[number], self._ends[number]
        text = self._text
        if type(text) is not Text:
            return text[start:end]
        # Not a slice: that would be a plain str where it is short, which no longer knows its place.
        begin, stop = text._seek(start), text._seek(end)
        assert begin is not None
        return Text(text._layout, begin, stop, end - start)

    def __repr__(self) -> str:
        return f"<parts of about {self._size:,} characters>"


class Joined(Sequence[Any]):
    """The parts of several texts, one text after another: no part holds pieces of two."""

    def __init__(self, several: Sequence[Chunks]) -> None:
        self._several = several

    def __len__(self) -> int:
        return sum(len(chunks) for chunks in self._several)

    def __bool__(self) -> bool:
        return any(self._several)

    def __iter__(self) -> Iterator[Any]:
        for chunks in self._several:
            yield from chunks

    @overload
    def __getitem__(self, key: int) -> Any: ...
    @overload
    def __getitem__(self, key: slice) -> list[Any]: ...
    def __getitem__(self, key: int | slice) -> Any:
        if isinstance(key, slice):
            return [self[number] for number in range(len(self))[key]]
        number = key if key >= 0 else key + len(self)
        for chunks in self._several:
            if 0 <= number < len(chunks):
                return chunks[number]
            number -= len(chunks)
        raise IndexError(f"no part {key}: there are {len(self)}")

    def __repr__(self) -> str:
        return f"<parts of {len(self._several):,} texts>"


def chunks(source: Any, size: int = 100_000, overlap: int = 0) -> Chunks | Joined:
    """`source`, a text or a list of texts, in parts of at most `size` characters. Raises ValueError and TypeError."""
    if type(source) is Text or isinstance(source, str):
        return Chunks(source, size, overlap)
    if not isinstance(source, Sequence):
        raise TypeError(f"source must be a text or a list of texts, not {type(source).__name__}")
    return Joined([Chunks(text, size, overlap) for text in source])
