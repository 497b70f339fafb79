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
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

import stringzilla

from rlm_cli.context.passages import HEADING, Passage, cut, defined_name
from rlm_cli.context.regions import Region
from rlm_cli.context.words import question_words, stems, stems_of

_K1, _B = 1.2, 0.6
_USUAL_WORDS = 150.0  # stems in a passage of source code; the mean over the packages in tests/bench
_USUAL_BYTES = 1_000
_DEFINED = 3.0  # times a word counts where something is defined by it, and in a heading
_IN_NAME, _IN_FOLDER = 2.0, 1.0  # times a word of the file's own name, or of its folders, counts in each passage
_LEAST_RARITY = 0.2  # in a small package the subject of a question is on every page: it must not count as nothing
_ALTERNATIVE = 0.6  # of an alternative to the query's own word
SCAN_SECONDS, READ_SECONDS = 20.0, 5.0  # a cell has sixty

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
        if weights:
            needles = tuple(dict.fromkeys(_needle(key) for key in weights))
            groups.append(Group(word, float(boost[1]) if boost else 1.0, weights, needles))
    return groups


def _needle(key: str) -> bytes:
    return key.encode("utf-8", "surrogatepass")


def _count(low: bytes, needles: Sequence[bytes]) -> int:
    return sum(stringzilla.count(low, needle) for needle in needles)


def search(query: str, regions: Iterable[Region], top: int = 10) -> Found:
    """The `top` best passages, best first. Takes at most about 30 seconds and says in `note` when it was cut short."""
    groups = parse(query)
    if not groups:
        return Found([], "the query has no words")
    blocks, size, note = _scan(groups, regions)
    rarity = _rarity(groups, blocks, size)
    best: list[tuple[float, int, int, Hit]] = []
    deadline = time.monotonic() + READ_SECONDS
    bounds = [(-_bound(block, rarity), place) for place, block in enumerate(blocks)]
    heapq.heapify(bounds)
    while bounds:
        bound, place = heapq.heappop(bounds)
        if len(best) >= top and -bound <= best[0][0]:
            break
        if time.monotonic() > deadline:
            note = note or f"cut short: {len(bounds) + 1:,} less likely parts of the input were not read"
            break
        for hit in _passages(blocks[place], groups, rarity):
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
        found.append(groups[place].boost * (_LEAST_RARITY + rare))
    return found


def _bound(block: _Block, rarity: Sequence[float]) -> float:
    """No passage of the block scores more."""
    return (_K1 + 1) * sum(
        weight for weight, count, name in zip(rarity, block.counts, block.named, strict=True) if count or name
    )


def _passages(block: _Block, groups: Sequence[Group], rarity: Sequence[float]) -> Iterator[Hit]:
    data = bytes(block.region.store.view(block.region.file, block.start, block.end))
    text = data.decode("utf-8", "replace")
    lines = text.split("\n")
    offsets = list(accumulate((len(line) + 1 for line in data.split(b"\n")), initial=0))
    wanted = [needle for group, count in zip(groups, block.counts, strict=True) if count for needle in group.needles]
    low = data.lower()
    for passage in cut(text):
        start, end = offsets[passage.first], min(offsets[passage.last], len(data))
        if not any(low.find(needle, start, end) >= 0 for needle in wanted):
            continue
        score, best = _score(lines, passage, groups, rarity, block.named)
        if score > 0:
            shown = lines[passage.first : passage.last]
            yield Hit(score, block.region, block.start + start, block.start + end, shown, best)


def _score(
    lines: Sequence[str], passage: Passage, groups: Sequence[Group], rarity: Sequence[float], named: Sequence[float]
) -> tuple[float, int]:
    """BM25 of one passage, times the share of the query that it holds; and the line that gives most of it."""
    counts = [0.0] * len(groups)
    words = 0
    best, best_worth = 0, 0.0
    for at in range(passage.first, passage.last):
        line = lines[at]
        found = stems(line)
        words += len(found)
        have = set(found)
        worth = 0.0
        for place, group in enumerate(groups):
            if have.isdisjoint(group.weights):
                continue
            weight = sum(group.weights[key] for key in found if key in group.weights)
            name = defined_name(line)
            if (name and not set(stems(name)).isdisjoint(group.weights)) or HEADING.match(line):
                weight *= _DEFINED
            counts[place] += weight
            worth += rarity[place] * (1.5 if name else 1.0) * min(2.0, weight)
        if worth > best_worth:
            best, best_worth = at - passage.first, worth
    if not any(counts):
        return 0.0, 0
    norm = _K1 * (1 - _B + _B * words / _USUAL_WORDS)
    score = covered = 0.0
    for place, count in enumerate(counts):
        if not count and not named[place]:
            continue
        having = count + named[place]
        score += rarity[place] * having * (_K1 + 1) / (having + norm)
        covered += rarity[place]
    return score * math.sqrt(covered / sum(rarity)), best


__all__ = ["Found", "Group", "Hit", "parse", "search"]
