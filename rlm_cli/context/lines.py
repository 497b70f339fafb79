"""Patterns that stay in a line and need a literal: bytes say which lines `re` has to look at."""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator

import stringzilla

from rlm_cli.context import seeking
from rlm_cli.context.mapped import Mapped, Position
from rlm_cli.context.offsets import Buffer
from rlm_cli.context.shape import Needle, Shape
from rlm_cli.context.windows import RunningWindow, Seen, before_position

DENSE = 400
"""Bytes a candidate line below which windows are cheaper."""
SAMPLE = 64
"""Candidate lines after which that is judged."""

_LOWER = bytes(byte + 32 if 0x41 <= byte <= 0x5A else byte for byte in range(256))
_OTHER_CASES = {"i": ("\u0130", "\u0131"), "k": ("\u212a",), "s": ("\u017f",)}
"""What `re` takes for an ASCII letter when it ignores case, beside the other ASCII letter. There is no more of it."""
_FOREIGN = bytes({character.encode()[0] for others in _OTHER_CASES.values() for character in others})


def matches_in_lines(
    pattern: re.Pattern[str], shape: Shape, text: Mapped, begin: Position, end: Position
) -> Iterator[Seen]:
    """Every match from the front. `shape` must have needles."""
    here = begin
    read = seen = 0
    for hit in _candidates(text, shape.needles, begin, end):
        if hit < here:
            continue
        start = _line_start(text, hit, here)
        stop = _line_end(text, hit, end)
        before = before_position(text, start, shape.behind)
        after = text._advance(stop, 8, end)  # `$` looks at the end of the line and at what follows
        window = before + text._decoded(start, after)
        last = len(window) - (len(text._decoded(stop, after)) if stop < after else 0)
        for match in pattern.finditer(window, len(before)):
            if match.start() > last:
                break
            yield match, start, -len(before)
        read += text._bytes_between(here, stop, 1 << 20)
        here = stop
        seen += 1
        if seen == SAMPLE:
            if read < DENSE * SAMPLE:
                yield from RunningWindow(pattern, shape, text, here, end).matches()
                return
            read = seen = 0


def _candidates(text: Mapped, needles: tuple[Needle, ...], begin: Position, end: Position) -> Iterator[Position]:
    streams = [
        _folded(text, needle.text, begin, end)
        if needle.fold
        else (place for place, _ in seeking.hits(text, needle.text.encode(), begin, end))
        for needle in needles
    ]
    return streams[0] if len(streams) == 1 else heapq.merge(*streams)


def _folded(text: Mapped, needle: str, begin: Position, end: Position) -> Iterator[Position]:
    """Where `needle` (lower-case ASCII) stands in any case, and every foreign letter that equals one of its own."""
    wanted = needle.encode()
    others = [other.encode() for letter in set(needle) for other in _OTHER_CASES.get(letter, ())]
    buffer = bytearray(seeking.FIRST + len(wanted))
    here = begin
    while here < end:
        stop = text._window_end(here, seeking.FIRST, end)
        gathered = text._gather(here, seeking._onward(text, stop, len(wanted) - 1, end))
        data = gathered.data
        if len(data) > len(buffer):
            buffer = bytearray(len(data))
        lower = memoryview(buffer)[: len(data)]
        stringzilla.translate(data, _LOWER, out=lower)
        places = _places(lower, wanted)
        if others and stringzilla.find_first_of(data, _FOREIGN) >= 0:
            places = sorted({*places, *(place for other in others for place in _places(data, other))})
        text._saw(here, stop)
        yield from map(gathered.position, places)
        here = stop


def _places(data: Buffer, needle: bytes) -> list[int]:
    places = []
    found = stringzilla.find(data, needle)
    while found >= 0:
        places.append(found)
        found = stringzilla.find(data, needle, found + len(needle))
    return places


def _line_start(text: Mapped, position: Position, floor: Position) -> Position:
    """The position after the last line end before `position`, or `floor`."""
    here, size = position, 512
    while here > floor:
        start = text._retreat(here, size, floor)
        gathered = text._gather(start, here)
        found = stringzilla.rfind(gathered.data, b"\n")
        if found >= 0:
            return gathered.position(found + 1)
        here, size = start, min(4 * size, seeking.MOST)
    return floor


def _line_end(text: Mapped, position: Position, end: Position) -> Position:
    """The position of the next line end from `position` on, or `end`."""
    here, size = position, 512
    while here < end:
        stop = text._advance(here, size, end)
        gathered = text._gather(here, stop)
        found = stringzilla.find(gathered.data, b"\n")
        if found >= 0:
            return gathered.position(found)
        here, size = stop, min(4 * size, seeking.MOST)
    return end
