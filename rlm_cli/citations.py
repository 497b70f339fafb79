"""Sources of an answer: made by code, checked by the host against the bytes of the file before they are shown.

A citation begins as a span of bytes that a cell cites. The host reads those bytes itself, counts the lines itself, and
keeps the quote. When the answer is done each one is read again: the same bytes are `verified`; a quote that stands
elsewhere by now is `moved` and its line repaired; anything else is dropped with a warning. Nothing that the worker says
about a source is believed but the span.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from rlm_cli.context.spans import Span
from rlm_cli.context.store import ByteStore

_QUOTE_BYTES = 2_000  # of a long source only the head is quoted; the whole span is still checked by its ends
_WINDOW = 1 << 20
_MARK = re.compile(r"(?<![\w\])`])\[(\d{1,4})\](?!\()")
# The character before may not belong to a path: each run of path characters is tried once, so the scan is linear.
_REFERENCE = re.compile(
    r"(?<![\w@+~./!-])(?P<path><stdin>|[\w@+~./!-]++):(?P<line>\d{1,9})(?:-(?P<end>\d{1,9}))?(?![\w:])"
)
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)

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


class Sources:
    """The register of one run: shared by the root and its children, so that a number means the same everywhere."""

    def __init__(self, store: ByteStore, on_drop: Callable[[str], None] = lambda _: None) -> None:
        """`on_drop` is told in a sentence of each citation that does not hold."""
        self._store = store
        self._files = store.files
        self._found: list[Citation] = []
        self._numbers: dict[Span, int] = {}
        self._bytes: dict[int, bytes] = {}  # number → what stood there when it was cited
        self._base_names: dict[str, list[int]] | None = None
        self._on_drop = on_drop

    def add(self, span: Span) -> int:
        """Register a span; the number of its mark, from 1. Raises ValueError where there are no such bytes."""
        if (known := self._numbers.get(span)) is not None:
            return known
        if not (0 <= span.file < len(self._files) and 0 <= span.start <= span.end <= self._store.size(span.file)):
            raise ValueError("a source outside the input")
        taken = _taken(self._store, span)
        number = len(self._found) + 1
        newlines = self._store.newlines(span.file)
        first = newlines.before(span.start) + 1
        # A span that ends with a line end belongs to the line before it.
        last = max(first, newlines.before(max(span.start, span.end - 1)) + 1)
        quote = taken[:_QUOTE_BYTES].decode("utf-8", "replace").rstrip("\r\n")
        path = self._files.name(span.file)
        self._found.append(Citation(number, path, first, last, *span, quote))
        self._numbers[span] = number
        self._bytes[number] = taken
        return number

    def checked(self, number: int, now: ByteStore) -> Citation | None:
        """The citation of that number, read again from `now` and repaired; None where there is none or it fell."""
        if not 1 <= number <= len(self._found):
            return None
        citation, wanted = self._found[number - 1], self._bytes[number]
        if wanted and _taken(now, Span(citation.file, citation.start, citation.end)) == wanted:
            return citation
        moved = _search(now, citation, wanted) if wanted else None
        if moved is None:
            self._on_drop(f"a source was dropped: {citation.place} no longer holds what was cited")
        return moved

    def settle(self, text: str, now: ByteStore) -> tuple[str, list[Citation]]:
        """The answer's text and its sources, every one checked against `now`, a store that has just been opened.

        Marks `[n]` without a source become `[n?]`; `path:line` in prose becomes a source where that line exists and
        gets a `?` behind it where it does not. Where the text uses no mark at all, every registered source is shown.
        """
        used: dict[int, Citation] = {}
        known: dict[int, Citation | None] = {}

        def check(number: int) -> Citation | None:
            if number not in known:
                known[number] = self.checked(number, now)
            return known[number]

        def mark(match: re.Match[str]) -> str:
            citation = check(int(match[1]))
            if citation is None:
                return f"[{match[1]}?]" if self._found else match[0]
            used[citation.number] = citation
            return match[0]

        def reference(match: re.Match[str]) -> str:
            file = self._named(match["path"])
            if file is None:
                return match[0]
            first = int(match["line"])
            span = self._store.line_span(file, first, max(first, int(match["end"] or first)))
            if span is None:
                return match[0] + "?"
            number = self.add(Span(file, *span))
            if (citation := check(number)) is not None:
                used[number] = citation
            return match[0]

        made, position = [], 0
        for code in [*_CODE.finditer(text), None]:
            prose = text[position : code.start() if code else len(text)]
            made.append(_REFERENCE.sub(reference, _MARK.sub(mark, prose)))
            if code:
                inside = code[0]
                made.append(_REFERENCE.sub(reference, inside) if not inside.startswith("```") else inside)
                position = code.end()
        if not used:
            used = {number: found for number in range(1, len(self._found) + 1) if (found := check(number)) is not None}
        return "".join(made), [used[number] for number in sorted(used)]

    def _named(self, path: str) -> int | None:
        """The file that prose means by `path`: its whole name, or a tail of it that fits one file alone."""
        if (number := self._files.number(path)) is not None:
            return number
        if self._base_names is None:
            self._base_names = {}
            for file in range(len(self._files)):
                self._base_names.setdefault(self._files.name(file).rsplit("/", 1)[-1], []).append(file)
        tail = path.removeprefix("./")
        fitting = [
            file
            for file in self._base_names.get(tail.rsplit("/", 1)[-1], ())
            if self._files.name(file) == tail or self._files.name(file).endswith("/" + tail)
        ]
        return fitting[0] if len(fitting) == 1 else None


def _taken(store: ByteStore, span: Span) -> bytes:
    """What a citation is held to: its bytes; of a long one head and tail."""
    if span.end - span.start <= 2 * _QUOTE_BYTES:
        return bytes(store.view(*span))
    head = bytes(store.view(span.file, span.start, span.start + _QUOTE_BYTES))
    return head + bytes(store.view(span.file, span.end - _QUOTE_BYTES, span.end))


def _search(store: ByteStore, citation: Citation, wanted: bytes) -> Citation | None:
    """Where the quote stands now, in the file as it is."""
    if citation.end - citation.start > 2 * _QUOTE_BYTES:
        return None
    size = store.size(citation.file)
    for start in range(0, size, _WINDOW):
        window = bytes(store.view(citation.file, start, min(start + _WINDOW + len(wanted), size)))
        if (at := window.find(wanted)) >= 0:
            offset = start + at
            line = store.newlines(citation.file).before(offset) + 1
            end_line = line + citation.end_line - citation.line
            end = offset + len(wanted)
            return replace(citation, line=line, end_line=end_line, start=offset, end=end, state="moved")
    return None
