"""Markdown made of foreign text that a viewer shows without fetching anything.

An image is fetched as soon as it is shown, and so is what many tags name: an address made by a model, or by a document
that speaks to it, would carry away what was read. Images and tags become text that says what was written; code, tables
and links stay what they are. What is made is parsed again, as CommonMark and with tables: where an image or a tag is
left, because what looked like code is none, the same is done inside of code too.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from urllib.parse import quote

_MOST_PARSED = 100_000  # characters; the parser is quadratic in open brackets: 3 s for so many
_FETCHED = frozenset({"image", "html_inline", "html_block"})
_TAG = re.compile(r"\\?<(?=[A-Za-z/!?])")
_SPECIAL = re.compile(
    r"(?P<tag>\\?<(?=[A-Za-z/!?]))|(?P<escape>\\.)|(?P<ticks>`+)|(?P<image>!\[)|\]\(<(?P<target>[^<>\n]*)>", re.DOTALL
)
_ADDRESS = re.compile(r"<(?:(?:https?|ftp|mailto):[^\s<>]*|[\w.+-]+@[\w.-]+)>", re.IGNORECASE)


def inert_markdown(text: str) -> str:
    """`text` without images and tags: they are shown as they were written."""
    if len(text) <= _MOST_PARSED:
        made = _outside_code(text)
        if _is_inert(made):
            return made
    return inert_everywhere(text)


def inert_everywhere(text: str) -> str:
    """The same, blind to what is code: there too `<b` becomes `&lt;b`. Linear, and right for any piece of a text that
    is not cut between `<` or `!` and the character behind it."""
    return _TAG.sub("&lt;", text).replace("![", r"!\[")


def code_span(text: str) -> str:
    """One line of foreign text as code that it cannot end."""
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    edge = " " if "`" in (text[:1], text[-1:]) else ""
    return f"{fence}{edge}{text}{edge}{fence}"


def _outside_code(text: str) -> str:
    from markdown_it import MarkdownIt  # late: few runs write Markdown

    lines = re.findall(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+", text)
    inside = bytearray(len(lines) + 1)  # 1: a line of a block of code
    starts = set()  # lines where a block begins: no code reaches over its edge
    for token in MarkdownIt("commonmark", {"html": False, "maxNesting": 100}).disable("inline").parse(text):
        if token.map is None:
            continue
        first, last = token.map
        if token.type in ("fence", "code_block"):
            inside[first:last] = b"\1" * (last - first)
        elif token.type == "inline":
            starts |= {first, last}
    made: list[str] = []
    prose: list[str] = []
    for number, line in enumerate(lines):
        if prose and (inside[number] or number in starts):
            made.append(_prose("".join(prose)))
            prose = []
        (made if inside[number] else prose).append(line)
    return "".join([*made, _prose("".join(prose))])


def _prose(text: str) -> str:
    """A block that is no code, but may hold some."""
    ends: dict[int, list[int]] = defaultdict(list)  # length of a run of backticks → where such runs begin
    for run in re.finditer("`+", text):
        ends[len(run[0])].append(run.start())
    made, position = [], 0
    while (found := _SPECIAL.search(text, position)) is not None:
        made.append(text[position : found.start()])
        position = found.end()
        if found["tag"] and (address := _ADDRESS.match(text, found.end() - 1)) and len(found[0]) == 1:
            made.append(address[0])
            position = address.end()
        elif found["ticks"]:
            alike = ends[len(found[0])]
            after = bisect_right(alike, found.start())
            position = alike[after] + len(found[0]) if after < len(alike) else position
            made.append(text[found.start() : position])
        elif found["target"] is not None:  # [a](<b c>): its bracket would be taken for that of a tag
            made.append(f"]({quote(found['target'], safe='/:?#@!$&*+,;=%~')}")
        else:
            made.append("&lt;" if found["tag"] else r"!\[" if found["image"] else found[0])
    return "".join([*made, text[position:]])


def _is_inert(text: str) -> bool:
    """Whether no reader of CommonMark finds an image or a tag, be it one that knows tables or one that does not."""
    if not _TAG.search(text) and "![" not in text:
        return True
    from markdown_it import MarkdownIt

    plain = MarkdownIt("commonmark", {"html": True, "maxNesting": 100})
    return not any(
        token.type in _FETCHED or any(child.type in _FETCHED for child in token.children or ())
        for reader in (plain, MarkdownIt("commonmark", {"html": True, "maxNesting": 100}).enable("table"))
        for token in reader.parse(text)
    )
