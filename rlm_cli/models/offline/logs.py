"""Questions about logs: what happened around a time, how many, which most. Times, levels and counting, no language."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rlm_cli.context.words import stem
from rlm_cli.models.offline import repository
from rlm_cli.models.offline.asked import ranked_by, times, together, words_of
from rlm_cli.models.offline.conversation import Task
from rlm_cli.models.offline.marks import Marks, look, marks_of, pattern
from rlm_cli.models.offline.ranking import Place, places

COUNT = "# Count the lines and the kinds of message"
_MOST_LINES = 100_000  # of one grep: about 40 MB in the worker
_SHOWN = 6  # kinds of message in the answer

_TIMED = re.compile(r"\d{1,2}:\d{2}:\d{2}|\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}|^\[?\d{10}(\.\d+)?\b")
_QUOTED = re.compile(r"[\"'`“‘]([^\"'`”’]{2,80})[\"'`”’]")
_TOTAL = re.compile(r"^total (\d+) ?(.*)$", re.MULTILINE)
_COUNTING = re.compile(r"\b(how many|how often|number of|count)\b", re.I)
_BAD = "error fail failure exception wrong crash problem broke break outage incident issue"
_BAD_WORDS = frozenset(map(stem, _BAD.split()))
_WARN_WORDS = frozenset({stem("warning"), "warn"})
_EMPTY = "line log time often frequent number count entry message went go occur report there total kind"
_SAYS_NOTHING = frozenset(map(stem, _EMPTY.split()))

_SHAPES = r"""
import re
shapes = {}
for line in lines:
    text = re.sub(r"^[^A-Za-z]*\d[\d:.,TZ+/\[\] -]*", "", line.text)
    shape = re.sub(r"0x[0-9a-f]+|\b[0-9a-f-]{8,}\b|\d+", "#", text)[:200]
    shapes.setdefault(shape, []).append(line)
total = len(lines)
if "cut" in lines.note and exact:
    total = sum(context.count(mark) for mark in exact)
print(f"total {total} {lines.note}")
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
total = len(lines)
if "cut" in lines.note and exact:
    total = sum(context.count(mark) for mark in exact)
print(f"total {total} {lines.note}")
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
    """What is counted: lines that match `pattern`, told as `what`; by `forms` of a value, or by message."""

    what: str
    pattern: str
    ignore_case: bool = False
    forms: tuple[str, ...] = ()
    exact: tuple[str, ...] = ()  # what each line has just one of: counted alone where there are too many lines
    in_order: bool = False  # the answer tells what came first, not what came most

    def cell(self) -> str:
        called = f"grep({self.pattern!r}, ignore_case={self.ignore_case}, limit={_MOST_LINES})"
        head = f"{COUNT}\nlines = {called}\nexact = {list(self.exact)!r}"
        return (f"{head}\nforms = {list(self.forms)!r}" + _VALUES if self.forms else head + _SHAPES) + _ROWS


def concerns(task: Task) -> bool:
    """Whether the input is a log and the question one of times, levels or counts."""
    lines = [line for line in task.preview.split("\n") if line.strip()][:20]
    timed = sum(1 for line in lines if _TIMED.search(line[:80]))
    return timed * 2 > len(lines) and bool(plans(task.question, Marks()))


def plans(question: str, marks: Marks) -> list[Plan]:
    """What to count, most telling first; the next is for when a plan finds nothing."""
    when, clock = times(question)
    forms = ranked_by(question)
    subjects = _subjects(question, marks)
    counting = bool(_COUNTING.search(question))
    if clock:
        found = []
        if counting or forms:
            for plan in subjects:
                inside = f"{clock}.*(?:{plan.pattern})"
                found.append(Plan(f"{plan.what} {when}", inside, plan.ignore_case, forms))
        else:
            both = pattern(marks.failures + marks.warnings)
            called = f"{marks.called}{' and warnings' if marks.warnings else ''}"
            found.append(Plan(f"{called} {when}", f"{clock}.*(?:{both})", in_order=True))
        return [*found, Plan(f"lines {when}", clock, in_order=True)]
    if forms:
        found = [Plan(plan.what, plan.pattern, plan.ignore_case, forms) for plan in subjects]
        return found or [Plan("lines", ".", forms=forms)]
    return subjects if counting or _kind(question) else []


def _kind(question: str) -> str:
    """Whether the question is of failures, of warnings, or of neither."""
    words = words_of(question)
    return "bad" if not _BAD_WORDS.isdisjoint(words) else "warn" if not _WARN_WORDS.isdisjoint(words) else ""


def _subjects(question: str, marks: Marks) -> list[Plan]:
    """What is counted, most exact first."""
    quoted = _QUOTED.search(question)
    if quoted:
        return [Plan(f"lines with “{quoted[1]}”", re.escape(quoted[1]), True)]
    kind = _kind(question)
    called = marks.called if kind == "bad" else "warnings"
    words = words_of(question)
    said = {key: word for key, word in words.items() if key not in _SAYS_NOTHING | _BAD_WORDS | _WARN_WORDS}
    parts = [re.escape(key) for key in said]
    marked = marks.failures if kind == "bad" else marks.warnings
    found = []
    if said:
        about = f"about {' '.join(said.values())}"
        if kind:
            found.append(Plan(f"{called} {about}", together([*parts[:2], f"(?:{pattern(marked)}|fail)"]), True))
        else:
            found.append(Plan(f"lines {about}", together(parts), True))
    if kind:
        found.append(Plan(called, pattern(marked), exact=marked))
    return found


def turn(task: Task) -> tuple[str, str]:
    """What is said, and the next cell."""
    last = task.replies[-1] if task.replies else ""
    output = task.outputs[-1] if task.outputs else ""
    wanted = plans(task.question, marks_of(task))
    tried = sum(1 for reply in task.replies if COUNT in reply)
    searching = any(sign in reply for reply in task.replies for sign in (repository.FIND, repository.WIDEN))
    if repository.SUBMIT in last:
        said, cell = "The submission did not go through; I submit the plain text.", _submit(task, marks=False)
    elif COUNT in last and places(output):
        said, cell = "I cite the first line of each kind.", _submit(task)
    elif not last and (_kind(task.question) or wanted[0].in_order):
        said, cell = "I see how this log marks what went wrong.", look(task.size)
    elif searching or (COUNT in last and not _TOTAL.search(output)):
        said, cell = repository.turn(task)  # a count that did not come to its end says nothing: search instead
    elif tried < len(wanted):
        said, cell = f"I count: {wanted[tried].what}.", wanted[tried].cell()
    elif _COUNTING.search(task.question):
        said, cell = "Nothing matches.", f"{repository.SUBMIT}\nFINAL({f'0 {wanted[0].what}.'!r})"
    else:
        reason = f"The log has no {wanted[-1].what}."
        said, cell = "Nothing was found.", f"# Nothing matches\nNOT_FOUND({reason!r})"
    return said, cell


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
    plan = plans(task.question, marks_of(task))[max(0, tried - 1)]
    total = _TOTAL.search(output)
    if total is None or not found:
        return [("Nothing that answers the question was found before the run had to stop.", None)]
    at_least = "at least " if "cut" in total[2] and not plan.exact else ""
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
