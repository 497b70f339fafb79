"""Passages: a text cut at blank lines and definitions into parts that can be read alone."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from typing import NamedTuple

LEAST, MOST = 20, 40  # lines of a passage
_MOST_CHARACTERS = 4_000  # logs and data have long lines; a passage is still something that can be shown
_SHORTEST_BEFORE_DEFINITION = 8  # lines: short functions share a passage, a long one begins its own

_MODIFIERS = (
    "export|default|public|private|protected|internal|static|async|final|abstract|pub(?:\\([a-z]+\\))?|inline|virtual|"
    "override|unsafe|extern|const|sealed|open|data|partial|cdef|cpdef"
)
_KEYWORDS = "def|class|func|fn|function|interface|struct|enum|trait|impl|protocol|module|namespace|object|record|macro"
DEFINITION = re.compile(
    rf"[ \t]*(?:(?:{_MODIFIERS})[ \t]+)*(?:{_KEYWORDS})\b[ \t*&]*(?:\([^)]*\)[ \t]*)?(?P<name>[\w.:$]+)"
    r"|(?:export[ \t]+)?(?:const|let|var)[ \t]+(?P<arrow>[\w$]+)[ \t]*=[ \t]*(?:async[ \t]*)?"
    r"(?:function\b|\(|[\w$]+[ \t]*=>)"
    r"|(?:[\w$]+\.)+(?P<method>[\w$]+)[ \t]*=[ \t]*(?:async[ \t]+)?function\b"
    r"|(?P<constant>[A-Z_a-z]\w*)(?:[ \t]*:[^=\n]{1,80})?[ \t]*=(?!=)"
    r"|[A-Za-z_][\w \t*&<>,]*[ \t*&](?P<c>\w+)[ \t]*\([^;]*$"
)
"""A line that gives something its name, matched from its beginning: functions and types of the usual languages,
top-level assignments, and functions of the C family that begin in the first column."""
HEADING = re.compile(r"#{1,6} +\S|\[[^\]\n]{1,80}\][ \t]*$|=+ \S.* =+$")
"""Markdown and AsciiDoc headings, and the sections of an INI or TOML file."""

_BEGINNING = re.compile(
    rf"^[ \t]*(?:@\w|(?:(?:{_MODIFIERS})[ \t]+)*(?:{_KEYWORDS})\b[ \t*&(]*[\w.:$]|#{{1,6}} +\S)", re.MULTILINE
)
_BLANK = re.compile(r"^[ \t\r]*$", re.MULTILINE)
_LINE_END = re.compile("\n")
_NOT_DEFINED = re.compile(
    r"[ \t]*(?:if|for|while|switch|return|else|elif|with|assert|raise|except|catch|import|from|not)\b"
)


def defined_name(line: str) -> str:
    """What `line` defines, or an empty string."""
    found = DEFINITION.match(line)
    if found is None or _NOT_DEFINED.match(line):
        return ""
    return next((group for group in found.groups() if group), "")


class Passage(NamedTuple):
    """Lines `first` to `last` (exclusive) of the list that was cut, from 0."""

    first: int
    last: int


def cut(text: str) -> list[Passage]:
    """Passages that cover the lines of `text` exactly, in order, of about 20 to 40 lines.

    A passage ends before a definition or a heading once it has eight lines, after a blank line once it has twenty, and
    at forty lines or 4,000 characters in any case. Decorators stay with what they decorate. `text` ends with a line end
    or not; that makes no line more.
    """
    starts = [0, *(found.end() for found in _LINE_END.finditer(text))]
    if starts[-1] == len(text):
        starts.pop()
    beginnings = _beginnings(text, starts)
    blanks = [bisect_right(starts, found.start()) - 1 for found in _BLANK.finditer(text)]
    found: list[Passage] = []
    first = 0
    while first < len(starts):
        last = min(first + MOST, len(starts), bisect_right(starts, starts[first] + _MOST_CHARACTERS))
        last = max(last, first + 1)
        beginning = _from(beginnings, first + _SHORTEST_BEFORE_DEFINITION, last)
        last = min(last, beginning, _from(blanks, first + LEAST - 1, last) + 1)
        found.append(Passage(first, last))
        first = last
    return found


def _beginnings(text: str, starts: list[int]) -> list[int]:
    """The numbers of the lines where a definition or a heading begins: its first decorator, where it has some."""
    numbers: list[int] = []
    decorated = -1
    for found in _BEGINNING.finditer(text):
        number = bisect_right(starts, found.start()) - 1
        if number != decorated:
            numbers.append(number)
        decorated = number + 1 if found[0].lstrip().startswith("@") else -1
    return numbers


def _from(numbers: list[int], least: int, otherwise: int) -> int:
    """The first of `numbers` that is not below `least`."""
    place = bisect_left(numbers, least)
    return numbers[place] if place < len(numbers) else otherwise
