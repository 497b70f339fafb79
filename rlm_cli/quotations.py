"""Words that an answer puts in quotation marks: do they stand in what the run has read?

The search is bounded in bytes and seconds. What was not searched to its end is neither found nor missing, and is said
to be so. Line breaks and runs of spaces count as one space, typographic apostrophes and dashes as plain ones; nothing
else is forgiven.
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
MOST_QUOTES = 100
MOST_BYTES = 256 << 20
MOST_SECONDS = 2.0
_LONGEST = 2_000
_WINDOW = 1 << 20
_OVERLAP = 4 * _LONGEST + 200
_HITS = 5_000  # places of a quotation's longest word that are looked at, in one window

# Quotation marks are paired in order, short ones too: else the prose between two of them is taken for a quotation.
_QUOTED = re.compile(
    r"(?<![\w\"])\"(?P<a>[^\"\n]{1,2000})\"(?!\w)|“(?P<b>[^“”\n]{1,2000})”|„(?P<c>[^„“”\n]{1,2000})[“”]|«(?P<d>[^«»\n]{1,2000})»"
)
_GAP = re.compile(r"\s*(?:\[(?:…|\.{3})\]|…|\.{3})\s*")
_VARIED = {"'": "['’‘]", "’": "['’‘]", "‘": "['’‘]", "-": "[-–—]", "–": "[-–—]", "—": "[-–—]"}


@dataclass(slots=True)
class Quote:
    """Words in quotation marks. `end` is the place in the answer behind the closing one."""

    text: str
    end: int
    found: bool | None = None  # None: not searched to the end


@dataclass(frozen=True, slots=True)
class _Piece:
    exact: bytes
    word: bytes  # its longest word
    loose: re.Pattern[bytes]

    def within(self, data: bytes) -> bool:
        if stringzilla.find(data, self.exact) >= 0:
            return True
        reach = 2 * len(self.exact) + 200
        at = data.find(self.word)
        for _ in range(_HITS):
            if at < 0:
                return False
            if self.loose.search(data, max(0, at - reach), at + reach):
                return True
            at = data.find(self.word, at + 1)
        return False


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
        open_ = [(quote, _pieces(quote.text)) for quote in quotes[:MOST_QUOTES]]
        if open_:
            self._search([(quote, pieces) for quote, pieces in open_ if pieces], first)
        return quotes

    def _quotes(self, text: str, codes: Sequence[tuple[int, int]]) -> Iterator[Quote]:
        place = 0
        for match in _QUOTED.finditer(text):
            while place < len(codes) and codes[place][1] <= match.start():
                place += 1
            if place < len(codes) and codes[place][0] < match.end():
                continue
            body = next(group for group in match.groups() if group is not None).strip()
            if len(body) >= SHORTEST and " " in body and " ".join(body.split()) not in self._question:
                yield Quote(body, match.end())

    def _search(self, waiting: list[tuple[Quote, list[_Piece]]], first: Iterable[int]) -> None:
        deadline, left = time.monotonic() + self._most_seconds, self._most_bytes
        done: set[int] = set()
        for files in (first, self._read()):
            for file in files:
                if file in done:
                    continue
                done.add(file)
                wanted = [list(pieces) for _, pieces in waiting]
                for data in self._windows(file):
                    left -= len(data)
                    if left < 0 or time.monotonic() > deadline:
                        return
                    wanted = [[piece for piece in pieces if not piece.within(data)] for pieces in wanted]
                for (quote, _), missing in zip(waiting, wanted, strict=True):
                    if not missing:
                        quote.found = True
                waiting = [(quote, pieces) for quote, pieces in waiting if not quote.found]
                if not waiting:
                    return
        for quote, _ in waiting:
            quote.found = False

    def _windows(self, file: int) -> Iterator[bytes]:
        size = self._store.size(file)
        for start in range(0, size, _WINDOW):
            yield bytes(self._store.peek(file, start, min(size, start + _WINDOW + _OVERLAP)))


def _pieces(text: str) -> list[_Piece]:
    """The parts between ellipses, each as it is looked for. What ends a sentence of the answer is not looked for."""
    parts = [part.strip().rstrip(".,;:!?").strip() for part in _GAP.split(text)]
    made = []
    for part in parts:
        words = part.split()
        if len(part) < 8 or not words:
            continue
        plain = [word for word in words if not any(character in _VARIED for character in word)] or words
        word = max(plain, key=len)
        if word not in plain or any(character in _VARIED for character in word):
            word = max(re.split("|".join(map(re.escape, _VARIED)), word), key=len)
        pattern = r"\s+".join("".join(_VARIED.get(c, re.escape(c)) for c in each) for each in words)
        made.append(_Piece(_bytes(part), _bytes(word), _pattern(pattern)))
    return made


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _pattern(pattern: str) -> re.Pattern[bytes]:
    """The pattern over bytes: a set of characters that are several bytes long becomes a choice."""
    for known in set(_VARIED.values()):
        pattern = pattern.replace(known, "(?:" + "|".join(re.escape(c) for c in known[1:-1]) + ")")
    return re.compile(_bytes(pattern))
