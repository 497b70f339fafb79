"""search: the passages of an input that fit a few words best, ranked by BM25 (Robertson and Zaragoza, 2009).

There is no index to build and to hold. One scan over the bytes counts the query's stems a block at a time, which gives
how rare each is and where it can be at all; then the blocks are read in the order of the best score that any passage in
them could have, until none can beat what was found. Rare words so decide which parts are read; memory goes with the
number of blocks, 250 kB each or one small file.
"""

from __future__ import annotations

import heapq
import math
import re
import time
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

import stringzilla

from rlm_cli.context.passages import HEADING, cut, defined_name
from rlm_cli.context.regions import Region
from rlm_cli.context.words import question_words, stems, stems_of

_K1, _B = 1.2, 0.6
_USUAL_BYTES = 900  # of a passage of source code; about the mean over the packages in tests/bench
_DEFINED = 3.0  # times a word counts where something is defined by it, and in a heading
_IN_NAME, _IN_FOLDER = 2.0, 1.0  # times a word of the file's own name, or of its folders, counts in each passage
_LEAST_RARITY = 0.2  # in a small package the subject of a question is on every page: it must not count as nothing
_ALTERNATIVE = 0.6  # of an alternative to the query's own word
SCAN_SECONDS = 25.0  # of going through the bytes; a cell has sixty
READ_BYTES = 32 << 20  # of blocks that are ranked passage by passage: two to four seconds

_BOOST = re.compile(r"\^(\d*\.?\d+)$")


class Group(NamedTuple):
    """One word of the query with its alternatives: a passage that has any of them has the word."""

    word: str
    boost: float  # how much the group counts
    weights: dict[str, float]  # stem → how much it counts
    needles: tuple[bytes, ...]  # what the lower-case bytes must hold for any of them


class Hit(NamedTuple):
    """A passage: `start` to `end` are bytes in the region's file, `best` the line that fits most, from 0 within it."""

    score: float
    region: Region
    start: int
    end: int
    lines: list[str]
    best: int


class Found(NamedTuple):
    hits: list[Hit]
    note: str  # what was not looked at, or empty


class _Block(NamedTuple):
    region: Region
    start: int
    end: int
    counts: tuple[int, ...]  # of each group's needles
    named: tuple[float, ...]  # weight of each group in the path


def parse(query: str) -> list[Group]:
    """The groups of a query: its words, each once. `auth|login` is one with an alternative, `word^0.5` counts half."""
    marked = [word for word in query.split() if "|" in word or _BOOST.search(word)]
    plain = " ".join(word for word in query.split() if word not in marked)
    words = question_words(plain) or ([] if marked else re.findall(r"\w+", plain))
    groups: list[Group] = []
    for word in [*words, *marked]:
        boost = _BOOST.search(word)
        weights: dict[str, float] = {}
        for place, alternative in enumerate(_BOOST.sub("", word).split("|")):
            made = [key for token in re.findall(r"\w+", alternative) for key in stems_of(token)]
            for key in made[-1:] if place else made:
                weights.setdefault(key, _ALTERNATIVE if place else 1.0)
        counted = float(boost[1]) if boost else 1.0
        if weights and counted:
            groups.append(Group(word, counted, weights, _needles(weights)))
    return groups


def _needles(keys: Iterable[str]) -> tuple[bytes, ...]:
    """The bytes to look for. Only ASCII is lower-cased there, so other words are looked for as they may be written."""
    forms = (form for key in keys for form in ((key,) if key.isascii() else (key, key.capitalize(), key.upper())))
    return tuple(dict.fromkeys(form.encode("utf-8", "surrogatepass") for form in forms))


def _count(low: bytes, needles: Sequence[bytes]) -> int:
    return sum(stringzilla.count(low, needle) for needle in needles)


def search(query: str, regions: Iterable[Region], top: int = 10) -> Found:
    """The `top` best passages, best first. What a very large input or a word on every page leaves out is in `note`."""
    groups = parse(query)
    if not groups or top < 1:
        return Found([], "the query has no words" if not groups else f"top={top} asks for none")
    blocks, size, note = _scan(groups, regions)
    ranker = _Ranker(groups, _rarity(groups, blocks, size))
    best: list[tuple[float, int, int, Hit]] = []
    bounds = [(-ranker.bound(block), place) for place, block in enumerate(blocks)]
    heapq.heapify(bounds)
    read = 0
    while bounds:
        bound, place = heapq.heappop(bounds)
        if len(best) >= top and -bound <= best[0][0]:
            break
        if read > READ_BYTES:
            note = note or f"the words are frequent: {len(bounds) + 1:,} less likely parts of the input were not ranked"
            break
        read += blocks[place].end - blocks[place].start
        for hit in ranker.passages(blocks[place], best[0][0] if len(best) >= top else 0.0):
            entry = (hit.score, -place, -hit.start, hit)
            if len(best) < top:
                heapq.heappush(best, entry)
            elif entry[:3] > best[0][:3]:
                heapq.heapreplace(best, entry)
    return Found([entry[3] for entry in sorted(best, key=lambda entry: entry[:3], reverse=True)], note)


def _scan(groups: Sequence[Group], regions: Iterable[Region]) -> tuple[list[_Block], int, str]:
    """Blocks that hold a word of the query, bytes scanned, and what was left out."""
    blocks: list[_Block] = []
    size = 0
    deadline = time.monotonic() + SCAN_SECONDS
    for region in regions:
        named = _named(region.name, groups)
        for start, data in region.windows():
            low = bytes(data).lower()
            counts = tuple([_count(low, group.needles) for group in groups])
            size += len(data)
            if any(counts):
                blocks.append(_Block(region, start, start + len(data), counts, named))
            if time.monotonic() > deadline:
                return blocks, size, f"cut short after {size:,} bytes of the input: narrow `source`"
    return blocks, size, ""


def _named(name: str, groups: Sequence[Group]) -> tuple[float, ...]:
    folder, _, own = name.rpartition("/")
    in_own, in_folder = set(stems(own)), set(stems(folder))
    return tuple(
        [
            _IN_NAME
            if not in_own.isdisjoint(group.weights)
            else _IN_FOLDER
            if not in_folder.isdisjoint(group.weights)
            else 0.0
            for group in groups
        ]
    )


def _rarity(groups: Sequence[Group], blocks: Sequence[_Block], size: int) -> list[float]:
    """The inverse document frequency of each group, from counts of bytes: a block of n passages holds at most n."""
    total = max(1.0, size / _USUAL_BYTES)
    found = []
    for place in range(len(groups)):
        having = sum(min(block.counts[place], math.ceil((block.end - block.start) / _USUAL_BYTES)) for block in blocks)
        rare = math.log(1 + (max(total, having) - having + 0.5) / (having + 0.5))
        found.append(_LEAST_RARITY + rare)
    # Where the subject is on every page, a rarer word that is to count less would outweigh it: "where is auth handled".
    most = max((rarity for rarity, group in zip(found, groups, strict=True) if group.boost >= 1), default=math.inf)
    return [
        group.boost * (rarity if group.boost >= 1 else min(rarity, most))
        for rarity, group in zip(found, groups, strict=True)
    ]


class _Ranker:
    """Scores passages for one query. Only lines that hold a needle are cut into words."""

    def __init__(self, groups: Sequence[Group], rarity: Sequence[float]) -> None:
        self._groups = groups
        self._rarity = rarity
        self._whole = sum(rarity)

    def bound(self, block: _Block) -> float:
        """No passage of the block scores more."""
        counts = [_DEFINED * count + name for count, name in zip(block.counts, block.named, strict=True)]
        return self._score(counts, 0)

    def passages(self, block: _Block, least: float) -> Iterator[Hit]:
        """The passages of a block that have a word of the query and may score more than `least`."""
        data = bytes(block.region.store.view(block.region.file, block.start, block.end))
        low = data.lower()
        places = [
            sorted(place for needle in group.needles for place in _places(low, needle)) if count else []
            for group, count in zip(self._groups, block.counts, strict=True)
        ]
        text = data.decode("utf-8", "replace")
        lines = text.split("\n")
        offsets = list(accumulate((len(line) + 1 for line in data.split(b"\n")), initial=0))
        for passage in cut(text):
            start, end = offsets[passage.first], min(offsets[passage.last], len(data))
            inside = [here[bisect_left(here, start) : bisect_left(here, end)] for here in places]
            most = [_DEFINED * len(here) + name for here, name in zip(inside, block.named, strict=True)]
            if not any(inside) or self._score(most, end - start) <= least:
                continue
            touched = sorted({bisect_right(offsets, place) - 1 for here in inside for place in here})
            counts, best = self._counts(lines, touched)
            if any(counts):
                counts = [count + name for count, name in zip(counts, block.named, strict=True)]
                shown = lines[passage.first : passage.last]
                score = self._score(counts, end - start)
                yield Hit(score, block.region, block.start + start, block.start + end, shown, best - passage.first)

    def _counts(self, lines: Sequence[str], touched: Sequence[int]) -> tuple[list[float], int]:
        """How much of each group these lines hold, and the line that gives most."""
        counts = [0.0] * len(self._groups)
        best, most = touched[0], 0.0
        for at in touched:
            line = lines[at]
            found = stems(line)
            name = defined_name(line)
            defined = set(stems(name)) if name else set(found) if HEADING.match(line) else set()
            worth = 0.0
            for place, group in enumerate(self._groups):
                weight = sum(group.weights.get(key, 0.0) for key in found)
                if weight:
                    counts[place] += weight * (1.0 if defined.isdisjoint(group.weights) else _DEFINED)
                    worth += self._rarity[place] * (1.5 if name else 1.0) * min(2.0, weight)
            if worth > most:
                best, most = at, worth
        return counts, best

    def _score(self, counts: Sequence[float], size: int) -> float:
        """BM25 of a passage of `size` bytes, times the share of the query that it holds."""
        norm = _K1 * (1 - _B + _B * size / _USUAL_BYTES)
        score = held = 0.0
        for weight, count in zip(self._rarity, counts, strict=True):
            if count:
                score += weight * count * (_K1 + 1) / (count + norm)
                held += weight
        return score * math.sqrt(held / self._whole)


def _places(data: bytes, needle: bytes) -> Iterator[int]:
    at = data.find(needle)
    while at >= 0:
        yield at
        at = data.find(needle, at + 1)
