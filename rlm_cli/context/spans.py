"""Where a piece of the input is: the coin that host and worker pass each other in place of text.

Text is never copied between processes. A part of the input is a `Span` of bytes in a numbered file; a prompt that mixes
the model's own words with parts of the input is a list of `Part`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Span(NamedTuple):
    """Bytes `start` to `end` (exclusive) of file number `file` of the corpus. Cut at character boundaries."""

    file: int
    start: int
    end: int


Part = str | Span
"""Literal text, or a place in the input whose text is read only where it is used."""


class FileNames(Protocol):
    """What both sides know of the corpus without opening anything: numbered files, their names and sizes."""

    def __len__(self) -> int: ...

    def name(self, file: int) -> str:
        """The name that is shown and cited: a path as the user would write it, `logs.tar.gz!/a.log`, or `<stdin>`."""
        ...

    def size(self, file: int) -> int:
        """Bytes of text of this file, as discovery saw them. Growth after that is not read."""
        ...

    def base(self, file: int) -> int:
        """Where its text begins in its descriptor, in bytes: after a byte order mark, or at a member's place.

        Spans count from there: byte `start` of the text is byte `base + start` of the descriptor.
        """
        ...

    def number(self, name: str) -> int | None:
        """The file of that name, or None."""
        ...


class Store(Protocol):
    """The bytes behind a corpus, in whichever process."""

    files: FileNames

    def view(self, file: int, start: int, end: int) -> memoryview | bytes:
        """The bytes from `start` to `end`; fewer where the file has been truncated since. Raises `InputError`."""
        ...


def wire(parts: Sequence[Part]) -> list[object]:
    """`parts` as JSON: text as a string, a span as a list of three numbers."""
    return [part if isinstance(part, str) else list(part) for part in parts]


def unwire(value: object, files: int) -> list[Part]:
    """Parts from JSON that an untrusted worker sent. Raises ValueError for anything else than `wire` makes."""
    if not isinstance(value, list):
        raise ValueError("parts must be a list")
    parts: list[Part] = []
    for item in value:
        if isinstance(item, str):
            parts.append(item)
            continue
        if not (isinstance(item, list) and len(item) == 3 and all(type(number) is int for number in item)):
            raise ValueError("a part must be a string or three numbers")
        span = Span(*item)
        if not (0 <= span.file < files and 0 <= span.start <= span.end):
            raise ValueError("a span outside the corpus")
        parts.append(span)
    return parts
