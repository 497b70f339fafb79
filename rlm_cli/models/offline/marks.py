"""How a log marks what went wrong: level words, exceptions, statuses. The log itself says which of them it has."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rlm_cli.models.offline.conversation import Task

LOOK = "# See how the log marks what went wrong"

_LEVELS = (
    "ERROR", "FATAL", "CRITICAL", "CRIT", "SEVERE", "PANIC", "EMERG", "ALERT", "level=error", "level=fatal",
    '"level":"error"', '"level": "error"', '"level":"fatal"', '"level": "fatal"', "[error]", "[crit]", "[emerg]",
)  # fmt: skip
_WARNINGS = ("WARN", "level=warn", '"level":"warn', '"level": "warn', "[warn]")
_TRACES = ("error:", "Error:", "Exception", "Traceback", "panic:", "fatal:")
_STATUSES = ('" 500 ', '" 502 ', '" 503 ', '" 504 ')
_FAILINGS = ("failed", "Failed", "failure", "refused", "denied", "timed out", "timeout", "invalid", "unable", "abort")
_TIERS = (("errors", _LEVELS), ("errors", _TRACES), ("errors", _STATUSES), ("lines that speak of failure", _FAILINGS))
_LARGE = 2e9  # bytes; up to this, to count every mark takes a few seconds
_MOST = 8  # words in one pattern: so many are looked for in the bytes

_CELL = r"""
step = max(200_000, len(context) // 40)
sample = [str(context[at : at + 200_000]) for at in range(0, len(context), step)]
import re
for mark in marks:
    count = context.count(mark) if mark in everywhere else sum(part.count(mark) for part in sample)
    print(f"mark {count} {mark}")
spelled = {}
for path in files if 1 < len(files) <= 64 else []:
    text = files[path] if len(context) < 2_000_000_000 else str(files[path][:200_000])
    for number, tier in enumerate(tiers):
        if any(mark in text for mark in tier):
            spelled[path] = number
            print(f"spelled {number} {path}")
            break
    if not re.search(r"\d:\d\d", str(text[:4000])):
        print(f"untimed {path}")
"""
_SPELLED = re.compile(r"^spelled (\d) ", re.MULTILINE)
_UNTIMED = re.compile(r"^untimed (.+)$", re.MULTILINE)
_COUNTED = re.compile(r"^mark (\d+) (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Marks:
    """What marks a failure and a warning in this log, and what the failures are called."""

    called: str = "errors"
    failures: tuple[str, ...] = _LEVELS[:_MOST]
    warnings: tuple[str, ...] = _WARNINGS[:1]
    spellings: tuple[str, ...] = ()  # where files differ: the pattern of each kind of mark, by its number in `spelled`
    untimed: tuple[str, ...] = ()  # files without clock times


def look(size: float) -> str:
    """The cell that counts the marks: all in the whole log of `size` bytes, or most in samples of it."""
    every = [*(mark for _, tier in _TIERS for mark in tier), *_WARNINGS]
    everywhere = every if size < _LARGE else [*_LEVELS[:3], *_WARNINGS[:1]]
    tiers = [tier for _, tier in _TIERS[:-1]]
    return f"{LOOK}\ntiers = {tiers!r}\nmarks = {every!r}\neverywhere = {everywhere!r}" + _CELL


def marks_of(task: Task) -> Marks:
    """The marks that the sample had, those of the clearest kind alone; the usual ones before it was taken."""
    output = task.output(LOOK)
    counts = {found[2]: int(found[1]) for found in _COUNTED.finditer(output)}
    warnings = tuple(mark for mark in _WARNINGS if counts.get(mark))
    untimed = tuple(_UNTIMED.findall(output))
    numbers = sorted(set(map(int, _SPELLED.findall(output))))
    if len(numbers) > 1:  # a file's errors are counted by its own clearest mark, or a trace counts its error again
        every = tuple(mark for number in numbers for mark in _TIERS[number][1] if counts.get(mark))
        return Marks("errors", every, warnings, tuple(pattern(tier) for _, tier in _TIERS[:-1]), untimed)
    for called, tier in _TIERS:
        present = sorted((mark for mark in tier if counts.get(mark)), key=lambda mark: -counts[mark])[:_MOST]
        if present:
            return Marks(called, tuple(present), warnings, untimed=untimed)
    return Marks(warnings=warnings or _WARNINGS[:1], untimed=untimed)


def pattern(marks: tuple[str, ...]) -> str:
    """A pattern for any of the marks, words at their borders."""
    return "|".join(_bordered(mark) for mark in marks)


def _bordered(mark: str) -> str:
    escaped = re.escape(mark)
    if not mark.isupper():
        return escaped
    return rf"\b{escaped}(?:ING)?\b" if mark == "WARN" else rf"\b{escaped}\b"
