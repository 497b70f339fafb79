"""Passages: a text cut at blank lines and definitions into parts that can be read alone."""

from __future__ import annotations

import re
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

_KEYWORD_DEFINITION = re.compile(
    rf"[ \t]*(?:@\w|(?:(?:{_MODIFIERS})[ \t]+)*(?:{_KEYWORDS})\b[ \t*&(]*[\w.:$]|#{{1,6}} +\S)"
)
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


def cut(lines: list[str]) -> list[Passage]:
    """Passages that cover `lines` exactly, in order, of about 20 to 40 lines.

    A passage ends before a definition or a heading once it has eight lines, after a blank line once it has twenty, and
    at forty lines or 4,000 characters in any case. Decorators stay with what they decorate.
    """
    found: list[Passage] = []
    first = size = 0
    for at, line in enumerate(lines):
        count = at - first
        full = count >= MOST or size + len(line) > _MOST_CHARACTERS
        blank = count >= LEAST and not lines[at - 1].strip()
        if count and (full or blank or (count >= _SHORTEST_BEFORE_DEFINITION and _begins(lines, at))):
            found.append(Passage(first, at))
            first, size = at, 0
        size += len(line) + 1
    if first < len(lines):
        found.append(Passage(first, len(lines)))
    return found


def _begins(lines: list[str], at: int) -> bool:
    """Whether a definition begins at this line and not already at a decorator above it."""
    if _KEYWORD_DEFINITION.match(lines[at]) is None:
        return False
    above = lines[at - 1].lstrip() if at else ""
    return not above.startswith("@")
