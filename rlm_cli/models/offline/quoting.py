"""What is said of one place: its name, a line on what it is, and the lines that are quoted and cited."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rlm_cli.context.passages import defined_name
from rlm_cli.context.words import stems
from rlm_cli.models.offline.extract import Wanted, best, sentences

_CITED_MOST = 24  # lines of one source
_QUOTED_MOST = 4  # lines
_DOC_OPEN = re.compile(r'^\s*[rRuUbBfF]*("""|\'\'\'|/\*\*?|///?|#|--|;)\s?')
_LINE_COMMENTS = ("#", "//", "///", "--", ";")
_SIGNATURE_END = re.compile(r"[:{]\s*(#.*|//.*)?$|[)]\s*(->.*)?:?\s*$")
_BLOCK = re.compile(
    r"\s*(?:(?:[a-z]+\s+)*(?:def|class|func|fn|function|interface|struct|enum|trait|impl)\b"
    r"|(?:(?:const|let|var)\s+|[\w$.]+\.)\w+\s*=\s*(?:async\b\s*)?(?:function\b|\())"
)
_BLOCK_WORD = re.compile(r"\s*(?:[a-z]+\s+)*(?:class|type|module|object|interface|struct|enum|trait|macro|impl)\s")
_AFTER_NAME = re.compile(
    r"\s*(?:[a-z]+\s+)*?(?:class|type|module|object|interface|struct|enum|trait|macro|impl)(?:<[^>]*>)?\s+"
    r"[\w.:$!]+\s*(?:$|[({<:\[=;!]|(?:extends|implements|for|struct|interface|where|is|do|as|func|with)\b)"
)
_FUNCTION = re.compile(r"\s*(?:[a-z]+\s+)*(?:def|func|fn|function)\b")
_HEADING = re.compile(r"#{1,6}\s|=+ ")
_RUN = re.compile(r"`+")


@dataclass(frozen=True, slots=True)
class Quote:
    path: str
    first: int  # lines that are cited, both inclusive
    last: int
    title: str
    about: str  # a sentence of its documentation, or the best sentence of a document; may be empty
    lines: tuple[str, ...]
    owner: int = 0  # the line of the function that it is or stands in; 0 where there is none

    @property
    def heading(self) -> str:
        """What the place is, in plain words."""
        return f"{self.title}{': ' if self.title and self.about else ''}{self.about}".replace("`", "") or self.path

    def markdown(self) -> str:
        """An entry of the answer. Its first line takes the mark of the source at its end."""
        head = f"{self.title}{': ' if self.title and self.about else ''}{self.about}" or f"`{self.path}`"
        if not self.lines:
            return head
        longest = max((len(run) for line in self.lines for run in _RUN.findall(line)), default=0)
        fence = "`" * max(3, longest + 1)
        return "\n".join([head, f"   {fence}", *(f"   {line}".rstrip() for line in self.lines), f"   {fence}"])


def quote(
    path: str, at: int, lines: Mapping[int, str], owners: Mapping[int, str], words: Sequence[Wanted], *, document: bool
) -> Quote:
    """The quote from numbered `lines` around line `at`, which stand under `owners` (line → text, outermost first)."""
    owners = {number: line for number, line in owners.items() if document or _is_definition(line)}
    if document:
        return _of_document(path, at, lines, list(owners.values()), words)
    start = _definition(at, lines, words)
    if start is not None:
        last = _end_of_definition(start, lines)
        signature, after = _signature(start, lines)
        text = " ".join(" ".join(part.split()) for part in signature)
        title = _code(text.replace("( ", "(").replace(" )", ")").rstrip(":{ "))
        about, after = _documentation(after, lines)
        above = [owner for line, owner in owners.items() if line < start]
        return Quote(
            path, start, last, _under(above, title), about, _best_lines(range(after, last + 1), lines, words), start
        )
    first, last = _around(at, lines, comments=True)
    shown = tuple(_dedented([lines[number] for number in range(first, last + 1)][:_QUOTED_MOST]))
    title = _code(_bare(list(owners.values())[-1])) if owners else f"`{path}`"
    inside = next((line for line in reversed(owners) if _FUNCTION.match(owners[line])), 0)
    return Quote(path, first, last, title, "", shown, inside)


def _of_document(path: str, at: int, lines: Mapping[int, str], owners: Sequence[str], words: Sequence[Wanted]) -> Quote:
    heading = owners[-1] if owners else ""
    if _HEADING.match(lines.get(at, "")):  # what it is about follows below
        heading = lines[at]
        below = next((number for number in range(at + 1, at + 4) if lines.get(number, "").strip()), at)
        first, last = at, _around(below, lines, reach=6)[1]
    else:
        first, last = _around(at, lines, reach=6)
    text = "\n".join(line for number in range(first, last + 1) if not _HEADING.match(line := lines[number]))
    pieces = sentences(text)
    chosen = best(pieces, words, 2) or [0]
    chosen = sorted({*chosen, chosen[-1] + 1})  # the next sentence often says what the first begins
    about = " ".join(pieces[number] for number in chosen if number < len(pieces))[:500]
    title = f"**{heading.strip('#= ')}**" if heading else ""
    return Quote(path, first, last, title, about, ())


def _definition(at: int, lines: Mapping[int, str], words: Sequence[Wanted]) -> int | None:
    """The line whose definition says most of the question: the one at `at` or one that the passage holds."""
    scored = []
    for number, line in lines.items():
        name = defined_name(line)
        if name and _BLOCK.match(line) and _is_definition(line):
            have = frozenset(stems(name))
            scored.append((-sum(word.said_by(have) for word in words), abs(number - at), number))
    scored.sort()
    if not scored:
        return None
    if scored[0][0] < 0:
        return scored[0][2]
    above = [number for _, _, number in scored if number <= at]
    return max(above) if above and at - max(above) <= _CITED_MOST and _holds(max(above), at, lines) else None


def _is_definition(line: str) -> bool:
    """Whether a line that begins like a definition is one: "module that calls" in a docstring is not."""
    return not _BLOCK_WORD.match(line) or _AFTER_NAME.match(line) is not None


def _holds(start: int, at: int, lines: Mapping[int, str]) -> bool:
    return start == at or _depth(lines[at]) > _depth(lines[start])


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())


def _end_of_definition(start: int, lines: Mapping[int, str]) -> int:
    """The last line of the definition that is known, at most 24 lines on."""
    depth, end = _depth(lines[start]), start
    for number in range(start + 1, start + _CITED_MOST):
        line = lines.get(number)
        if line is None or (
            line.strip() and _depth(line) <= depth and not line.lstrip().startswith((")", "}", "]", "{"))
        ):
            break
        if line.strip():
            end = number
    return end


def _signature(start: int, lines: Mapping[int, str]) -> tuple[list[str], int]:
    """The lines of the signature, and the number of the line after it."""
    found = []
    for number in range(start, start + 12):
        line = lines.get(number)
        if line is None:
            break
        found.append(line.strip())
        if _SIGNATURE_END.search(line) and sum(map(_balance, found)) <= 0:
            return found, number + 1
    return [lines[start].strip()], start + 1


def _balance(line: str) -> int:
    return line.count("(") - line.count(")")


def _documentation(after: int, lines: Mapping[int, str]) -> tuple[str, int]:
    """The first sentence of the documentation that begins at line `after`, and the line behind the documentation."""
    opening = _DOC_OPEN.match(lines.get(after, ""))
    if opening is None:
        return "", after
    text = [lines[after][opening.end() :]]
    number = after + 1
    if opening[1] in _LINE_COMMENTS:
        while lines.get(number, "").lstrip().startswith(opening[1]):
            text.append(lines[number])
            number += 1
    else:
        close = "*/" if opening[1].startswith("/") else opening[1]
        while close not in text[-1] and number in lines:
            text.append(lines[number])
            number += 1
    first = " ".join(" ".join(_plain(line) for line in text[: _blank(text)]).split())
    return re.split(r"(?<=[.!?])\s", first, maxsplit=1)[0][:300], number


def _plain(line: str) -> str:
    """A line of documentation without the marks of its comment."""
    return re.sub(r'"""|\'\'\'|\*/', "", line).strip().lstrip("*/#-;! ")


def _blank(text: Sequence[str]) -> int:
    """How many lines the first paragraph has."""
    return next((at for at in range(1, len(text)) if not _plain(text[at]) and any(map(_plain, text[:at]))), len(text))


def _best_lines(numbers: range, lines: Mapping[int, str], words: Sequence[Wanted]) -> tuple[str, ...]:
    """Up to four lines from the one that says most of the question on."""
    pieces = [lines.get(number, "") for number in numbers]
    top = best(pieces, words, 1)
    if not top:
        return ()
    shown = pieces[top[0] : top[0] + _QUOTED_MOST]
    while shown and not shown[-1].strip():
        shown.pop()
    return tuple(_dedented(shown))


def _around(at: int, lines: Mapping[int, str], reach: int = 3, *, comments: bool = False) -> tuple[int, int]:
    """The lines around `at` up to a blank line, at most `reach` on each side; above it `comments` alone if asked."""
    first = last = at if at in lines else min(lines)
    wanted = _DOC_OPEN.match if comments else str.strip
    while first - 1 in lines and wanted(lines[first - 1]) and last - first < reach:
        first -= 1
    while last + 1 in lines and lines[last + 1].strip() and last - at < reach:
        last += 1
    return first, last


def _dedented(lines: Sequence[str]) -> list[str]:
    depth = min((_depth(line) for line in lines if line.strip()), default=0)
    return [line[depth:] if len(line) <= depth + 200 else line[depth : depth + 199] + "…" for line in lines]


def _code(text: str) -> str:
    text = f"{text}…)" if text.endswith("(") else text  # a signature that goes on in the next line
    text = text if len(text) <= 100 else text[:99] + "…"
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def _under(owners: Sequence[str], title: str) -> str:
    return f"{title} in {_code(_bare(owners[-1]))}" if owners else title


def _bare(line: str) -> str:
    """A line that begins a definition, without its comment and its last sign."""
    return re.sub(r"(?<=[:{)])\s+(?:#|//)\s.*$", "", line).rstrip(":{ ")
