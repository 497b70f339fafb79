"""Questions about code and documents: find passages, look closer at the best, cite them. One cell each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from rlm_cli.context.words import question_words, stem
from rlm_cli.models.offline import named, overview
from rlm_cli.models.offline.conversation import Task
from rlm_cli.models.offline.extract import Wanted, wanted
from rlm_cli.models.offline.identifiers import identifier, identifiers, written_as_code
from rlm_cli.models.offline.named import EXACT, defined, definition, opening
from rlm_cli.models.offline.named import find as exact
from rlm_cli.models.offline.quoting import Quote, quote
from rlm_cli.models.offline.ranking import Place, Ranked, places, rank, whole
from rlm_cli.models.offline.shaping import Found
from rlm_cli.models.offline.thesaurus import query, synonyms, vague

FIND = "# Look for: "
WIDEN = "# No passage has these words: look for them inside longer ones"
CLOSER = "# Look closer at the best places"
SUBMIT = "# Cite the places and submit"

_DONE = "searched to the end"

_FILES, _PLACES = 4, 5
_LARGE = 300e6  # bytes; above, definitions are not looked for: no literal helps there, and a cell has sixty seconds
_FOUND_MOST, _NAMED_MOST = 40, 60  # places; 160 characters each stay below the smallest pack's limit times ten
_DOCUMENT = re.compile(r"(\.(md|markdown|rst|txt|adoc|org|tex|html?)|(^|/)[A-Z]+)$")
_WORDS_OF_DEFINITION = (
    r"^\s*(?:(?:export|default|pub|public|private|protected|static|async|final|abstract|override|inline)\s+)*"
    r"(?:(?:def|class|func|fn|function|interface|struct|enum|trait|impl|type|module|object|macro)\s+"
    r"|(?:const|let|var)\s+(?=\w+\s*=\s*(?:async\s*)?(?:function|\())"
    r"|(?:[\w$]+\.)+(?=\w+\s*=\s*(?:async\s+)?function))"
)
_HEADINGS = r"^(?:#{1,6}\s|=+ )"

_PRINT_FOUND = """
for number, place in enumerate(found):
    lines = f"({place.first}-{place.last})"
    print(f"#{number} {place.score:.2f} {place.path}:{place.line} {lines}: {place.text.strip()[:160]}")
"""

_PRINT_CLOSER = """
    indent = len(place.text) - len(place.text.lstrip())
    owners = []
    for line in reversed([line for line in outline[place.path] if line.line < place.line]):
        depth = len(line.text) - len(line.text.lstrip())
        if depth < indent or (document and not owners):
            owners.insert(0, line)
            indent = depth
    print(f"@{number} {place.path}:{place.line}")
    for line in owners:
        print(f"  in {line.line}: {line.text.strip()[:200]}")
    text = place.passage.split("\\n") if place.last > place.first else [place.text, *place.after]
    for at, line in enumerate(text, place.first):
        print(f"{at}: {line[:300]}")
"""


def find(question: str, *, names: bool = True) -> str:
    """The first cell: passages that have the question's words, and definitions that are named by them."""
    words = question_words(question)
    said = [word for word in words if not vague(word)] or words
    stems = [stem(other.lower()) for word in said for other in (word, *synonyms(word))]
    named = "|".join(dict.fromkeys(re.escape(key) for key in stems if len(key) > 2))
    cell = [
        f"{FIND}{', '.join(words)}",
        f"found = search({query(question)!r}, top={_FOUND_MOST})",
        "print(found.note)",
    ]
    if named and names:
        pattern = rf"{_WORDS_OF_DEFINITION}\w*(?:{named})"
        cell.append(f"named = grep({pattern!r}, ignore_case=True, after=8, limit={_NAMED_MOST})")
        cell.append("found = [*found, *named]")
    for name in identifiers(question):
        cell.append(f"found = [*found, *grep({definition(name)!r}, after=8, limit=10)]")
    return "\n".join(cell) + _PRINT_FOUND + f"print({_DONE!r})"


def widen(question: str) -> str:
    """The second cell when the first found nothing: the words as parts of longer words."""
    words = [re.escape(word) for word in question_words(question) if len(word) > 2]
    pattern = "|".join(words) or re.escape(question.strip())
    return f"{WIDEN}\nfound = grep({pattern!r}, ignore_case=True, after=4, limit=40)" + _PRINT_FOUND


def closer(chosen: Sequence[Place]) -> str:
    """The cell that prints the chosen places whole, each with the definitions or headings that it stands under."""
    documents = sorted({place.path for place in chosen if _DOCUMENT.search(place.path)})
    return (
        f"{CLOSER}\ndocuments = {documents!r}\noutline = {{}}\n"
        f"for number in {[place.number for place in chosen]!r}:\n"
        "    place = found[number]\n"
        "    document = place.path in documents\n"
        f"    pattern = {_HEADINGS!r} if document else {_WORDS_OF_DEFINITION!r}\n"
        "    if place.path not in outline:\n"
        "        outline[place.path] = grep(pattern, place.path, limit=20000)" + _PRINT_CLOSER
    )


def chosen(ranked: Sequence[Ranked]) -> list[Place]:
    """The places to cite: the best of each of the best files first, then more of the first files."""
    files = ranked[:_FILES]
    best = files[0].score if files else 0.0
    picked = [file.places[0] for file in files if file.score >= 0.25 * best]
    again = list(files[:2]) if len(files) > 1 else list(files) * _PLACES
    for file in again:
        more = next((place for place in file.places[1:8] if not any(_overlap(place, other) for other in picked)), None)
        if more is not None and len(picked) < _PLACES:
            picked.append(more)
    return picked


def _overlap(one: Place, other: Place) -> bool:
    return one.path == other.path and one.first <= other.last and other.first <= one.last


@dataclass(slots=True)
class Seen:
    """A place as the closer cell printed it: numbered lines, and what it stands under."""

    path: str
    line: int
    owners: dict[int, str] = field(default_factory=dict)
    lines: dict[int, str] = field(default_factory=dict)


_PLACE = re.compile(r"^@\d+ (.+):(\d+)$")
_OWNER = re.compile(r"^  in (\d+): (.*)$")
_LINE = re.compile(r"^(\d+): ?(.*)$")


def seen(output: str) -> list[Seen]:
    found: list[Seen] = []
    for line in output.split("\n"):
        if place := _PLACE.match(line):
            found.append(Seen(place[1], int(place[2])))
        elif found and (owner := _OWNER.match(line)):
            found[-1].owners[int(owner[1])] = owner[2]
        elif found and (text := _LINE.match(line)):
            found[-1].lines[int(text[1])] = text[2]
    return [place for place in found if place.lines]


def quotes(task: Task) -> list[Quote]:
    """What to say of each place that was looked at, or of those that were only found."""
    words: list[Wanted] = wanted(task.question)
    looked = seen(task.output(CLOSER))
    if looked:
        made = [
            quote(place.path, place.line, place.lines, place.owners, words, document=bool(_DOCUMENT.search(place.path)))
            for place in looked
        ]
        # Two passages of one long function are one place to go to: the better one is told.
        told: dict[tuple[str, int], Quote] = {}
        for item in made:
            told.setdefault((item.path, item.owner or -item.first), item)
        return list(told.values())
    found = places(task.output(FIND)) or places(task.output(WIDEN))
    return [
        quote(place.path, place.line, {place.line: place.text}, {}, words, document=True)
        for place in chosen(rank(found, task.question))
    ]


def submit(task: Task, *, marks: bool = True) -> str:
    """The last cell: sources are registered, then the extract is submitted with their marks."""
    found = quotes(task)
    opening, *entries = extract(task, found)
    if not marks:
        return f"{SUBMIT}\nFINAL({chr(10).join([opening, *entries])!r})"
    cell = [SUBMIT, "marks = ["]
    cell += [f"    cite({item.path!r}, {item.first}, {item.last})," for item in found]
    cell += ["]", "FINAL(", f"    {opening + chr(10)!r}"]
    for number, entry in enumerate(entries):
        head, _, tail = entry.partition("\n")
        rest = "\n" + tail if tail else ""
        cell.append(f"    + {head + ' '!r} + marks[{number}] + {rest + chr(10)!r}")
    return "\n".join([*cell, ")"])


def extract(task: Task, found: Sequence[Quote]) -> list[str]:
    """The answer in Markdown: an opening line, then an entry for each place, its first line without a mark."""
    said = [f"*{word}*" for word in question_words(task.question)]
    name = identifier(task.question)
    output = task.output(EXACT)
    if name and places(output) and FIND not in "".join(task.replies):
        return [opening(name, output), *(f"{number}. {item.markdown()}" for number, item in enumerate(found, start=1))]
    about = ", ".join(said[:-1]) + (" and " if len(said) > 1 else "") + said[-1] if said else "the question"
    entries = [f"{number}. {item.markdown()}" for number, item in enumerate(found, start=1)]
    if WIDEN in "".join(task.replies):
        return [f"Nothing has {about} as a whole word; inside longer words it stands here:\n", *entries]
    return [f"The places that say most about {about}, best first:\n", *entries]


def not_found(task: Task) -> str:
    words = ", ".join(question_words(task.question)) or task.question
    reason = f"Nothing in the input has any of the words: {words}."
    if _DONE not in task.output(FIND):
        reason = f"The search for {words} did not come to its end, and found nothing before that."
    return f"# Nothing has these words\nNOT_FOUND({reason!r})"


def conclusion(task: Task) -> str:
    """The answer in plain text, from what was seen: the run must stop."""
    if overview.concerns(task.question) and overview.entries(task):
        return overview.conclusion(task)
    found = quotes(task)
    if not found:
        return "Nothing that answers the question was found before the run had to stop."
    opening, *entries = extract(task, found)
    lines = []
    for entry, item in zip(entries, found, strict=True):
        head, *rest = entry.split("\n")
        lines += [f"{head} (`{item.path}:{item.first}`)", *rest]
    return "\n".join([opening, *lines])


def found(task: Task) -> list[Found]:
    """The places of the answer as fields."""
    if overview.concerns(task.question):
        return [Found(path, first, last, text, text) for text, path, first, last in overview.entries(task) if path]
    return [
        Found(item.path, item.first, item.last, "\n".join(item.lines) or item.about or item.title, item.heading)
        for item in quotes(task)
    ]


def turn(task: Task) -> tuple[str, str]:
    """What is said, and the next cell."""
    if overview.concerns(task.question):
        return overview.turn(task, SUBMIT)
    last = task.replies[-1] if task.replies else ""
    output = task.outputs[-1] if task.outputs else ""
    found = places(output)
    name = identifier(task.question)
    if FIND in last:
        found = whole(found, task.question)
    searches = sum(1 for reply in task.replies if FIND in reply)
    ended = FIND not in last or _DONE in output
    if SUBMIT in last:
        said, cell = "The submission did not go through; I submit the plain text.", submit(task, marks=False)
    elif CLOSER in last:
        said, cell = "I cite the places that were found.", submit(task)
    elif name and not task.replies:
        said, cell = "I look for the definition.", exact(name)
    elif EXACT in last and (defined(output) or (found and written_as_code(name))):
        said, cell = "I look closer at the definition and at uses.", closer(named.chosen(output, task.question))
    elif not searches:
        said, cell = "I look for the words of the question.", find(task.question, names=task.size < _LARGE)
    elif found:
        said, cell = "I look closer at the best places.", closer(chosen(rank(found, task.question)))
    elif not ended and searches < 2:
        said, cell = "That was too much; I look for passages alone.", find(task.question, names=False)
    elif WIDEN not in last:
        said, cell = "No passage has these words; I look inside longer words.", widen(task.question)
    else:
        said, cell = "Nothing was found.", not_found(task)
    return said, cell
