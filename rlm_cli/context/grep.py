"""grep: the lines that a pattern matches, found a window of bytes at a time.

`re` decides every result, on one decoded line; bytes decide which lines it is asked about: a line costs `re`
about a microsecond, where a vectorised search for a literal goes through 20 GiB in a second.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from rlm_cli.context.linewise import line_pattern
from rlm_cli.context.matches import shortened
from rlm_cli.context.offsets import BLOCK, count_byte
from rlm_cli.context.regions import Region

_MAPPED = 4 << 20  # bytes of a window that is looked at where it lies, without a copy
_CONTEXT = 1 << 12  # bytes read at first for the lines around a match


class Line(NamedTuple):
    """A line that matches: its bytes are `start` to `end` of the region's file, without the line end."""

    region: Region
    number: int  # of the line in its file, from 1
    start: int
    end: int
    text: str
    found: tuple[int, int]  # where in `text`, in characters


def compiled(pattern: str | re.Pattern[str], ignore_case: bool) -> tuple[re.Pattern[str], str]:
    """The pattern, and what the caller should be told of it. One that is no regular expression is taken literally."""
    if not isinstance(pattern, str):  # compiled again: a cell's pattern is a wrapper around the real one
        return re.compile(pattern.pattern, pattern.flags | (re.IGNORECASE if ignore_case else 0)), ""
    flags = re.IGNORECASE if ignore_case else re.NOFLAG
    try:
        return re.compile(pattern, flags), ""
    except re.error as error:
        return re.compile(re.escape(pattern), flags), f"taken as literal text, since it is no pattern: {error}"


def lines_matching(pattern: re.Pattern[str], regions: Iterable[Region]) -> Iterator[Line]:
    """The matching lines of all regions in order, each once with its first match. A line ends at `\\n` or `\\r\\n`."""
    asked = line_pattern(pattern)
    # A literal is found where the bytes lie; whatever makes a copy works on blocks that stay in the cache.
    size = _MAPPED if asked.exact else BLOCK
    for region in regions:
        for start, data in region.windows(size):
            counted, number = 0, 0  # lines are counted from the match before, and only once there is one
            for first, last in asked.lines(data):
                raw = bytes(data[first:last]).removesuffix(b"\r")
                text = raw.decode("utf-8", "replace")
                found = pattern.search(text)
                if found is None:
                    continue
                begin = start + first
                number = number + count_byte(data[counted:first], 10) if number else region.line(begin)
                counted = first
                yield Line(region, number, begin, begin + len(raw), text, found.span())


def offsets(line: Line) -> tuple[int, int]:
    """Where the match is in the source, in characters."""
    before, _ = line.region.offsets(line.start, line.start)
    return before + line.found[0], before + line.found[1]


def around(line: Line, before: int, after: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Up to so many lines before and after a line, within its region."""
    region = line.region
    above: list[bytes] = []
    size = _CONTEXT
    while before > 0:
        start = max(region.start, line.start - size)
        rows = bytes(region.store.view(region.file, start, line.start)).split(b"\n")[:-1]
        if start == region.start or len(rows) > before:
            above = rows[-before:]
            break
        size *= 4
    below: list[bytes] = []
    size = _CONTEXT
    while after > 0:
        end = min(region.end, line.end + size)
        rows = bytes(region.store.view(region.file, line.end, end)).split(b"\n")
        if end == region.end or len(rows) > after + 1:
            below = rows[1 : after + 1] if rows[-1] or len(rows) > after + 1 else rows[1:-1]
            break
        size *= 4
    return _texts(above), _texts(below)


def _texts(rows: Sequence[bytes]) -> tuple[str, ...]:
    return tuple(shortened(row.removesuffix(b"\r").decode("utf-8", "replace")) for row in rows)
