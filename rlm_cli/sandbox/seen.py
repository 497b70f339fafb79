"""What of the input went out of a cell towards a model, and what was searched for: notes for the account of the run.

A model sees the input in what a cell prints and in the prompts that it writes. Parts that are passed on as `Text` cross
as places and are counted by the host. Here the rest is recognised: matches that are printed, and text that stands in
the input letter for letter at a place that was read a moment ago. What code has changed first (`repr`, `upper`, a
sentence around a word) is not recognised and not counted. The time for it is bounded.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from functools import wraps
from itertools import islice
from typing import Any

from rlm_cli.context.coverage import Coverage
from rlm_cli.context.matches import ELLIPSIS, Match, Matches, Row
from rlm_cli.context.offsets import bytes_of_prefix, decode
from rlm_cli.context.spans import Span
from rlm_cli.context.store import ByteStore
from rlm_cli.sandbox.realise import is_text

MOST_ROWS = 2_000
MOST_SEARCHES = 50
LONGEST_SEARCH = 200
"""Characters of a pattern or query that are kept."""
_SECONDS = 0.05  # of a cell, for recognising strings
_SHORTEST = 16  # bytes: what is shorter stands in many places
_READ = 1 << 18  # bytes: a longer read is a scan, and too much to look through
_KEPT_READS = 32
_KEPT_MATCHES = 2_000
_LINES = 200  # of one printed text
_ANYWHERE = -1


class Reading(Coverage):
    """An account of what was read that also remembers the last short reads."""

    __slots__ = ("recent",)

    def __init__(self) -> None:
        super().__init__()
        self.recent: deque[tuple[int, int, int]] = deque(maxlen=_KEPT_READS)

    def add(self, file: int, start: int, end: int) -> None:
        super().add(file, start, end)
        if _SHORTEST <= end - start <= _READ:
            self.recent.append((file, start, end))


class Seen:
    """The notes of one worker. `shown` and `searched` are taken with each cell's report."""

    def __init__(self, store: ByteStore, reading: Reading) -> None:
        self._store = store
        self._reading = reading
        self._rows: list[list[int]] = []
        self._searches: dict[tuple[str, str], None] = {}
        self._matches: dict[str, tuple[int, Row]] = {}  # the text of a match → its file and row
        self._left = _SECONDS

    def noting(self, kind: str, reader: Callable[..., Any]) -> Callable[..., Any]:
        """`reader` (grep or search), its pattern and what it found noted."""

        @wraps(reader)
        def noted(pattern: Any, *arguments: Any, **named: Any) -> Any:
            asked = getattr(pattern, "pattern", pattern)
            self._search(kind, str(asked) if isinstance(asked, str) else repr(asked))
            found = reader(pattern, *arguments, **named)
            self._remember(found)
            return found

        return noted

    def _search(self, kind: str, pattern: str) -> None:
        if len(self._searches) < MOST_SEARCHES:
            self._searches.setdefault((kind, pattern[:LONGEST_SEARCH]))

    def _remember(self, found: Matches) -> None:
        for match in islice(found, _KEPT_MATCHES):
            if match.span is not None and len(match.text) >= _SHORTEST:
                self._matches.pop(match.text, None)
                self._matches[match.text] = (match.span.file, Row("", match.line, match.text, match.cut))
        while len(self._matches) > _KEPT_MATCHES:
            del self._matches[next(iter(self._matches))]

    def begin(self) -> None:
        """A new cell."""
        self._rows.clear()
        self._left = _SECONDS

    @property
    def searched(self) -> bool:
        """Whether the present cell has searched, or gone through half of the input."""
        files = self._store.files
        return bool(self._searches) or 2 * self._reading.bytes() >= sum(files.size(n) for n in range(len(files)))

    def take(self) -> tuple[list[list[int]], list[list[str]]]:
        """Rows `[offset in the output or -1, characters, file, start, end]`, and `[kind, pattern]` of every search."""
        rows, searches = self._rows, [list(search) for search in self._searches]
        self._rows, self._searches = [], {}
        return rows, searches

    def printed(self, value: Any, offset: int) -> None:
        """`value` is written to the output at `offset`."""
        try:
            self._printed(value, offset)
        except Exception:  # a file that is gone, a hostile str: the account is short of it, and no cell fails
            return

    def sent(self, text: str) -> None:
        """`text` stands in a prompt."""
        if len(text) >= _SHORTEST:
            self.printed(text, _ANYWHERE)

    def _printed(self, value: Any, offset: int) -> None:
        if len(self._rows) >= MOST_ROWS:
            return
        if isinstance(value, Match):
            if value.span is None:
                return
            for row in value.rows():
                self._line(value.span.file, row, offset + len(row.head))
                offset += len(row.head) + len(row.text) + 1
        elif isinstance(value, Matches):
            between = 4 if any(match.before or match.after for match in value) else 1
            for match in islice(value, MOST_ROWS):
                self._printed(match, offset)
                offset += len(str(match)) + between
        elif is_text(value):
            at = offset
            for part in islice(value.parts(), MOST_ROWS):
                size = part.end - part.start if isinstance(part, Span) else len(part)
                if isinstance(part, Span):
                    self._row(at, size, part)
                at += size
        elif type(value) is str and self._left > 0:
            began = time.perf_counter()
            self._recognise(value, offset)
            self._left -= time.perf_counter() - began

    def _recognise(self, text: str, offset: int) -> None:
        data = text.encode("utf-8", "replace")
        if len(data) >= _SHORTEST:
            for file, start, end in reversed(self._reading.recent):
                read = bytes(self._store.peek(file, start, end))
                if len(data) <= len(read):
                    at = read.find(data)
                    if at >= 0:
                        self._row(offset, len(text), Span(file, start + at, start + at + len(data)))
                        return
                elif (at := data.find(read)) >= 0:
                    self._row(_moved(offset, at), len(read), Span(file, start, end))
        at = 0
        for line in islice(text.split("\n"), _LINES):
            known = self._matches.get(line) or self._matches.get(line.partition(": ")[2])
            if known is not None:
                self._line(*known, _moved(offset, at + len(line) - len(known[1].text)))
            at += len(line) + 1

    def _line(self, file: int, row: Row, offset: int) -> None:
        """The part of a line of `file` that stands at `offset`: to the byte, without ellipses."""
        place = self._store.line_span(file, row.number, row.number)
        if place is None:
            return
        shown = row.text
        if row.cut > 0:
            shown, offset = shown.removeprefix(ELLIPSIS), _moved(offset, len(ELLIPSIS))
        before = max(0, row.cut)
        data = bytes(self._store.peek(file, place[0], min(place[1], place[0] + 4 * (before + len(shown)))))
        line = decode(data)
        if not line.startswith(shown, before):  # a source may begin inside the line; else it is cut at its end
            whole = shown
            shown = shown.removesuffix(ELLIPSIS)
            before = before if line.startswith(shown, before) else max(line.find(whole), line.find(shown))
        if before >= 0:
            start = bytes_of_prefix(data, before)
            end = bytes_of_prefix(data, before + len(shown))
            self._row(offset, len(shown), Span(file, place[0] + start, place[0] + end))

    def _row(self, offset: int, length: int, span: Span) -> None:
        if len(self._rows) < MOST_ROWS and span.end > span.start:
            self._rows.append([offset, length, *span])


def _moved(offset: int, by: int) -> int:
    return offset if offset == _ANYWHERE else offset + by
