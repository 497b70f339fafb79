"""Matches: what grep and search give back, one place of the input each."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from rlm_cli.context.spans import Span

_SHOWN = 400  # characters of a line; logs and minified files have lines of megabytes


class Match:
    """A place in the input. Prints as `path:line: text`.

    `path`; `line`, from 1, and that line's `text`, shortened around the match where it is very long; `start` and `end`,
    characters in the source that was given; `span`, bytes in the file, or None where the source is no part of the
    input; `first` and `last`, its lines; `passage`, the text that was found; `score`, for search.
    `cite` takes it.
    """

    __slots__ = ("_offsets", "_passage", "after", "before", "first", "last", "line", "path", "score", "span", "text")

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

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.path else str(self.line)
        lines = [
            *(f"{self.path}-{self.line - len(self.before) + at}- {text}" for at, text in enumerate(self.before)),
            f"{place}: {self.text}",
            *(f"{self.path}-{self.line + 1 + at}- {text}" for at, text in enumerate(self.after)),
        ]
        return "\n".join(lines)

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
            return f"{shown}\n({self.note})" if shown else f"(no match; {self.note})"
        return shown or "(no match)"

    __repr__ = __str__

    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        return Matches(found, self.note) if isinstance(key, slice) else found


def densest(line: str, words: Sequence[str]) -> tuple[int, int]:
    """Where most of `words` (lower case) stand close together in `line`, in characters; (0, 0) where none does.

    A paragraph of prose is one line of a thousand characters, and what was looked for is rarely at its beginning.
    """
    if len(line) <= _SHOWN:
        return 0, 0
    low = line.lower()
    places = sorted((found.start(), word) for word in set(words) for found in re.finditer(re.escape(word), low))
    best, start, end = 0, 0, 0
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
            best, start, end = len(inside), places[last][0], place + len(word)
    return start, end


def shortened(line: str, start: int = 0, end: int = 0, most: int = _SHOWN) -> str:
    """`line` cut to `most` characters around `start` to `end`, with an ellipsis on each side that was cut."""
    if len(line) <= most:
        return line
    first = max(0, min(start - most // 4, len(line) - most))
    cut = line[first : first + most]
    return ("…" if first else "") + cut + ("…" if first + most < len(line) else "")
