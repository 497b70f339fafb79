"""A model's Markdown on a terminal: rendered, and inert.

Rich lays it out. What it makes is cleaned again: Markdown can spell characters that were not in its source, such as
`&#x202e;`, or `%1b` in a link. Links show their address, since their text may say another.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import Heading, Markdown
from rich.style import Style
from rich.theme import Theme

from rlm_cli.sinks.cells import syntax_theme
from rlm_cli.sinks.links import Linker
from rlm_cli.sinks.report import place
from rlm_cli.terminal import clean, encode

_PADDING = re.compile(r" +(\x1b\[0m)?$")
_STYLE = re.compile(r"\x1b\[[\d;]*m")

# The ANSI names that stay readable on light and on dark; Rich's own theme puts cyan on black and uses yellow.
_THEME = Theme(
    {
        "markdown.paragraph": "none",
        "markdown.text": "none",
        "markdown.em": "italic",
        "markdown.strong": "bold",
        "markdown.s": "strike",
        "markdown.code": "cyan",
        "markdown.code_block": "none",
        "markdown.block_quote": "dim",
        "markdown.list": "none",
        "markdown.item": "none",
        "markdown.item.bullet": "bold",
        "markdown.item.number": "bold",
        "markdown.hr": "dim",
        "markdown.h1": "bold",
        "markdown.h2": "bold",
        "markdown.h3": "bold",
        "markdown.h4": "bold",
        "markdown.h5": "bold",
        "markdown.h6": "bold",
        "markdown.link": "none",
        "markdown.link_url": "dim",
        "markdown.table.border": "dim",
        "markdown.table.header": "bold",
    }
)


class _LeftHeading(Heading):
    """A heading at the left edge, with a line of air above, as the rest of the text."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        self.text.justify = "left"
        yield self.text


class _Markdown(Markdown):
    elements = {**Markdown.elements, "heading_open": _LeftHeading}  # noqa: RUF012  (Rich's own declaration)

    def __init__(self, text: str) -> None:
        super().__init__(text, hyperlinks=False, code_theme=cast(str, syntax_theme()))  # Syntax takes either
        for token in self.parsed:
            for child in token.children or []:
                if child.type == "image":  # Rich would draw it before its paragraph, without its address
                    child.type, child.content = "text", f"[image: {child.content}] ({child.attrs.get('src', '')})"
                    child.children = None


def render(
    text: str,
    columns: int,
    *,
    colour: bool,
    encoding: str = "utf-8",
    linker: Linker | None = None,
    citations: Sequence[Mapping[str, Any]] = (),
) -> str:
    """`text` for a terminal of `columns`. Places of `citations` that were verified become links."""
    console = Console(
        file=io.TextIOWrapper(io.BytesIO(), encoding=encoding),  # Rich draws its tables by the encoding
        force_terminal=colour,
        color_system="standard" if colour else None,
        no_color=not colour,
        width=max(20, min(columns, 100)),
        theme=_THEME,
        legacy_windows=False,
        emoji=False,
        markup=False,
        highlight=False,
        _environ={},
    )
    links = _Places(linker or Linker(), citations)
    parts = []
    for segment in console.render(_Markdown(clean(text))):
        if segment.control:
            continue
        inert = links.apply(clean(segment.text))
        style = segment.style or Style.null()
        parts.append(style.render(inert, color_system=console._color_system) if colour else inert)
    lines = [_trimmed(line) for line in "".join(parts).split("\n")]
    return encode("\n".join(lines).strip("\n"), encoding).decode(encoding, "replace") + "\n"


def _trimmed(line: str) -> str:
    """The line without the padding that Rich fills its boxes with: it is in the way of who copies."""
    line = _PADDING.sub(r"\1", line)
    return line if _STYLE.sub("", line).strip() else ""


class _Places:
    """Finds the places of verified citations in a text and links them."""

    def __init__(self, linker: Linker, citations: Sequence[Mapping[str, Any]]) -> None:
        self._linker = linker
        self._known: dict[str, tuple[str, int]] = {}
        for citation in citations:
            path, line = citation.get("path"), citation.get("line")
            if citation.get("verified") and isinstance(path, str) and isinstance(line, int):
                for spelling in (place(citation), f"{path}:{line}"):
                    self._known[clean(spelling)] = (path, line)
        names = sorted(map(re.escape, self._known), key=len, reverse=True)
        self._pattern = re.compile(rf"(?<![\w/.-])(?:{'|'.join(names)})(?![\d:])") if names else None

    def apply(self, text: str) -> str:
        if self._pattern is None or not self._linker.pattern:
            return text
        return self._pattern.sub(lambda found: self._linker.link(found[0], *self._known[found[0]]), text)
