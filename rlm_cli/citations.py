"""Sources of an answer: made by code, checked by the host against the bytes of the file before they are shown.

A citation begins as a span of bytes that a cell cites. The host reads those bytes itself, counts the lines itself, and
keeps the quote and a digest of the whole. When the answer is done each one is read again: the same bytes at the same
place are `verified`; the same bytes elsewhere by now are `moved` and their lines repaired; anything else is dropped
with a warning. Nothing that the worker says about a source is believed but the span.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, Literal, NamedTuple

import stringzilla

from rlm_cli.context.spans import Span
from rlm_cli.context.store import ByteStore
from rlm_cli.errors import InputError

MOST_BYTES = 256 << 20
"""Bytes of one source. All of it is read twice, so a whole log of gigabytes is none."""
MOST_SOURCES = 10_000
"""Sources that the cells of one run may cite: thousands in a second, and the host keeps up to 4 kB of each."""
_QUOTE_BYTES = 2_000  # of a long source only the head is quoted; all of it is compared, by digest
_WINDOW = 1 << 20
_MOST_SEARCHED = 1 << 30  # bytes of a changed file that are looked through for a quote, in each direction
_MOST_PLACES = 10_000  # places that begin like the quote

State = Literal["verified", "moved", "dropped"]


@dataclass(frozen=True, slots=True)
class Citation:
    """One source. Bytes are offsets in the file's text, lines count from 1, both ends of the lines inclusive."""

    number: int
    path: str
    line: int
    end_line: int
    file: int
    start: int
    end: int
    quote: str
    state: State = "verified"

    @property
    def place(self) -> str:
        """`path:line` or `path:first-last`."""
        return f"{self.path}:{self.line}" + (f"-{self.end_line}" if self.end_line > self.line else "")

    def to_json(self) -> dict[str, object]:
        return {
            "number": self.number,
            "path": self.path,
            "line": self.line,
            "end_line": self.end_line,
            "start_byte": self.start,
            "end_byte": self.end,
            "quote": self.quote,
            "verified": self.state != "dropped",
            "moved": self.state == "moved",
        }


class Known(NamedTuple):
    """A source as a journal knows it: the place is what counts, so that a number means the same in a second walk."""

    path: str
    start_byte: int
    end_byte: int


class _Held(NamedTuple):
    """What a citation is held to."""

    head: bytes  # the first `_QUOTE_BYTES`
    digest: bytes  # of all of it
    from_line_start: bool
    to_line_end: bool


class EmptySource(ValueError):
    """A place that is there and says nothing."""

    def __init__(self) -> None:
        super().__init__("an empty line is no source: cite a line that says something")


class Sources:
    """The register of one run: shared by the root and its children, so that a number means the same everywhere."""

    def __init__(
        self,
        store: ByteStore,
        on_drop: Callable[[str], None] = lambda _: None,
        recorded: Iterable[Sequence[Mapping[str, Any]]] = (),
    ) -> None:
        """`on_drop` is told in a sentence of each citation that does not hold.

        `recorded`: what each cell of an earlier walk of this run has cited (`cell.finished`). Children cite in whatever
        order they come, so a second walk would number anew what the models know by other numbers.
        """
        self.store = store
        self._recorded = dict(known for cell in recorded for one in cell if (known := _known(one)) is not None)
        self._last = max(self._recorded.values(), default=0)
        self._found: dict[int, Citation] = {}
        self._numbers: dict[Span, int] = {}
        self._by_lines: dict[tuple[int, int, int], int] = {}  # file, first and last line → a source of these lines
        self._held: dict[int, _Held] = {}
        self._on_drop = on_drop
        self._lock = threading.Lock()

    @property
    def numbers(self) -> Collection[int]:
        """Those that were given. There are gaps where a cell of an earlier walk was cut off."""
        return self._found.keys()

    def known(self, number: int) -> Known:
        """What to record of the source of that number."""
        found = self._found[number]
        return Known(found.path, found.start, found.end)

    def add(self, span: Span) -> int:
        """Register a span; the number of its mark, from 1. Raises ValueError for what can be no source.

        Children cite from threads of their own: one at a time, so that no two sources get one number.
        """
        with self._lock:
            return self._add(span)

    def _add(self, span: Span) -> int:
        if (known := self._numbers.get(span)) is not None:
            return known
        store = self.store
        if not (0 <= span.file < len(store.files) and 0 <= span.start <= span.end <= store.size(span.file)):
            raise ValueError("a source outside the input")
        if span.start == span.end:
            raise EmptySource
        if span.end - span.start > MOST_BYTES:
            raise ValueError("a source of more than 256 MB cannot be checked: cite the lines that matter")
        held = _held(store, span)
        if held is None:
            raise ValueError("a source that cannot be read any more")
        if span.end - span.start <= _QUOTE_BYTES and not held.head.strip(b"\r\n"):
            raise EmptySource
        path = store.files.name(span.file)
        number = self._recorded.get(Known(path, span.start, span.end), 0)
        if not number:
            number = self._last = self._last + 1
        first, last = _lines(store, span)
        quote = held.head.decode("utf-8", "replace").rstrip("\r\n")
        self._found[number] = Citation(number, path, first, last, *span, quote)
        self._held[number] = held
        self._numbers[span] = number
        if held.from_line_start and held.to_line_end:
            self._by_lines.setdefault((span.file, first, last), number)
        return number

    def add_again(self, cited: Iterable[Mapping[str, Any]]) -> None:
        """Register what a recorded cell that is not run again has cited, as far as it is still there."""
        for place, _ in filter(None, map(_known, cited)):
            file = self.store.files.number(place.path)
            if file is not None:
                with contextlib.suppress(ValueError, InputError):
                    self.add(Span(file, place.start_byte, place.end_byte))

    def of_lines(self, file: int, first: int, last: int) -> int | None:
        """The number of a source that is these whole lines, with or without the end of the last."""
        return self._by_lines.get((file, first, last))

    def checked(self, number: int, now: ByteStore, same: Callable[[int], bool] = lambda _: False) -> Citation | None:
        """The citation of that number, read again from `now` and repaired; None where there is none or it fell.

        `same(file)` says that a file surely is what it was: then its lines need not be counted again.
        """
        if number not in self._found:
            return None
        citation, held = self._found[number], self._held[number]
        span = Span(citation.file, citation.start, citation.end)
        if _held(now, span) == held:
            if same(citation.file):
                return citation
            first, last = _lines(now, span)
            if (first, last) == (citation.line, citation.end_line):
                return citation
            return replace(citation, line=first, end_line=last, state="moved")
        start = _nearest(now, span, held)
        if start is None:
            self._on_drop(f"a source was dropped: {citation.place} no longer holds what was cited")
            return None
        moved = Span(span.file, start, start + span.end - span.start)
        first, last = _lines(now, moved)
        return replace(citation, line=first, end_line=last, start=moved.start, end=moved.end, state="moved")


def _known(data: Mapping[str, Any]) -> tuple[Known, int] | None:
    """A source and its number, as recorded; None where a journal does not say so much."""
    number, path, start, end = (data.get(name) for name in ("number", *Known._fields))
    if not (isinstance(path, str) and isinstance(start, int) and isinstance(end, int)):
        return None
    return (Known(path, start, end), number) if isinstance(number, int) and number > 0 else None


def _lines(store: ByteStore, span: Span) -> tuple[int, int]:
    """First and last line of a span. One that ends with a line end ends on the line before it."""
    newlines = store.newlines(span.file)
    first = newlines.before(span.start) + 1
    return first, max(first, newlines.before(max(span.start, span.end - 1)) + 1)


def _held(store: ByteStore, span: Span) -> _Held | None:
    """What stands there; None where there are fewer bytes."""
    digest, head = blake2b(digest_size=16), b""
    for start in range(span.start, span.end, _WINDOW):
        wanted = min(_WINDOW, span.end - start)
        data = bytes(store.peek(span.file, start, start + wanted))
        if len(data) < wanted:
            return None
        digest.update(data)
        head = head or data[:_QUOTE_BYTES]
    return _Held(head, digest.digest(), *_edges(store, span))


def _edges(store: ByteStore, span: Span) -> tuple[bool, bool]:
    """Whether it begins where a line does, and ends where one does."""
    before = bytes(store.peek(span.file, max(0, span.start - 1), span.start))
    last = bytes(store.peek(span.file, span.end - 1, span.end + 2))
    ends = len(last) == 1 or last[:1] == b"\n" or last[1:2] == b"\n" or last[1:3] == b"\r\n"
    return before in (b"", b"\n"), ends


def _nearest(store: ByteStore, span: Span, held: _Held) -> int | None:
    """Where the bytes stand now, next to where they were. What was whole lines has to be whole lines again."""

    size = span.end - span.start
    left = _MOST_SEARCHED

    def holds(start: int) -> bool:
        nonlocal left
        there = Span(span.file, start, start + size)
        if left < 0 or _edges(store, there) != (held.from_line_start, held.to_line_end):
            return False
        left -= size if size > _QUOTE_BYTES else 0
        return _held(store, there) == held

    after = _scan(store, span, held.head, holds, forward=True)
    before = _scan(store, span, held.head, holds, forward=False)
    if after is None or before is None:
        return before if after is None else after
    return after if after - span.start <= span.start - before else before


def _scan(store: ByteStore, span: Span, head: bytes, holds: Callable[[int], bool], *, forward: bool) -> int | None:
    """The first place from `span.start` on, or before it and back, that begins with `head` and holds."""
    size, places = store.size(span.file), 0
    edge = min(span.start, size)
    searched = 0
    while (edge < size if forward else edge > 0) and searched < _MOST_SEARCHED:
        low, high = (edge, min(edge + _WINDOW, size)) if forward else (max(0, edge - _WINDOW), edge)
        data = bytes(store.peek(span.file, low, min(high + len(head) - 1, size)))
        at: int = stringzilla.find(data, head) if forward else stringzilla.rfind(data, head)
        while at >= 0:
            if holds(low + at):
                return low + at
            places += 1
            if places > _MOST_PLACES:
                return None
            at = data.find(head, at + 1) if forward else data.rfind(head, 0, at + len(head) - 1)
        searched += high - low
        edge = high if forward else low
    return None
