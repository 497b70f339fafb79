"""Which lines a pattern has to be asked about: decided on `re`'s own parse tree and on bytes.

The pattern is asked about each line alone, so what it does at and beyond a line end is of no account here. First a
superset of the lines is found: by a literal that every match holds, else by the pattern itself over many lines at once,
where nothing in it can make that miss a line or take quadratic time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any

import stringzilla

from rlm_cli.context.offsets import Buffer
from rlm_cli.context.shape import Needle, _flags_within, _inside, _Reader

_ONE = frozenset({sre.LITERAL, sre.NOT_LITERAL, sre.ANY, sre.IN})
_REPEATS = frozenset({sre.MAX_REPEAT, sre.MIN_REPEAT})
_EDGES = frozenset({sre.AT_BEGINNING, sre.AT_END, sre.AT_BOUNDARY, sre.AT_NON_BOUNDARY})

_LOWER = bytes(byte + 32 if 0x41 <= byte <= 0x5A else byte for byte in range(256))
_OTHER_CASES = {"i": "\u0130\u0131", "k": "\u212a", "s": "\u017f"}
"""What `re` takes for an ASCII letter when it ignores case, beside the other ASCII letter."""


class LinePattern:
    """A pattern, and how the lines that it can match are found."""

    __slots__ = ("_foreign", "_needles", "_wide", "real")

    def __init__(self, real: re.Pattern[str]) -> None:
        self.real = real
        flags = real.flags & ~re.DEBUG
        tree = _parser.parse(real.pattern, flags)
        reader = _Reader(tree, flags)
        needles: Sequence[Needle] = () if reader.refers else reader.needles(list(tree), flags)
        self._wide: re.Pattern[str] | None = None
        if all(len(needle.text) < 2 for needle in needles) and _local(tree) and _linear(reader, tree, flags):
            # One colon or one equals sign is in every line of many files: it says nothing.
            self._wide, needles = re.compile(real.pattern, flags | re.MULTILINE), ()
        self._needles = [(needle.text.encode(), needle.fold) for needle in needles]
        letters = {letter for needle in needles if needle.fold for letter in needle.text}
        self._foreign = [other.encode() for letter in letters for other in _OTHER_CASES.get(letter, "")]

    @property
    def exact(self) -> bool:
        """Whether the bytes as they are say which lines to look at, with no copy of them."""
        return bool(self._needles) and not any(fold for _, fold in self._needles)

    def lines(self, data: Buffer) -> Iterator[tuple[int, int]]:
        """(start, end) in bytes of the lines of `data` that may match, in order, without their line ends.

        `data` holds whole lines. A line may be missing only if the pattern does not match it.
        """
        if self._needles:
            places = self._places(data)
            return _around(data, places) if places is not None else _all(data)
        return _all(data) if self._wide is None else _numbered(data, self._numbers(data))

    def _places(self, data: Buffer) -> Iterator[int] | None:
        """Where a needle stands, in order, or None where the bytes cannot say it."""
        lower: Buffer = data
        if any(fold for _, fold in self._needles):
            if any(stringzilla.find(data, other) >= 0 for other in self._foreign):
                return None
            lower = memoryview(bytearray(len(data)))
            stringzilla.translate(data, _LOWER, out=lower)
        streams = [_finds(lower if fold else data, needle) for needle, fold in self._needles]
        return streams[0] if len(streams) == 1 else _merged(streams)

    def _numbers(self, data: Buffer) -> Iterator[int]:
        """The numbers, from 0, of the lines that the pattern touches when it goes over all of them at once."""
        assert self._wide is not None
        text = str(data, "utf-8", "replace").replace("\r\n", "\n")
        text = text[:-1] if text.endswith(("\n", "\r")) else text
        number = at = 0
        last = -1
        for match in self._wide.finditer(text):
            start, end = match.span()
            number += text.count("\n", at, start)
            reached = number + text.count("\n", start, end)
            yield from range(max(number, last + 1), reached + 1)
            last = max(last, reached)
            at = start


@lru_cache(256)
def line_pattern(real: re.Pattern[str]) -> LinePattern:
    return LinePattern(real)


def _finds(data: Buffer, needle: bytes) -> Iterator[int]:
    at = stringzilla.find(data, needle)
    while at >= 0:
        yield at
        at = stringzilla.find(data, needle, at + len(needle))


def _merged(streams: Sequence[Iterator[int]]) -> Iterator[int]:
    return iter(sorted(place for stream in streams for place in stream))


def _around(data: Buffer, places: Iterator[int]) -> Iterator[tuple[int, int]]:
    """The lines around some places, each once."""
    done = -1
    for place in places:
        if place < done:
            continue
        start = stringzilla.rfind(data, b"\n", max(done, 0), place) + 1 if place else 0
        found = stringzilla.find(data, b"\n", place)
        end = len(data) if found < 0 else found
        yield max(start, done, 0), end
        done = end + 1


def _all(data: Buffer) -> Iterator[tuple[int, int]]:
    at = 0
    while at < len(data):
        found = stringzilla.find(data, b"\n", at)
        end = len(data) if found < 0 else found
        yield at, end
        at = end + 1


def _numbered(data: Buffer, numbers: Iterator[int]) -> Iterator[tuple[int, int]]:
    """The lines of these numbers, from 0."""
    lines = _all(data)
    passed = 0
    for number in numbers:
        for _ in range(number - passed):
            next(lines)
        line = next(lines, None)
        if line is None:
            return
        yield line
        passed = number + 1


def _local(nodes: Any) -> bool:
    """Whether a match inside a line is a match there too when lines follow each other, `^` and `$` meaning lines."""
    for op, value in nodes:
        if op in _ONE or (op is sre.AT and value in _EDGES):
            continue
        if op not in _REPEATS and op not in (sre.SUBPATTERN, sre.BRANCH):
            return False
        if op is sre.SUBPATTERN and value[2] & re.MULTILINE:  # `(?-m:^)` is the beginning of all the lines
            return False
        if not all(_local(inner) for inner in _inside(op, value)):
            return False
    return True


def _linear(reader: _Reader, nodes: Any, flags: int) -> bool:
    """Whether no repeat runs over line ends, but for those of white space, which soon stop."""
    for op, value in nodes:
        scoped = _flags_within(op, value, flags)
        for inner in _inside(op, value):
            if op in _REPEATS and value[1] is sre.MAXREPEAT:
                taken = list(reader.leaves(inner, scoped, ahead=False))
                both = [any(reader.matches(*leaf, other) for leaf in taken for other in some) for some in ("\n", 'a0"')]
                if all(both):
                    return False
            if not _linear(reader, inner, scoped):
                return False
    return True
