"""A question without words to look for, "what does this do?", is answered with an overview of the input."""

from __future__ import annotations

import re

from rlm_cli.context.words import question_words, stem
from rlm_cli.models.offline.conversation import Task

OVERVIEW = "# Get an overview"

_WHOLE = """
overview summary summarize summarise summarization repository repo project codebase code package folder directory
input contain content introduction introduce purpose structure architecture explain program tool library app
application hello hi help tldr gist start tour layout organized organised text document file here look software
"""
_OF_THE_WHOLE = frozenset(stem(word) for word in _WHOLE.split())

_CELL = r"""
import re
names = list(files)
depth = {name: name.count("/") for name in names}
shared = names[0].split("/")[:-1]
for name in names:
    here = name.split("/")[:-1]
    while shared != here[: len(shared)]:
        shared = shared[:-1]
inside = len(shared)
counts = {}
for name in names:
    pieces = name.split("/")
    if len(pieces) > inside + 1:
        place = "/".join(pieces[: inside + 1]) + "/"
        counts[place] = counts.get(place, 0) + 1
for place in sorted(counts, key=lambda place: -counts[place])[:12]:
    print(f"directory {counts[place]} {place}")
print(f"directories {len(counts)} of {len(names)} files")

def nearest(pattern, most):
    named = [name for name in names if re.search(pattern, name)]
    return sorted(named, key=lambda name: (depth[name], name))[:most]

wanted = [("readme", name) for name in nearest(r"(?i)(^|/)readme[^/]*$", 1)]
wanted += [("entry", name) for name in nearest(entries, 5)]
wanted += [("package", name) for name in nearest(r"(^|/)(__init__\.py|mod\.rs|lib\.rs|doc\.go|index\.[jt]s)$", 6)]
if len(wanted) < 3:
    known = {name for _, name in wanted}
    largest = sorted(names[:2000], key=lambda name: (depth[name], -len(files[name]), name))
    wanted += [("file", name) for name in largest if name not in known][:4]
for kind, name in wanted:
    lines = str(files[name][:4000]).split("\n")[:40]
    print(f"@{kind} {name}")
    for number, line in enumerate(lines, start=1):
        print(f"{number}: {line[:300]}")
"""
_ENTRIES = (
    r"(^|/)(__main__\.py|main\.(py|go|rs|c|cc|cpp|js|ts|java)|cli\.py|app\.py|manage\.py|pyproject\.toml|setup\.py"
    r"|package\.json|Cargo\.toml|go\.mod|Makefile)$"
)
_HEAD = re.compile(r"^@(\w+) (.+)$")
_LINE = re.compile(r"^(\d+): ?(.*)$")
_DIRECTORY = re.compile(r"^directory (\d+) (.+)$", re.MULTILINE)
_DIRECTORIES = re.compile(r"^directories (\d+) of (\d+) files$", re.MULTILINE)
_NO_PROSE = re.compile(r"^(?:\s*(?:[#=\-*~^`<>!\[|+]|\.\. |:\w+:|import\b|from\b|package\b|use\b|//|/\*).*|\s*)$")
_DOCSTRING = re.compile(r"^\s*[rRuU]?(?:\"\"\"|''')(.*?)(?:\"\"\"|'''|$)")


def concerns(question: str) -> bool:
    """Whether the question has no word that could be looked for, or asks for the whole."""
    return all(stem(word.lower()) in _OF_THE_WHOLE for word in question_words(question))


def wordless(question: str) -> bool:
    """Whether it is no question at all: signs without a letter."""
    return re.search(r"\w", question) is None


def cell() -> str:
    """The cell that prints directories, and the heads of the files that say what the whole is."""
    return f"{OVERVIEW}\nentries = {_ENTRIES!r}" + _CELL


def entries(task: Task) -> list[tuple[str, str, int, int]]:
    """Text, path, first and last line of what is said of each file; path is empty for a line without a source."""
    output = task.output(OVERVIEW)
    found: list[tuple[str, str, dict[int, str]]] = []
    for row in output.split("\n"):
        if head := _HEAD.match(row):
            found.append((head[1], head[2], {}))
        elif found and (line := _LINE.match(row)):
            found[-1][2][int(line[1])] = line[2]
    made: list[tuple[str, str, int, int]] = []
    directories = _directories(output)
    for kind, path, lines in found:
        if not any(map(str.strip, lines.values())):
            continue  # nothing that could be cited
        text, first, last = _about(lines)
        if kind == "package" and not _DOCSTRING.match(lines.get(first, "")):
            continue  # a package that says nothing of itself
        made.append((f"- {_KINDS[kind]}`{path}`{': ' if text else ''}{text}", path, first, last))
    return [*([(directories, "", 0, 0)] if directories else []), *made]


_KINDS = {"readme": "", "entry": "Entry point ", "package": "Package ", "file": ""}


_OPENING = "An overview, since the question names nothing that could be looked for:\n\n"


def _directories(output: str) -> str:
    total = _DIRECTORIES.search(output)
    rows = _DIRECTORY.findall(output)
    if total is None or not rows:
        return f"- {int(total[2]):,} file{'s' if total[2] != '1' else ''}." if total else ""
    left = int(total[1]) - len(rows)
    said = ", ".join(f"`{path}` ({int(count):,} files)" for count, path in rows)
    return f"- {int(total[2]):,} files. Top-level directories: {said}{f' and {left:,} more' if left > 0 else ''}."


def _about(lines: dict[int, str]) -> tuple[str, int, int]:
    """The first sentences of a file, and the lines where they stand."""
    for number, line in lines.items():
        if found := _DOCSTRING.match(line):
            text = found[1].strip() or lines.get(number + 1, "").strip()
            return text[:300], number, number if found[1].strip() else number + 1
    said = [number for number, line in lines.items() if line.strip()]
    first = next((number for number in said if not _NO_PROSE.match(lines[number])), said[0])
    last = first
    while last + 1 in lines and last - first < 5 and not _NO_PROSE.match(lines[last + 1]):
        last += 1
    text = " ".join(lines.get(number, "").strip() for number in range(first, last + 1))
    return text if len(text) <= 400 else text[:399] + "…", first, last


def turn(task: Task, mark: str) -> tuple[str, str]:
    """What is said, and the next cell: one looks, the next submits under `mark`."""
    last = task.replies[-1] if task.replies else ""
    if wordless(task.question):
        reason = f"The question {task.question!r} has no words: ask in words what is looked for."
        return "There is nothing to look for.", f"# The question has no words\nNOT_FOUND({reason!r})"
    if not last:
        return "I look at the whole.", cell()
    if OVERVIEW in last:
        return "I submit what the heads of the files say.", submit(task, mark)
    text = conclusion(task) or "No overview could be made."
    return "The submission did not go through; I submit the plain text.", f"{mark}\nFINAL({text!r})"


def submit(task: Task, mark: str) -> str:
    """The cell that cites the heads and submits the overview."""
    rows = entries(task)
    if not any(path for _, path, _, _ in rows):
        return f"{mark}\nNOT_FOUND('The input has no text to give an overview of.')"
    said = [
        mark,
        "FINAL(",
        f"    {_OPENING!r}",
    ]
    for text, path, first, last in rows:
        cited = f" + {' '!r} + cite({path!r}, {first}, {last})" if path else ""
        said.append(f"    + {text!r}{cited} + {chr(10)!r}")
    return "\n".join([*said, ")"])


def conclusion(task: Task) -> str:
    """The overview in plain text."""
    rows = entries(task)
    return "\n".join(f"{text} (`{path}:{first}`)" if path else text for text, path, first, _ in rows)
