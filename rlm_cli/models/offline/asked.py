"""What a question about a log asks: which time, which value is ranked, which words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import permutations

from rlm_cli.context.words import STOP, question_words, stem

_CLOCK = re.compile(r"(?<![\d:])(\d{1,2})(?::(\d{2}))?(?::\d{2})?\s*([ap])\.?m\b|(?<![\d:])(\d{1,2}):(\d{2})", re.I)
_DAY = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")
_RANKING = re.compile(
    r"\b(?:which|what|who)\s+(\w+).*\b(most|often|frequent\w*|top|more than)\b|\btop\s+(?:\d+\s+)?(\w+)", re.I
)
_GROUPING = re.compile(
    r"\b(?:per|for\s+(?:each|every)|of\s+(?:each|every)|(?:group(?:ed)?|broken\s+down|split)\s+by)\s+(?:the\s+)?([a-z]\w*)"
    r"|\bby\s+(?:each\s+|the\s+)?([a-z]\w*)", re.I,
)  # fmt: skip
_SINCE = re.compile(
    r"\b(?:and\s+)?(?:since|from|starting)\s+(?:when|what\s+time)\b|\bwhen\s+did\s+(?:it|that|this|they)\b[\w ]*", re.I
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
    "level": ("severity", "lvl"),
}
_LEVEL = r"\[?(?i:trace|debug|info|notice|warn(?:ing)?|error|err|crit(?:ical)?|fatal|severe|alert|emerg|panic)\b"
_CLOCKED = r"\d\d:\d\d:\d\d\S*\s+(?:[+-]\d{4}\s+)?"
_BEFORE_LEVEL = rf"{_CLOCKED}(?!{_LEVEL})\[?([A-Za-z][\w.-]*)\]?:?\s+{_LEVEL}"
_DATE = r"\d{4}-\d{2}-\d{2}"
_FORMS = {
    "host": (r"\b(\d{1,3}(?:\.\d{1,3}){3})\b", r"^[A-Z][a-z]{2} +\d+ [\d:]+ (\S+) ", _BEFORE_LEVEL),
    "service": (
        rf"{_LEVEL}\]?:?\s+\[?([A-Za-z][\w.-]*)\]?: ",
        r"^[A-Z][a-z]{2} +\d+ [\d:]+ \S+ ([\w./-]+)[\[:]",
        _BEFORE_LEVEL,
    ),
    "level": (rf"{_CLOCKED}(?:\S+\s+)?\[?((?i:trace|debug|info|notice|warn(?:ing)?|error|err|crit(?:ical)?|fatal))\b",),
    "day": (rf"({_DATE})", r"(\d{1,2}/[A-Z][a-z]{2}/\d{4})", r"^([A-Z][a-z]{2} +\d+) "),
    "hour": (
        rf"({_DATE}[T ]\d\d):",
        r"(\d{1,2}/[A-Z][a-z]{2}/\d{4}:\d\d):",
        r"((?:[A-Z][a-z]{2} +\d+ )?\b\d\d):\d\d:\d\d",
    ),
    "minute": (
        rf"({_DATE}[T ]\d\d:\d\d)",
        r"(\d{1,2}/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d):",
        r"((?:[A-Z][a-z]{2} +\d+ )?\b\d\d:\d\d):\d\d",
    ),
    "ip": (r"\b(\d{1,3}(?:\.\d{1,3}){3})\b",),
    "endpoint": (r"\b(?:GET|POST|PUT|DELETE|PATCH|HEAD|OPTIONS) (\S+?)[\s?\"]",),
    "url": (r"\b(?:GET|POST|PUT|DELETE|PATCH|HEAD|OPTIONS) (\S+?)[\s?\"]",),
    "status": (r"\" (\d{3})\b",),
    "error": (r"\b(\w+(?:Error|Exception))\b",),
    "exception": (r"\b(\w+(?:Error|Exception))\b",),
}


def words_of(question: str) -> dict[str, str]:
    """stem → word of what is asked about, without times and without what is ranked."""
    grouped = grouping_word(question)
    if grouped:
        question = _GROUPING.sub(
            lambda found: " " if stem((found[1] or found[2]).lower()) == grouped else found[0], question
        )
    words = question_words(_CLOCK.sub(" ", _DAY.sub(" ", _SINCE.sub(" ", question))))
    asked = ranking_word(question)
    return {stem(word.lower()): word for word in words if stem(word.lower()) != asked}


_PARTICLES = "over|up|out|in|off|down|back"
_COMPOUND = re.compile(rf"\b([a-z]{{3,}})(?:s|ed|ing)?[ -]({_PARTICLES})\b", re.I)


def compounds(question: str) -> list[tuple[str, str]]:
    """Verbs with a particle, which logs write as one word: `fail over` is `failover`, `roll back` is `rollback`."""
    return [
        (found[1].lower(), found[2].lower()) for found in _COMPOUND.finditer(question) if found[1].lower() not in STOP
    ]


def together(parts: Sequence[str]) -> str:
    """A pattern for lines that have all of some parts, in any order; the longest three where there are more.

    Every order is spelled out: `(?=.*a)(?=.*b)` would hide the words from the search over the bytes.
    """
    most = sorted(parts, key=len, reverse=True)[:3]
    return "|".join(".*".join(order) for order in permutations([part for part in parts if part in most]))


def ranking_word(question: str) -> str:
    found = _RANKING.search(question)
    return stem((found[1] or found[3]).lower()) if found else ""


def grouping_word(question: str) -> str:
    """The stem of what is counted for each of its values: `per host`, `for each user`, `by status`; or an empty string.

    `by` alone says who did it as often as it groups: it counts where it names what logs have fields for.
    """
    for found in _GROUPING.finditer(question):
        key = stem((found[1] or found[2]).lower())
        if found[1] or key in _FIELDS:
            return key
    return ""


def since(question: str) -> bool:
    """Whether it is asked when something began."""
    return bool(_SINCE.search(question))


def named_by_place(question: str) -> bool:
    """Whether the value asked for may be told by its place in the line alone: a host."""
    key = ranking_word(question) or grouping_word(question)
    return key in {stem(word) for word in ("host", *_KEYS["host"])}


def ranked_by(question: str) -> tuple[str, ...]:
    """Patterns for the value that is ranked or grouped by: `host=…`, `"host": "…"`, or the form such values have."""
    key = ranking_word(question) or grouping_word(question)
    if not key:
        return ()
    kind = next((name for name, others in _KEYS.items() if key in map(stem, (name, *others))), key)
    names = "|".join(dict.fromkeys(re.escape(name) for name in (key, kind, *_KEYS.get(kind, ()))))
    own = rf"(?i)\b(?:{names})\w*[\"']?\s*[=:]\s*[\"']?([^\s\"',;}}\])]+)"
    exact = rf"(?i)\b{re.escape(key)}\w*[\"']?\s*[=:]\s*[\"']?([^\s\"',;}}\])]+)"
    return (exact, own, *_FORMS.get(kind, ()))


_FIELDS = frozenset(stem(word) for name in {*_KEYS, *_FORMS} for word in (name, *_KEYS.get(name, ())))


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
