"""Words that an answer puts in quotation marks: do they stand in what the run has read?

The search is bounded in bytes and seconds. What was not searched to its end is neither found nor missing, and is said
to be so. White space and what begins a line of a comment do not count, nor does what Markdown draws around words, nor
the case of the first letter, which the sentence around a quotation decides; quotation marks, apostrophes and dashes
count alike, however they are drawn; nothing else is forgiven.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import stringzilla

from rlm_cli.context.store import ByteStore

SHORTEST = 20
"""Characters from which words in quotation marks are taken for a quotation; fewer may be a term or a name."""
LONGEST = 2_000
"""Characters of a quotation that is searched; a longer one is said to be not searched."""
MOST_QUOTES = 100
MOST_BYTES = 256 << 20
MOST_SECONDS = 2.0
_SHORTEST_PIECE = 8  # characters between two ellipses that are worth a search
_WINDOW = 1 << 20
_OVERLAP = 4 * LONGEST + 200

# Quotation marks are paired in order, short ones too: else the prose between two of them is taken for a quotation. Each
# body excludes its own marks, so that no character is tried twice. A line may end within, a paragraph may not.
_LINE = r"\n(?![ \t]*\n)"
_QUOTED = re.compile(
    rf"""(?<![\w"])"(?!\s)(?P<a>(?:[^"\n]|{_LINE})+)(?<!\s)"(?!\w)
    |(?<![\w'])'(?!\s)(?P<b>(?:[^'\n]|{_LINE}|(?<=\w)'(?=\w))+)(?<!\s)'(?!\w)
    |“(?P<c>(?:[^“”\n]|{_LINE})+)”
    |„(?P<d>(?:[^„“”\n]|{_LINE})+)[“”]
    |(?<!\w)‘(?P<e>(?:[^‘’\n]|{_LINE}|(?<=\w)’(?=\w))+)’(?!\w)
    |‚(?P<f>(?:[^‚‘’\n]|{_LINE})+)[‘’]
    |«(?P<g>(?:[^«»\n]|{_LINE})+)»
    |»(?P<h>(?:[^«»\n]|{_LINE})+)«
    |‹(?P<i>(?:[^‹›\n]|{_LINE})+)›
    |「(?P<j>(?:[^「」\n]|{_LINE})+)」
    |『(?P<k>(?:[^『』\n]|{_LINE})+)』""",
    re.VERBOSE,
)
_GAP = re.compile(r"\s*(?:\[(?:…|\.{3})\]|…|\.{3})\s*")
_SPACELESS = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]")  # scripts that put no spaces between words
_COMMENT = re.compile(rb"\n[ \t]*(?:#+|//+|\*+|>+|;+|--+)(?=[ \t\n])")
_ALIKE = tuple(
    (drawn.encode(), plain)
    for plain, several in (
        (b"'", ['\\"', *'"’‘‚“”„«»‹›']),
        (b"-", "–—"),
        (b" - ", [" -- "]),
        (b" ", "\u00a0\u202f"),
    )
    for drawn in several
)
_LETTER = r"[A-Za-z0-9\x80-\xff]"  # of UTF-8
_EMPHASIS = re.compile(rf"[*_`](?:(?!{_LETTER})|(?<!{_LETTER}.))".encode(), re.DOTALL)  # not between letters: a*b
_ESCAPED = re.compile(r'\\"([^"\\\n]*)\\"')  # a pair within a quotation; one alone may end a path: "C:\temp\"
_EDITED = re.compile(r"\[(\w)\]")  # "[n]ever": the author of the answer has changed the case
_MARKS = re.compile(r"[\"'“”„‘’‚«»‹›「」『』]")


@dataclass(slots=True)
class Quote:
    """Words in quotation marks. `end` is the place in the answer behind the closing one."""

    text: str
    end: int
    found: bool | None = None  # None: not searched to the end


class Quotations:
    """Finds quotations in an answer and looks for them in the files that were read."""

    def __init__(
        self,
        store: ByteStore,
        read: Callable[[], Iterable[int]],
        question: str = "",
        *,
        most_bytes: int = MOST_BYTES,
        most_seconds: float = MOST_SECONDS,
    ) -> None:
        """`read` names the files that were read, the best first. Words of `question` are the user's own."""
        self._store = store
        self._read = read
        self._question = " ".join(question.split())
        self._most_bytes = most_bytes
        self._most_seconds = most_seconds

    def of(self, text: str, codes: Sequence[tuple[int, int]], first: Iterable[int] = ()) -> list[Quote]:
        """The quotations of `text` outside `codes`, searched; `first` are the files to begin with."""
        quotes = list(self._quotes(text, codes))
        waiting = [(quote, _pieces(quote.text)) for quote in quotes[:MOST_QUOTES] if len(quote.text) <= LONGEST]
        self._search([(quote, pieces) for quote, pieces in waiting if pieces], first)
        return quotes

    def _quotes(self, text: str, codes: Sequence[tuple[int, int]]) -> Iterator[Quote]:
        for match in _QUOTED.finditer(_without_marks(text, codes)):
            start, end = match.span(match.lastgroup or 0)
            body = text[start:end].strip()
            several = len(body.split()) > 1 or _SPACELESS.search(body)
            if len(body) >= SHORTEST and several and " ".join(body.split()) not in self._question:
                yield Quote(body, match.end())

    def _search(self, waiting: list[tuple[Quote, list[_Piece]]], first: Iterable[int]) -> None:
        """Go through the files until every quotation is found or the bounds are met."""
        deadline, left = time.monotonic() + self._most_seconds, self._most_bytes
        done: set[int] = set()
        for files in (first, self._read()):
            for file in files:
                if not waiting:
                    return
                if file in done:
                    continue
                done.add(file)
                wanted = [list(pieces) for _, pieces in waiting]
                for data in self._windows(file):
                    left -= len(data)
                    window = _Window(data)
                    for pieces in wanted:
                        if left < 0 or time.monotonic() > deadline:
                            return
                        pieces[:] = [piece for piece in pieces if not window.holds(piece)]
                for (quote, _), missing in zip(waiting, wanted, strict=True):
                    if not missing:
                        quote.found = True
                waiting = [(quote, pieces) for quote, pieces in waiting if not quote.found]
        for quote, _ in waiting:
            quote.found = False

    def _windows(self, file: int) -> Iterator[bytes]:
        size = self._store.size(file)
        for start in range(0, size, _WINDOW):
            yield bytes(self._store.peek(file, start, min(size, start + _WINDOW + _OVERLAP)))


@dataclass(frozen=True, slots=True)
class _Piece:
    """A stretch of a quotation, as it is looked for."""

    exact: bytes
    plain: tuple[bytes, ...]  # as it is and with its first letter in the other case
    word: bytes  # stands in every text that holds it, however that is drawn

    @classmethod
    def of(cls, text: str) -> _Piece:
        other = text[:1].swapcase() + text[1:]
        plain = tuple(_plain(one.encode("utf-8", "replace")) for one in dict.fromkeys((text, other)))
        word = max(re.split(r"[\W_]+", text[1:]), key=len)
        return cls(text.encode("utf-8", "replace"), plain, word.encode("utf-8", "replace"))


class _Window:
    """A stretch of a file. It is made plain only where that may show what it does not show as it is: 20 ms a MB."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._plain: bytes | None = None

    def holds(self, piece: _Piece) -> bool:
        if stringzilla.find(self._data, piece.exact) >= 0:
            return True
        if self._plain is None:
            if stringzilla.find(self._data, piece.word) < 0:
                return False
            self._plain = _plain(self._data)
        return any(stringzilla.find(self._plain, plain) >= 0 for plain in piece.plain)


def _without_marks(text: str, codes: Sequence[tuple[int, int]]) -> str:
    """`text`, as long as it is, without the quotation marks inside of code; a block of code ends a paragraph."""
    made, position = [], 0
    for start, end in codes:
        code = text[start:end]
        made += [text[position:start], "\n" * len(code) if "\n" in code else _MARKS.sub("`", code)]
        position = end
    return _ESCAPED.sub(r"``\1``", "".join([*made, text[position:]]))


def _plain(text: bytes) -> bytes:
    """`text` with what counts alike written alike, and without what does not count."""
    for drawn, plain in _ALIKE:
        text = text.replace(drawn, plain)
    return _EMPHASIS.sub(b"", _COMMENT.sub(b"\n", text)).translate(None, b" \t\n\r\v\f")


def _pieces(text: str) -> list[_Piece]:
    """The parts between ellipses, as they are looked for. What ends a sentence of the answer is not looked for."""
    parts = (part.strip().rstrip(".,;:!?*_`").strip() for part in _GAP.split(_EDITED.sub(r"\1", text)))
    return [_Piece.of(part) for part in parts if len(part) >= _SHORTEST_PIECE]
