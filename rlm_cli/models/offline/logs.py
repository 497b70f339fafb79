"""Questions about logs: what happened around a time, how many, which most. Times, levels and counting, no language."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rlm_cli.context.words import question_words, stem
from rlm_cli.models.offline import repository
from rlm_cli.models.offline.conversation import Task
from rlm_cli.models.offline.ranking import Place, places

COUNT = "# Count the lines and the kinds of message"
_MOST_LINES = 100_000  # of one grep: about 40 MB in the worker
_SHOWN = 6  # kinds of message in the answer

_TIMED = re.compile(r"\d{1,2}:\d{2}:\d{2}|\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}|^\[?\d{10}(\.\d+)?\b")
_CLOCK = re.compile(r"(?<![\d:])(\d{1,2})(?::(\d{2}))?(?::\d{2})?\s*([ap])\.?m\b|(?<![\d:])(\d{1,2}):(\d{2})", re.I)
_DAY = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")
_QUOTED = re.compile(r"[\"'`“‘]([^\"'`”’]{2,80})[\"'`”’]")
_COUNTING = re.compile(r"\b(how many|how often|number of|count)\b", re.I)
_RANKING = re.compile(
    r"\b(?:which|what|who)\s+(\w+).*\b(most|often|frequent\w*|top|more than)\b|\btop\s+(?:\d+\s+)?(\w+)", re.I
)
_BAD_WORD = "error fail failure exception wrong crash problem broke break outage incident issue"
_BAD_WORDS = frozenset(map(stem, _BAD_WORD.split()))
_EMPTY = "line log time often frequent number count entry message went go occur report there total kind"
_SAYS_NOTHING = frozenset(map(stem, _EMPTY.split()))
_WARN_WORDS = frozenset({stem("warning"), "warn"})

BAD = (
    r"\b(?:FATAL|CRITICAL|CRIT|ERROR|ERR|SEVERE|PANIC|EMERG|ALERT)\b|\b(?:level|severity)\W{1,4}(?:error|fatal|critical|panic)\b"
    r"|\bpanic:|\bTraceback\b|\w(?:Exception|Error)\b|HTTP/[\d.]+\" 5\d\d\b"
)
FAILING = r"\b(?:error|fail(?:ed|s|ure|ing)?|denied|refused|rejected|aborted|invalid|unable|timed out|timeout)\b"
WARN = r"\bWARN(?:ING)?\b|\b(?:level|severity)\W{1,4}warn"
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

_SHAPES = r"""
import re
shapes = {}
for line in lines:
    text = re.sub(r"^[^A-Za-z]*\d[\d:.,TZ+/\[\] -]*", "", line.text)
    shape = re.sub(r"0x[0-9a-f]+|\b[0-9a-f-]{8,}\b|\d+", "#", text)[:200]
    shapes.setdefault(shape, []).append(line)
print(f"total {len(lines)} {lines.note}")
groups = sorted(shapes.values(), key=len, reverse=True)[:12]
"""
_VALUES = r"""
import re
values = {}
for line in lines:
    for form in forms:
        value = re.search(form, line.text)
        if value:
            values.setdefault(value[1], []).append(line)
            break
print(f"total {len(lines)} {lines.note}")
groups = []
for value in sorted(values, key=lambda value: -len(values[value]))[:12]:
    print(f"value {value}")
    groups.append(values[value])
"""
_ROWS = """
for number, group in enumerate(groups):
    first, last = group[0], group[-1]
    print(f"#{number} {len(group)}.0 {first.path}:{first.line} ({first.line}-{last.line}): {first.text[:300]}")
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is counted: lines that match `pattern`, described by `what`; by `forms` of a value, or by message."""

    what: str
    pattern: str
    ignore_case: bool = False
    forms: tuple[str, ...] = ()
    in_order: bool = False  # the answer tells what came first, not what came most

    def cell(self) -> str:
        called = f"grep({self.pattern!r}, ignore_case={self.ignore_case}, limit={_MOST_LINES})"
        if self.forms:
            return f"{COUNT}\nlines = {called}\nforms = {list(self.forms)!r}" + _VALUES + _ROWS
        return f"{COUNT}\nlines = {called}" + _SHAPES + _ROWS


def concerns(task: Task) -> bool:
    """Whether the input is a log and the question one of times, levels or counts."""
    lines = [line for line in task.preview.split("\n") if line.strip()][:20]
    timed = sum(1 for line in lines if _TIMED.search(line[:80]))
    return timed * 2 > len(lines) and bool(lines) and bool(plans(task.question))


def plans(question: str) -> list[Plan]:
    """What to count, most telling first; the next is for when a plan finds nothing."""
    when, times = _times(question)
    forms = _ranked_by(question)
    subjects = _subjects(question)
    counting = bool(_COUNTING.search(question))
    if times:
        found = []
        if counting or forms:
            inside = f"^(?=.*{times})"
            found += [
                Plan(f"{what} {when}", inside + _anywhere(pattern), case, forms) for what, pattern, case in subjects
            ]
        else:
            found.append(Plan(f"errors and warnings {when}", f"{times}.*(?:{BAD}|{WARN})", in_order=True))
        return [*found, Plan(f"lines {when}", times, in_order=True)]
    if forms:
        found = [Plan(what, pattern, case, forms) for what, pattern, case in subjects]
        return found or [Plan("lines", ".", forms=forms)]
    if counting or any(pattern in (f"(?:{BAD})", f"(?:{WARN})") for _, pattern, _ in subjects):
        return [Plan(what, pattern, case) for what, pattern, case in subjects]
    return []


def _anywhere(pattern: str) -> str:
    """`pattern` from the beginning of the line, where it looks ahead anyway or has to."""
    return pattern.removeprefix("^") if pattern.startswith("^") else f".*{pattern}"


def _subjects(question: str) -> list[tuple[str, str, bool]]:
    """What is counted, most exact first: how it is called, a pattern for its lines, and whether case is ignored."""
    quoted = _QUOTED.search(question)
    if quoted:
        return [(f"lines with “{quoted[1]}”", re.escape(quoted[1]), True)]
    asked = _ranking_word(question)
    words = question_words(_CLOCK.sub(" ", _DAY.sub(" ", question)))
    keys = {stem(word.lower()): word for word in words if stem(word.lower()) != asked}
    kind = ("errors", BAD, "error|fail") if not _BAD_WORDS.isdisjoint(keys) else None
    if kind is None and not _WARN_WORDS.isdisjoint(keys):
        kind = ("warnings", WARN, "warn")
    said = {key: word for key, word in keys.items() if key not in _SAYS_NOTHING | _BAD_WORDS | _WARN_WORDS}
    ahead = "^" + "".join(f"(?=.*{re.escape(key)})" for key in list(said)[:4])
    found = []
    if said:
        about = f"about {' '.join(said.values())}"
        if kind is None:
            found.append((f"lines {about}", ahead, True))
        else:
            found.append((f"{kind[0]} {about}", f"{ahead}(?=.*(?:{kind[2]}))", True))
    if kind is not None:
        found.append((kind[0], f"(?:{kind[1]})", False))
    if kind is not None and kind[1] == BAD:  # where lines have no levels
        found.append(("lines that speak of failure", FAILING, True))
    return found


def _ranking_word(question: str) -> str:
    found = _RANKING.search(question)
    return stem((found[1] or found[3]).lower()) if found else ""


def _ranked_by(question: str) -> tuple[str, ...]:
    """Patterns for the value that is ranked: `host=…`, `"host": "…"`, or the form such values have."""
    key = _ranking_word(question)
    if not key:
        return ()
    kind = next((name for name, others in _KEYS.items() if key in map(stem, (name, *others))), key)
    names = "|".join(dict.fromkeys(re.escape(name) for name in (key, kind, *_KEYS.get(kind, ()))))
    own = rf"(?i)\b(?:{names})\w*[\"']?\s*[=:]\s*[\"']?([^\s\"',;}}\])]+)"
    exact = rf"(?i)\b{re.escape(key)}\w*[\"']?\s*[=:]\s*[\"']?([^\s\"',;}}\])]+)"
    return (exact, own, *_FORMS.get(kind, ()))


def _times(question: str) -> tuple[str, str]:
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


def turn(task: Task) -> tuple[str, str]:
    """What is said, and the next cell."""
    tried = sum(1 for reply in task.replies if COUNT in reply)
    last = task.replies[-1] if task.replies else ""
    wanted = plans(task.question)
    if repository.SUBMIT in last:
        return "The submission did not go through; I submit the plain text.", _submit(task, marks=False)
    if COUNT in last and places(task.outputs[-1] if task.outputs else ""):
        return "I cite the first line of each kind.", _submit(task)
    if tried < len(wanted):
        return f"I count: {wanted[tried].what}.", wanted[tried].cell()
    if COUNT in last and re.search(r"^total 0 ", task.outputs[-1], re.MULTILINE) and _COUNTING.search(task.question):
        return "Nothing matches.", f"{repository.SUBMIT}\nFINAL({f'0 {wanted[0].what}.'!r})"
    return "Nothing was found.", f"# Nothing matches\nNOT_FOUND({f'The log has no {wanted[-1].what}.'!r})"


def conclusion(task: Task) -> str:
    """The answer in plain text from what was counted."""
    lines = _entries(task)
    return "\n".join(text if place is None else f"{text} (`{place.path}:{place.line}`)" for text, place in lines)


def _submit(task: Task, *, marks: bool = True) -> str:
    entries = _entries(task)
    if not marks:
        return f"{repository.SUBMIT}\nFINAL({chr(10).join(text for text, _ in entries)!r})"
    cell = [repository.SUBMIT, "FINAL("]
    for text, place in entries:
        mark = "" if place is None else f" + {' '!r} + cite({place.path!r}, {place.line}, {place.line})"
        cell.append(f"    {'+ ' if len(cell) > 2 else ''}{text!r}{mark} + {chr(10)!r}")
    return "\n".join([*cell, ")"])


def _entries(task: Task) -> list[tuple[str, Place | None]]:
    """The answer, line by line, each with the place that shows it."""
    tried = sum(1 for reply in task.replies if COUNT in reply)
    output = task.output(COUNT)
    found = places(output)
    plan = plans(task.question)[max(0, tried - 1)]
    total = re.search(r"^total (\d+) ?(.*)$", output, re.MULTILINE)
    if total is None or not found:
        return [("Nothing that answers the question was found before the run had to stop.", None)]
    at_least = "at least " if "cut" in total[2] else ""
    values = re.findall(r"^value (.*)$", output, re.MULTILINE)
    head = f"{at_least}{int(total[1]):,} {plan.what}."
    entries: list[tuple[str, Place | None]] = []
    if values:
        first = found[0]
        entries.append((f"**{values[0]}**: {first.score:,.0f} of {head} The first of them:", first))
        entries += [
            (f"- {value}: {place.score:,.0f}", place)
            for value, place in list(zip(values, found, strict=False))[1:_SHOWN]
        ]
        return entries
    shown = found[:_SHOWN]
    if plan.in_order:
        shown = sorted(shown, key=lambda place: (place.path, place.line))
    kinds = "in order of their first line" if plan.in_order else "the most frequent first"
    entries.append((f"{head[0].upper()}{head[1:]} Kinds of message, {kinds}:", None))
    for place in shown:
        times = f" ({place.score:,.0f} times)" if place.score > 1 else ""
        entries.append((f"- {_code(place.text)}{times}", place))
    return entries


def _code(text: str) -> str:
    text = text.strip()[:240]
    return f"`` {text} ``" if "`" in text else f"`{text}`"
