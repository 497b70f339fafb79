"""Regions: the stretches of bytes that grep, search and chunks go through, one file after another."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from itertools import islice
from typing import Any, NamedTuple

import stringzilla

from rlm_cli.context.files import Files
from rlm_cli.context.layout import quoted
from rlm_cli.context.matches import Match
from rlm_cli.context.offsets import Buffer, back_to_border
from rlm_cli.context.spans import Span
from rlm_cli.context.store import ByteStore, MemoryStore
from rlm_cli.context.text import Text

WINDOW = 256 << 10
"""Bytes that may be copied at once. Above this size the allocator gives each copy fresh pages: twice the time."""
_LONGEST_LINE = 64 << 20  # bytes; a line without end is cut here, at a character boundary
_HEADER = re.compile(r"\n?==> .* <==\n\Z")  # the line over a file in `context`: it belongs to no file
_PATH = re.compile(r"[^\s<>\"'(){}=;]*[/.*][^\s<>\"'(){}=;]*\w[^\s<>\"'(){}=;]*\Z")
_NEIGHBOURS = 20_000  # names that a wrong one is compared with


class Region(NamedTuple):
    """Bytes `start` to `end` of a file of `store`, cut at character boundaries. `source` is what offsets count in."""

    store: ByteStore
    file: int
    start: int
    end: int
    source: Text | str
    known: bool = True  # the file belongs to the input, and not to a text that a cell made

    @property
    def name(self) -> str:
        return quoted(self.store.files.name(self.file)) if self.known else ""

    def line(self, offset: int) -> int:
        """The line of the file, from 1, that the byte at `offset` stands in."""
        return self.store.newlines(self.file).before(offset) + 1

    def text(self, start: int, end: int) -> str:
        """The bytes `start` to `end` of the file as text."""
        return str(self.store.view(self.file, start, end), "utf-8", "replace")

    def offsets(self, start: int, end: int) -> tuple[int, int]:
        """Two places of the file, in characters of the source."""
        if type(self.source) is Text and self.known:
            first = self.source.offset_of(self.file, start)
            assert first is not None
        else:
            first = len(self.text(0, start))
        return first, first + len(self.text(start, end))

    def span(self, start: int, end: int) -> Span | None:
        return Span(self.file, start, end) if self.known else None

    def windows(self, size: int = WINDOW) -> Iterator[tuple[int, Buffer]]:
        """(offset in the file, bytes) of about `size` bytes, each but the last cut behind a line end."""
        at, want = self.start, size
        while at < self.end:
            data = self.store.view(self.file, at, min(at + want, self.end))
            if not data:  # truncated since: what is gone is not read
                return
            if at + len(data) < self.end and len(data) == want:
                keep = stringzilla.rfind(data, b"\n") + 1
                if keep == 0 and want < _LONGEST_LINE:
                    want *= 4
                    continue
                data = data[: keep or len(data) - back_to_border(data[-4:]) - 1]
            yield at, data
            at, want = at + len(data), size


def regions(source: Any, files: Files) -> Iterator[Region]:
    """The regions of a source: a text, a path or glob of `files`, a match, or several of these.

    Raises FileNotFoundError, with the nearest names, for a str that can only be meant as a path, and TypeError.
    """
    if type(source) is Text:
        yield from _of_text(source)
    elif isinstance(source, Match):
        yield from _of_match(source, files)
    elif isinstance(source, str):
        yield from _of_str(source, files)
    elif isinstance(source, Mapping):
        for name in source:
            yield from regions(source[name], files)
    elif isinstance(source, Iterable):
        for item in source:
            yield from regions(item, files)
    else:
        raise TypeError(f"source must be a text, a path of `files`, or a list of these, not {type(source).__name__}")


def _of_text(text: Text) -> Iterator[Region]:
    for part in text.parts():
        if isinstance(part, Span):
            yield Region(text._store, part.file, part.start, part.end, text)
        elif not _HEADER.match(part):
            yield _made(part)


def _of_match(match: Match, files: Files) -> Iterator[Region]:
    text = files[match.path] if match.span is not None else None
    if match.span is None or type(text) is not Text:
        yield _made(match.passage)
    else:
        yield Region(text._store, *match.span, text)


def _of_str(source: str, files: Files) -> Iterator[Region]:
    meant = named(source, files)
    if meant is None:
        yield _made(source)
    for text in meant or ():
        yield from _of_text(text)


def named(source: str, files: Files) -> list[Text] | None:
    """The files that a str means, by path or glob; None for one that is text itself. Raises FileNotFoundError."""
    if len(source) >= 4096:
        return None
    if source in files:
        return [files[source]]
    if not _PATH.match(source):
        return None
    found = [files[name] for name in files.glob(source)] if "*" in source else []
    if not found:
        near = get_close_matches(source, islice(files, _NEIGHBOURS), n=3, cutoff=0.5)
        hint = f"; near it: {', '.join(near)}" if near else "; `files` has the names"
        raise FileNotFoundError(f"no file named {source!r} in the input{hint}")
    return found


def texts(source: Any, files: Files) -> Any:
    """`source` as a text or a list of texts: paths, globs and matches are looked up. Raises as `regions` does."""
    if type(source) is Text:
        return source
    if isinstance(source, Match):
        return source.passage
    if isinstance(source, str):
        meant = named(source, files)
        return source if meant is None else meant[0] if len(meant) == 1 else meant
    if isinstance(source, Mapping):
        return list(source.values())
    found: list[Any] = []
    for item in source:
        text = texts(item, files)
        found += text if isinstance(text, list) else [text]
    return found


def _made(text: str) -> Region:
    """A region of text that is no part of the input."""
    data = text.encode("utf-8", "surrogatepass")
    return Region(MemoryStore([data]), 0, 0, len(data), text, known=False)
