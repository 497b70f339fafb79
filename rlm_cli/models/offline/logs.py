"""Questions about logs: what happened around a time, how many, which most. Times, levels and counting, no language."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from rlm_cli.context.words import stem
from rlm_cli.models.offline import repository
from rlm_cli.models.offline.asked import (
    compounds,
    grouping_word,
    named_by_place,
    ranked_by,
    ranking_word,
    since,
    times,
    together,
    words_of,
)
from rlm_cli.models.offline.conversation import Task
from rlm_cli.models.offline.marks import Marks, look, marks_of, pattern
from rlm_cli.models.offline.ranking import Place, places
from rlm_cli.models.offline.shaping import Found

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

_STATUS = re.compile(r"[45]\d\d")
_KINDS = re.compile(r"^kinds (\d+)$", re.MULTILINE)
_LOOKED = re.compile(r"^looked (\d+)$", re.MULTILINE)
_VALUED = re.compile(r"^valued (\d+)$", re.MULTILINE)
_FILES = re.compile(r"^files (\d+)$", re.MULTILINE)
_UNNAMED = re.compile(r"^unnamed$", re.MULTILINE)
_STAMP = re.compile(
    r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(?:[.,]\d+)?Z?|\d{1,2}/[A-Z][a-z]{2}/\d{4}:[\d:]{8}"
    r"|^[A-Z][a-z]{2} +\d+ [\d:]{8}|\d{1,2}:\d{2}:\d{2}(?:[.,]\d+)?"
)

_SHAPES = r"""
shapes = {}
for line in lines:
    text = re.sub(r"^[^A-Za-z]*\d[\d:.,TZ+/\[\] -]*", "", line.text)
    shape = re.sub(r"(?<==)[\w-]*\d[\w-]*|0x[0-9a-f]+|\b[0-9a-f-]{8,}\b|\d+", "#", text)[:200]
    shapes.setdefault(shape, []).append(line)
groups = sorted(shapes.values(), key=len, reverse=True)
print(f"kinds {len(groups)}")
groups = groups[:12]
"""
_TOTALS = r"""
import re
note = lines.note
if own:
    lines = [line for line in lines if line.path not in spelled or re.search(own[spelled[line.path]], line.text)]
total = len(lines)
if "cut" in note and exact:
    total = sum(context.count(mark) for mark in exact)
print(f"total {total} {note}")
if "cut" in note:
    print(f"looked {len(lines)}")
by_file = {}
for line in lines:
    by_file[line.path] = by_file.get(line.path, 0) + 1
if len(by_file) > 1:
    for path in sorted(by_file, key=lambda path: -by_file[path])[:10]:
        print(f"file {by_file[path]} {path}")
    print(f"files {len(by_file)}")
"""
_VALUES = r"""
values = {}
for line in lines:
    for form in forms:
        value = re.search(form, line.text)
        if value:
            values.setdefault(value[1], []).append(line)
            break
if not values and by_place:
    # The word at a fixed place that repeats and looks like the name of a host: letters, then a number.
    for place in range(6):
        column = [(line.text.split() + [""] * 6)[place].strip("[]():,") for line in lines]
        named = [word for word in column if re.fullmatch(r"[A-Za-z][\w.-]*\d[\w.-]*", word)]
        if len(named) * 10 >= len(column) * 9 and 0 < len(set(named)) <= max(2, len(named) // 4):
            for word, line in zip(column, lines):
                values.setdefault(word, []).append(line)
            break
if values:
    print(f"kinds {len(values)}")
    print(f"valued {sum(len(values[value]) for value in values)}")
    groups = []
    for value in sorted(values, key=lambda value: -len(values[value]))[:12]:
        print(f"value {value}")
        groups.append(values[value])
else:
    print("unnamed")
    groups = [lines[:1]] if lines else []
"""
_EARLIEST = r"""
stamp = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}[.,\d]*")
for number, group in enumerate(groups):
    if all(stamp.search(line.text) for line in group):
        first = min(group, key=lambda line: stamp.search(line.text)[0].replace(" ", "T").replace(",", "."))
        groups[number] = [first, *[line for line in group if line is not first]]
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
    own: tuple[str, ...] = ()  # see Marks.spellings
    by_place: bool = False  # the value may be told by its place in the line alone
    earliest: bool = False  # of each value the earliest line is wanted, by its time

    def cell(self) -> str:
        called = f"grep({self.pattern!r}, ignore_case={self.ignore_case}, limit={_MOST_LINES})"
        exact = [] if self.own else list(self.exact)
        head = f"{COUNT}\nlines = {called}\nexact = {exact!r}\nown = {list(self.own)!r}{_TOTALS}"
        if self.forms:
            head += f"forms = {list(self.forms)!r}\nby_place = {self.by_place}" + _VALUES
        else:
            head += _SHAPES
        return head + (_EARLIEST if self.earliest else "") + _ROWS


def concerns(task: Task) -> bool:
    """Whether the input is a log and the question one of times, levels or counts."""
    lines = [line for line in task.preview.split("\n") if line.strip()][:20]
    timed = sum(1 for line in lines if _TIMED.search(line[:80]))
    return timed * 2 > len(lines) and bool(plans(task.question, Marks()))


def plans(question: str, marks: Marks) -> list[Plan]:
    """What to count, most telling first; the next is for when a plan finds nothing."""
    when, clock = times(question)
    forms = ranked_by(question)
    subjects = [
        replace(plan, by_place=named_by_place(question), earliest=since(question))
        for plan in _subjects(question, marks)
    ]
    counting = bool(_COUNTING.search(question))
    if clock:
        found = []
        if counting or forms:
            for plan in subjects:
                inside = f"{clock}.*(?:{plan.pattern})"
                found.append(replace(plan, what=f"{plan.what} {when}", pattern=inside, forms=forms, exact=()))
        else:
            both = pattern(marks.failures + marks.warnings)
            called = f"{marks.called}{' and warnings' if marks.warnings else ''}"
            own = tuple(pattern(marks.warnings) + "|" + one if marks.warnings else one for one in marks.spellings)
            found.append(Plan(f"{called} {when}", f"{clock}.*(?:{both})", in_order=True, own=own))
        return [*found, Plan(f"lines {when}", clock, in_order=True)]
    if forms:
        found = [replace(plan, forms=forms) for plan in subjects]
        return found or [Plan("lines", ".", forms=forms, by_place=named_by_place(question), earliest=since(question))]
    return subjects if counting or _kind(question) or compounds(question) else []


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
    parts = [_spelled(key) for key in said]
    marked = marks.failures if kind == "bad" else marks.warnings
    found = [
        Plan(f"lines about “{verb} {particle}”", rf"\b{verb}\w{{0,3}}[ _-]?{particle}", True)
        for verb, particle in compounds(question)
    ]
    status = next((key for key in said if _STATUS.fullmatch(key)), "")
    if status and kind == "bad":
        form = rf"\" {status}\b|\b(?:status|code)\w*[\"']?\s*[=:]?\s*[\"']?{status}\b|\b{status} [A-Z][a-z]"
        rest = [_spelled(key) for key in said if key != status]
        found.append(Plan(f"{status} errors{_about(said, status)}", together([*rest, f"(?:{form})"]) if rest else form))
    if said:
        about = f"about {' '.join(said.values())}"
        if kind:
            inside = together([*parts[:2], f"(?:{pattern(marked)}|fail)"])
            found.append(Plan(f"{called} {about}", inside, True))
        else:
            found.append(Plan(f"lines {about}", together(parts), True))
    if kind:
        found.append(Plan(called, pattern(marked), exact=marked, own=marks.spellings if kind == "bad" else ()))
    return found


def _spelled(key: str) -> str:
    """A pattern for a word by its stem; a number stands alone."""
    if key == "timeout":
        return "(?:timeout|timed out)"
    return rf"(?<![\w.]){key}(?![\w.])" if key.isdigit() else re.escape(key)


def _about(said: dict[str, str], status: str) -> str:
    rest = [word for key, word in said.items() if key != status]
    return f" about {' '.join(rest)}" if rest else ""


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


def found(task: Task) -> list[Found]:
    """The places of the answer as fields."""
    if COUNT not in "".join(task.replies):
        return repository.found(task)
    return [
        Found(place.path, place.line, place.line, place.text, text)
        for text, place in _entries(task)
        if place is not None
    ]


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
    different = _number(_KINDS, output) or len(found)
    ranked = ranking_word(task.question)
    asked = ranked or grouping_word(task.question)
    head = f"{at_least}{int(total[1]):,} {plan.what}."
    looked = _number(_LOOKED, output)  # lines that were told apart, where there are too many for all of them
    partly = (
        [(f"\nEach is counted in the first {looked:,} of these lines, not in all of them.", None)] if looked else []
    )
    entries: list[tuple[str, Place | None]] = []
    if values:
        first = found[0]
        rows = list(zip(values, found, strict=False))
        if ranked:
            when = f" at {_stamp(first.text)}, line {first.line:,}:" if plan.earliest else ":"
            among = f"the first {looked:,} of {head}" if looked else head
            entries.append((f"**{values[0]}**: {first.score:,.0f} of {among} The first of them{when}", first))
            rows = rows[1:]
        else:
            entries.append((f"{head[0].upper()}{head[1:]} For each {asked}, with the first line of each:", None))
        for value, place in rows:
            began = f", since {_stamp(place.text)}" if plan.earliest else ""
            entries.append((f"- {value}: {place.score:,.0f}{began}", place))
        without = (looked or int(total[1])) - _number(_VALUED, output)
        if without > 0:
            entries.append((f"- without a {asked}: {without:,}", None))
        more = _left_out(different, len(values), f"values of {asked}")
        return [*entries, *more, *_by_file(output), *partly, *_untimed(task)]
    if asked and _UNNAMED.search(output):
        text = f"{head[0].upper()}{head[1:]} No field that names a {asked} was found in them, so they are not counted "
        entries.append((f"{text}for each {asked}. The first of them:", found[0]))
        return [*entries, *_by_file(output), *_untimed(task)]
    shown = found[:_SHOWN]
    if plan.in_order:
        shown = sorted(shown, key=lambda place: (place.path, place.line))
    kinds = "in order of their first line" if plan.in_order else "the most frequent first"
    entries.append((f"{head[0].upper()}{head[1:]} Kinds of message, {kinds}:", None))
    for place in shown:
        often = f" ({place.score:,.0f} times)" if place.score > 1 else ""
        entries.append((f"- {_code(place.text)}{often}", place))
    more = _left_out(different, _SHOWN, "kinds of message")
    return [*entries, *more, *_by_file(output), *partly, *_untimed(task)]


def _number(pattern: re.Pattern[str], output: str) -> int:
    found = pattern.search(output)
    return int(found[1]) if found else 0


def _left_out(count: int, shown: int, what: str) -> list[tuple[str, Place | None]]:
    """What the list does not show."""
    return [(f"- … and {count - shown:,} more {what}.", None)] if count > shown else []


def _by_file(output: str) -> list[tuple[str, Place | None]]:
    """How the count is spread over files, where there are several."""
    rows = re.findall(r"^file (\d+) (.+)$", output, re.MULTILINE)
    if not rows:
        return []
    left = _number(_FILES, output) - len(rows)
    more = f" and {left:,} more files" if left > 0 else ""
    return [("\nBy file: " + ", ".join(f"`{path}` {int(count):,}" for count, path in rows) + more + ".", None)]


def _untimed(task: Task) -> list[tuple[str, Place | None]]:
    """The files that a question about a time could not look into."""
    files = marks_of(task).untimed
    if not files or not times(task.question)[1]:
        return []
    return [(f"\nNot looked at, since no clock times stand in them: {', '.join(f'`{path}`' for path in files)}.", None)]


def _stamp(text: str) -> str:
    found = _STAMP.search(text)
    return found[0] if found else "an unknown time"


def _code(text: str) -> str:
    text = text.strip()
    text = text if len(text) <= 240 else text[:239] + "…"
    return f"`` {text} ``" if "`" in text else f"`{text}`"
