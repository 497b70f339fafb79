"""Windows of mapped text in which `re` decides what it would decide in the whole text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rlm_cli.context.mapped import Mapped, Position
from rlm_cli.context.shape import UNBOUNDED, Shape

WINDOW = 1 << 16
"""Bytes read at once. Larger ones cost eight times as much to decode (measured)."""


Seen = tuple[re.Match[str], Position, int]
"""A match of `re` inside a window, a position of the text, and how many characters after it the window begins.

A plain tuple, as there may be millions.
"""


def certain_limit(shape: Shape, window: str) -> int:
    """The last place in `window` where an attempt cannot look beyond its end; -1 where there is none."""
    limit = len(window) - shape.width - 2 if shape.width < UNBOUNDED else -1
    if shape.stops is None:
        return limit
    # The character after a stop must be there too: `$` looks at it.
    high, size, needed = len(window) - 1, 64 + 2 * shape.passes, shape.passes + 1
    while high > 0:
        low = max(0, high - size)
        found = [match.start() for match in shape.stops.finditer(window, low, high)]
        if len(found) >= needed:
            return max(limit, found[-needed])
        needed -= len(found)
        high, size = low, size * 2
    return limit


class RunningWindow:
    """One window that moves over the text from `begin` to `end`, and grows where a match needs more."""

    def __init__(self, pattern: re.Pattern[str], shape: Shape, text: Mapped, begin: Position, end: Position) -> None:
        self._pattern = pattern
        self._shape = shape
        self._text = text
        self._end = end
        before = before_position(text, begin, shape.behind)
        self._window = before
        self._anchor = begin
        self._ahead = -len(before)  # characters from the anchor to the window's first
        self._next = begin  # where reading goes on
        self._at = len(before)  # in the window: where the next attempt begins
        self._step = max(WINDOW, len(before))

    def _read(self, size: int) -> None:
        pieces = [self._window]
        total = len(self._window)
        while size > 0 and self._next < self._end:
            stop = self._text._advance(self._next, min(size, WINDOW), self._end)
            piece = self._text._decoded(self._next, stop)
            pieces.append(piece)
            total += len(piece)
            self._next = stop
            size -= WINDOW
        if total > self._text.limit:
            raise self._text._over_limit("This pattern may run over the whole input, which")
        self._window = "".join(pieces)

    def _forget(self) -> None:
        """Drop what lies before the next attempt, but for what may be looked back at."""
        drop = self._at - self._shape.behind
        if drop > 0:
            self._window = self._window[drop:]
            self._ahead += drop
            self._at -= drop

    def _certain(self, match: re.Match[str]) -> bool:
        """Whether a match that begins where an attempt could look beyond the window is what it is all the same."""
        lazy = self._shape.lazy
        return lazy is not None and match.end() + lazy.width + 2 <= len(self._window)

    def matches(self) -> Iterator[Seen]:
        """Every match from the front, as `finditer` of the whole text gives them."""
        self._read(self._step)
        empty_at = -1  # in the window: where the last match was empty, so that it is not found again
        while True:
            final = self._next >= self._end
            window = self._window
            limit = len(window) if final else certain_limit(self._shape, window)
            start = self._at
            at, anchor, ahead = start, self._anchor, self._ahead
            for match in self._pattern.finditer(window, start):  # no calls in here: it is as fast as `re` or it is slow
                begin, end = match.span()
                if begin > limit and not self._certain(match):
                    break
                if begin == end:
                    if end == empty_at:
                        continue
                    empty_at = end
                else:
                    empty_at = -1
                yield match, anchor, ahead
                at = end
            self._at = at
            if final or (self._shape.anchored and limit >= start):
                return
            self._at = self._without_head(max(self._at, limit + 1))
            moved = self._at > start
            before = self._at
            self._forget()
            empty_at -= before - self._at if empty_at >= 0 else 0
            # What is kept is copied once for each read, so that a read brings about as much again.
            self._step = max(WINDOW, len(self._window)) if moved else max(self._step * 2, len(self._window))
            self._read(self._step)

    def _without_head(self, here: int) -> int:
        """The first place from `here` on where a match can begin, or could beyond the window."""
        head = self._shape.head
        sure = here if head is None else len(self._window) - head.width - 2
        if head is None or sure <= here:
            return here
        found = head.pattern.search(self._window, here)
        return sure if found is None or found.start() > sure else found.start()

    def attempt(self, *, full: bool) -> Seen | None:
        """A match that begins where this window begins; with `full`, and ends where the text ends."""
        self._read(self._step)
        while True:
            final = self._next >= self._end
            if final or not full:
                match = (self._pattern.fullmatch if full else self._pattern.match)(self._window, self._at)
            else:
                match = None
            limit = len(self._window) if final else certain_limit(self._shape, self._window)
            if self._at <= limit or (match is not None and self._certain(match)):
                return None if match is None else (match, self._anchor, self._ahead)
            self._read(max(self._step, len(self._window)))


def before_position(text: Mapped, position: Position, characters: int) -> str:
    """Up to `characters` characters before a position, not before the text's begin."""
    begin = text._begin()
    if position <= begin:
        return ""
    start = text._retreat(position, 4 * characters + 4, begin)
    return text._decoded(start, position)[-characters:]
