"""Matches: what grep and search give back, one place of the input each."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from rlm_cli.context.spans import Span

NO_MATCH = "(no match"
"""So begins what is printed of no matches."""
_SHOWN = 400  # characters of a line; logs and minified files have lines of megabytes

ELLIPSIS = "…"


class Row(NamedTuple):
    """A line as a match prints it: what is before it, its number, and the part of it that is shown."""

    head: str
    number: int
    text: str
    cut: int  # characters of the line before that part; -1 where that is not known


class Match:
    """A place in the input. Prints as `path:line: text`.

    `path`; `line`, from 1, and that line's `text`, shortened around the match where it is very long; `start` and `end`,
    characters in the source that was given; `span`, bytes in the file, or None where the source is no part of the
    input; `first` and `last`, its lines; `passage`, the text that was found; `score`, for search.
    `cite` takes it.
    """

    __slots__ = (
        "_offsets", "_passage", "after", "before", "cut", "first", "last", "line", "path", "score", "span", "text"
    )  # fmt: skip

    def __init__(
        self,
        path: str,
        line: int,
        text: str,
        span: Span | None,
        offsets: Callable[[], tuple[int, int]],
        passage: Callable[[], str],
        *,
        first: int | None = None,
        last: int | None = None,
        score: float = 0.0,
        cut: int = 0,
        before: tuple[str, ...] = (),
        after: tuple[str, ...] = (),
    ) -> None:
        self.path = path
        self.line = line
        self.text = text
        self.span = span
        self.first = line if first is None else first
        self.last = line if last is None else last
        self.score = score
        self.cut = cut
        self.before = before
        self.after = after
        self._offsets = offsets
        self._passage = passage

    @property
    def start(self) -> int:
        """Where the match starts, in characters of the source. Counted when asked for."""
        return self._offsets()[0]

    @property
    def end(self) -> int:
        """Where the match ends, in characters of the source. Counted when asked for."""
        return self._offsets()[1]

    @property
    def passage(self) -> str:
        """The whole text of the place: what a pattern matched, or the lines that search found."""
        return self._passage()

    def rows(self) -> Iterator[Row]:
        """The lines that it prints, in order."""
        for at, text in enumerate(self.before, self.line - len(self.before)):
            yield Row(f"{self.path}-{at}- ", at, text, -1)
        yield Row(f"{self.path}:{self.line}: " if self.path else f"{self.line}: ", self.line, self.text, self.cut)
        for at, text in enumerate(self.after, self.line + 1):
            yield Row(f"{self.path}-{at}- ", at, text, -1)

    def __str__(self) -> str:
        return "\n".join(row.head + row.text for row in self.rows())

    __repr__ = __str__

    def __getattr__(self, name: str) -> Any:
        """The methods of `str`, over `text`: models write `hit.split("=")` as soon as a match prints as a line."""
        if name.startswith("_") or not hasattr(str, name):
            raise AttributeError(f"a match has no attribute {name!r}; it has .path .line .text .passage .start .end")
        return getattr(self.text, name)

    def __contains__(self, part: str) -> bool:
        return part in self.text

    def __getitem__(self, key: int | slice) -> str:
        return self.text[key]

    def _key(self) -> tuple[object, ...]:
        return (self.path, self.line, self.text, self.span, self.first, self.last)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Match) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())


class Matches(list[Match]):
    """A list of matches, in order. `note` says what was left out: a limit that cut it, a source read in part."""

    __slots__ = ("note",)

    def __init__(self, found: Iterable[Match] = (), note: str = "") -> None:
        super().__init__(found)
        self.note = note

    def __str__(self) -> str:
        between = "\n--\n" if any(match.before or match.after for match in self) else "\n"
        shown = between.join(map(str, self))
        if self.note:
            return f"{shown}\n({self.note})" if shown else f"{NO_MATCH}; {self.note})"
        return shown or f"{NO_MATCH})"

    __repr__ = __str__

    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        return Matches(found, self.note) if isinstance(key, slice) else found


def densest(line: str, words: Sequence[str]) -> int:
    """Where most of `words` (lower case) stand close together in `line`, in characters; 0 where none does.

    A paragraph of prose is one line of a thousand characters, and what was looked for is rarely at its beginning.
    """
    if len(line) <= _SHOWN:
        return 0
    low = line.lower()
    places = sorted((found.start(), word) for word in set(words) for found in re.finditer(re.escape(word), low))
    best = start = 0
    inside: Counter[str] = Counter()
    last = 0
    for place, word in places:
        inside[word] += 1
        while places[last][0] < place - _SHOWN // 2:
            gone = places[last][1]
            inside[gone] -= 1
            last += 1
            if not inside[gone]:
                del inside[gone]
        if len(inside) > best:
            best, start = len(inside), places[last][0]
    return start


def shown_from(line: str, start: int = 0, most: int = _SHOWN) -> int:
    """How many characters of `line` come before those that `shortened` shows."""
    return max(0, min(start - most // 4, len(line) - most))


def shortened(line: str, start: int = 0, most: int = _SHOWN) -> str:
    """`line` cut to `most` characters around `start`, with an ellipsis on each side that was cut."""
    if len(line) <= most:
        return line
    first = shown_from(line, start, most)
    shown = line[first : first + most]
    return (ELLIPSIS if first else "") + shown + (ELLIPSIS if first + most < len(line) else "")
