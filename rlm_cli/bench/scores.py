"""How good an answer is, from 0 to 1, as the papers score it, and how sure a mean of such scores is."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from typing import Any

_ANSWER = re.compile(r"answer\s*:\s*(.+)", re.IGNORECASE)
_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")
_CHOICE = re.compile(r"correct answer is\W{0,4}\(?([A-D])\b", re.IGNORECASE)
_PAIR = re.compile(r"\(?\b(\d+)\s*,\s*(\d+)\b\)?")
_MARKS = re.compile(r"\[[\d?,; ]+\]")
RESAMPLES = 2_000


def contains(text: str, gold: Sequence[str]) -> float:
    """The share of `gold` that stands in the text, in any case (RULER's string_match_all)."""
    lowered = text.lower()
    return sum(wanted.lower() in lowered for wanted in gold) / len(gold)


def exact(text: str, gold: Sequence[str]) -> float:
    """1 where the last `Answer:` is one of `gold`, but for case, an article and marks around it."""
    return float(_plain(_submitted(text)) in {_plain(wanted) for wanted in gold})


def number(text: str, gold: int) -> float:
    """0.75^|error| (OOLONG). A text without a number scores 0."""
    found = _NUMBER.findall(_submitted(text))
    if not found:
        return 0.0
    error = abs(float(found[-1].replace(",", "")) - gold)
    return float(0.75 ** min(error, 1_000.0))


def pairs(text: str, gold: Sequence[Sequence[int]]) -> float:
    """F1 over pairs, in any order within a pair (OOLONG-Pairs). Two empty sets agree."""
    wanted = {(min(pair), max(pair)) for pair in gold}
    given = {(min(int(one), int(other)), max(int(one), int(other))) for one, other in _PAIR.findall(text)}
    if not wanted and not given:
        return 1.0
    return 2 * len(wanted & given) / (len(wanted) + len(given))


def choice(text: str, gold: str) -> float:
    """1 where the last letter that is called correct is `gold`; a lone letter counts too (LongBench-v2)."""
    letters = _CHOICE.findall(text) or re.findall(r"\A\W*([A-D])\b\W*\Z", text)
    return float(bool(letters) and letters[-1].upper() == gold)


SCORES: dict[str, Callable[[str, Any], float]] = {
    "contains": contains,
    "exact": exact,
    "number": number,
    "pairs": pairs,
    "choice": choice,
}


def interval(values: Sequence[float], *, seed: int = 0) -> tuple[float, float]:
    """The 95 % interval of the mean, by the bootstrap (percentiles of resampled means); (nan, nan) for no values."""
    if not values:
        return float("nan"), float("nan")
    chance = random.Random(seed)
    means = sorted(sum(chance.choices(values, k=len(values))) / len(values) for _ in range(RESAMPLES))
    return means[round(0.025 * (RESAMPLES - 1))], means[round(0.975 * (RESAMPLES - 1))]


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of `values` lie, the nearest one that occurs; nan for none."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[round(share * (len(ordered) - 1))]


def _submitted(text: str) -> str:
    """What follows the last `Answer:`, else the last line."""
    bare = _MARKS.sub("", text)
    found = _ANSWER.findall(bare)
    if found:
        return str(found[-1]).strip()
    lines = [line for line in bare.splitlines() if line.strip()]
    return lines[-1].strip() if lines else ""


def _plain(text: str) -> str:
    words = re.sub(r"[\s*_`\"'()\[\].]+", " ", text.lower()).strip()
    return words.removeprefix("the ")
