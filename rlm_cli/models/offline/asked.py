"""What a question about a log asks: which time, which value is ranked, which words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import permutations

from rlm_cli.context.words import question_words, stem

_CLOCK = re.compile(r"(?<![\d:])(\d{1,2})(?::(\d{2}))?(?::\d{2})?\s*([ap])\.?m\b|(?<![\d:])(\d{1,2}):(\d{2})", re.I)
_DAY = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")
_RANKING = re.compile(
    r"\b(?:which|what|who)\s+(\w+).*\b(most|often|frequent\w*|top|more than)\b|\btop\s+(?:\d+\s+)?(\w+)", re.I
)
# A clock time that is not the minutes and seconds of another: "14:05:11" holds no 05:11.
_NOT_INSIDE = r"(?<!\d)(?<!(?<!\d)\d\d:)"

_KEYS = {
    "host": ("hostname", "server", "node", "machine", "client", "ip", "peer", "addr"),
    "ip": ("addr", "address", "client", "remote", "host"),
    "user": ("username", "uid", "account", "login"),
    "endpoint": ("path", "url", "uri", "route"),
    "url": ("path", "uri", "endpoint", "route"),
    "service": ("svc", "app", "component", "logger", "module"),
    "status": ("code",),
}
_FORMS = {
    "host": (r"\b(\d{1,3}(?:\.\d{1,3}){3})\b", r"^[A-Z][a-z]{2} +\d+ [\d:]+ (\S+) "),
    "ip": (r"\b(\d{1,3}(?:\.\d{1,3}){3})\b",),
    "endpoint": (r"\b(?:GET|POST|PUT|DELETE|PATCH|HEAD|OPTIONS) (\S+?)[\s?\"]",),
    "url": (r"\b(?:GET|POST|PUT|DELETE|PATCH|HEAD|OPTIONS) (\S+?)[\s?\"]",),
    "status": (r"\" (\d{3})\b",),
    "error": (r"\b(\w+(?:Error|Exception))\b",),
    "exception": (r"\b(\w+(?:Error|Exception))\b",),
}


def words_of(question: str) -> dict[str, str]:
    """stem → word of what is asked about, without times and without what is ranked."""
    words = question_words(_CLOCK.sub(" ", _DAY.sub(" ", question)))
    asked = ranking_word(question)
    return {stem(word.lower()): word for word in words if stem(word.lower()) != asked}


def together(parts: Sequence[str]) -> str:
    """A pattern for lines that have all of some parts, in any order; the longest three where there are more.

    Every order is spelled out: `(?=.*a)(?=.*b)` would hide the words from the search over the bytes.
    """
    most = sorted(parts, key=len, reverse=True)[:3]
    return "|".join(".*".join(order) for order in permutations([part for part in parts if part in most]))


def ranking_word(question: str) -> str:
    found = _RANKING.search(question)
    return stem((found[1] or found[3]).lower()) if found else ""


def ranked_by(question: str) -> tuple[str, ...]:
    """Patterns for the value that is ranked: `host=…`, `"host": "…"`, or the form such values have."""
    key = ranking_word(question)
    if not key:
        return ()
    kind = next((name for name, others in _KEYS.items() if key in map(stem, (name, *others))), key)
    names = "|".join(dict.fromkeys(re.escape(name) for name in (key, kind, *_KEYS.get(kind, ()))))
    own = rf"(?i)\b(?:{names})\w*[\"']?\s*[=:]\s*[\"']?([^\s\"',;}}\])]+)"
    exact = rf"(?i)\b{re.escape(key)}\w*[\"']?\s*[=:]\s*[\"']?([^\s\"',;}}\])]+)"
    return (exact, own, *_FORMS.get(kind, ()))


def times(question: str) -> tuple[str, str]:
    """A window of time in words, and a pattern for clock times inside it; empty where no time is named."""
    clocks = [found for found in map(_minutes, _CLOCK.finditer(question)) if found is not None]
    day = _DAY.search(question)
    date = rf"{re.escape(day[0])}.*?" if day else ""
    on = f" on {day[0]}" if day else ""
    if not clocks:
        return (f"on {day[0]}", re.escape(day[0])) if day else ("", "")
    lower = question.lower()
    at = clocks[0]
    if len(clocks) > 1:
        begin, end = min(clocks[:2]), max(clocks[:2]) + 1
    elif re.search(r"\b(before|until|till|by|prior|led|leading)\b", lower):
        begin, end = at - 30, at
    elif re.search(r"\b(after|since|from|following)\b", lower):
        begin, end = at, at + 30
    else:
        begin, end = at - 5, at + 6
    begin, end = max(0, begin), min(24 * 60, end)
    minutes = "|".join(_by_hour(begin, end))
    said = f"from {_shown(begin)} to {_shown(end - 1 if len(clocks) > 1 else end)}{on}"
    return said, rf"{date}{_NOT_INSIDE}(?:{minutes})(?!\d)"


def _by_hour(begin: int, end: int) -> list[str]:
    """Patterns for the minutes from `begin` to `end` (exclusive), one for each hour, as short as they go."""
    found = []
    for hour in range(begin // 60, (end - 1) // 60 + 1):
        inside = [minute for minute in range(60) if begin <= hour * 60 + minute < end]
        tens = [ten for ten in range(6) if all(ten * 10 + one in inside for one in range(10))]
        rest = [f"{minute:02}" for minute in inside if minute // 10 not in tens]
        choices = [*([f"[{''.join(map(str, tens))}]\\d"] if tens else []), *rest]
        found.append(rf"{hour:02}:(?:{'|'.join(choices)})")
    return found


def _minutes(clock: re.Match[str]) -> int | None:
    if clock[3]:
        hour = int(clock[1]) % 12 + (12 if clock[3].lower() == "p" else 0)
        return hour * 60 + int(clock[2] or 0)
    hour, minute = int(clock[4]), int(clock[5])
    return hour * 60 + minute if hour < 24 and minute < 60 else None


def _shown(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
