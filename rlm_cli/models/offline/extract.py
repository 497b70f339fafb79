"""The best sentences or lines of a text for a question: what a sub-call to the offline model gives back."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rlm_cli.context.words import question_words, stem, stems, stems_of
from rlm_cli.models.offline.conversation import Reading
from rlm_cli.models.offline.thesaurus import neighbours, synonyms, weight

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"'(\[À-Þ0-9])|\n\s*\n|\n(?=\s*(?:[-*+]|\d+[.)])\s)")
_NUMBERED = re.compile(r"^(.+?:\d+): ?(.*)$")
_MOST = 5
NOTHING = "NOT_FOUND: the text has none of the question's words."


@dataclass(frozen=True, slots=True)
class Wanted:
    """One word of the question: its stem, the stems of its synonyms, and how much it says."""

    word: str
    stem: str
    others: frozenset[str]
    weight: float

    def said_by(self, have: set[str] | frozenset[str]) -> float:
        """How much of the word these stems say: all of it, half of it by a synonym, or nothing."""
        return self.weight if self.stem in have else 0.0 if have.isdisjoint(self.others) else 0.5 * self.weight


def wanted(question: str) -> list[Wanted]:
    found = []
    joined = neighbours(question)
    for word in question_words(question):
        others = frozenset(stem(other) for other in (*synonyms(word), *joined.get(word, ())))
        parts = stems_of(word) or (stem(word.lower()),)  # the last is the whole: `open_session` is `opensession`
        if not word.isascii():
            others = others.union(parts)  # where no spaces divide words, two characters are one
        found.append(Wanted(word, parts[-1], others, weight(word)))
    return found


def best(pieces: Sequence[str], words: Sequence[Wanted], most: int = _MOST) -> list[int]:
    """The numbers of the pieces that say most of the question, in their own order; rare words count more."""
    have = [frozenset(stems(piece)) for piece in pieces]
    common = Counter(key for keys in have for key in keys)
    scores = []
    for number, keys in enumerate(have):
        score = 0.0
        for word in words:
            rarity = math.log(1 + len(pieces) / (1 + common[word.stem]))
            score += word.said_by(keys) * (1 + rarity)
        if score:
            scores.append((-score / (1 + len(keys) / 60), number))
    scores.sort()
    least = scores[0][0] / 2 if scores else 0.0
    return sorted(number for score, number in scores[:most] if score <= least)


def sentences(text: str) -> list[str]:
    """Sentences of prose; lines where the text has none."""
    whole = [" ".join(part.split()) for part in _SENTENCE_END.split(text) if part.strip()]
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    return lines if len(lines) > 4 * len(whole) or max(map(len, whole), default=0) > 1000 else whole


def read(reading: Reading) -> str:
    """The answer to a question about a text that is in the message."""
    words = wanted(reading.question)
    if reading.numbered:
        return _read_numbered(reading, words)
    pieces = sentences(reading.text)
    return "\n".join(pieces[number][:1000] for number in best(pieces, words)) or NOTHING


def _read_numbered(reading: Reading, words: Sequence[Wanted]) -> str:
    """Lines with their sources: each best line and where it stands."""
    rows = [found for line in reading.text.split("\n") if (found := _NUMBERED.match(line))]
    chosen = best([row[2] for row in rows], words)
    if not chosen:
        return NOTHING
    return "\n".join(f"- {rows[number][2].strip()[:400]} (`{rows[number][1]}`)" for number in chosen)
