"""The readers of the REPL: `grep`, `search` and `chunks`, over `context` unless a source is given."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from rlm_cli.context import grep as grepping
from rlm_cli.context import search as searching
from rlm_cli.context.chunks import Chunks, Joined, chunks
from rlm_cli.context.files import Files
from rlm_cli.context.matches import Match, Matches, densest, shortened, shown_from
from rlm_cli.context.regions import regions, texts
from rlm_cli.context.text import Text

_SAYS_LITTLE = 80  # characters; what search prints of a passage begins with a shorter line and two more
_FOLLOWING, _FOLLOWING_SHOWN = 2, 240  # lines, characters of each


class Readers:
    """Everything that a cell looks into the input with. `names()` are the functions by their REPL names."""

    def __init__(self, context: Text, files: Files) -> None:
        self._context = context
        self._files = files

    def names(self) -> dict[str, Any]:
        return {
            "context": self._context,
            "files": self._files,
            "grep": self.grep,
            "search": self.search,
            "chunks": self.chunks,
        }

    def grep(
        self,
        pattern: str | re.Pattern[str],
        source: Any = None,
        ignore_case: bool = False,
        before: int = 0,
        after: int = 0,
        limit: int = 1000,
        top: int | None = None,
    ) -> Matches:
        """The lines that `pattern` matches, at most `limit` of them, each once, in order. `top` is `limit` by the word
        of `search`: weak models mix the two up."""
        limit = limit if top is None else top
        compiled, note = grepping.compiled(pattern, ignore_case)
        found = Matches(note=note)
        for line in grepping.lines_matching(compiled, regions(self._source(source), self._files)):
            if len(found) >= limit:
                found.note = "; ".join(filter(None, (note, f"cut at limit={limit:,}: there are more")))
                break
            found.append(_line(line, before, after))
        return found

    def search(self, query: str, source: Any = None, top: int = 10, limit: int | None = None) -> Matches:
        """The `top` passages that fit `query` best, best first. `limit` is `top` by the word of `grep`."""
        top = top if limit is None else limit
        found = searching.search(query, regions(self._source(source), self._files), top)
        keys = [key for group in searching.parse(query) for key in group.weights]
        return Matches([_passage(hit, keys) for hit in found.hits], found.note)

    def chunks(self, source: Any = None, size: int = 100_000, overlap: int = 0) -> Chunks | Joined:
        """`source` in parts of at most `size` characters, cut at line ends. Each knows where it is from."""
        return chunks(texts(self._source(source), self._files), size, overlap)

    def _source(self, source: Any) -> Any:
        return self._context if source is None else source


def _line(line: grepping.Line, before: int, after: int) -> Match:
    region, number, start, end, text, (first, _) = line
    above, below = grepping.around(line, before, after)
    return Match(
        region.name,
        number,
        shortened(text, first),
        region.span(start, end),
        lambda: grepping.offsets(line),
        lambda: text,
        cut=shown_from(text, first),
        before=above,
        after=below,
    )


def _passage(hit: searching.Hit, keys: Sequence[str]) -> Match:
    region, first = hit.region, hit.region.line(hit.start)
    text = hit.lines[hit.best]
    start = densest(text, keys)
    return Match(
        region.name,
        first + hit.best,
        shortened(text, start),
        region.span(hit.start, hit.end),
        lambda: region.offsets(hit.start, hit.end),
        lambda: "\n".join(hit.lines),
        first=first,
        last=first + len(hit.lines) - 1,
        score=hit.score,
        cut=shown_from(text, start),
        after=_following(hit, keys),
    )


def _following(hit: searching.Hit, keys: Sequence[str]) -> tuple[str, ...]:
    """Lines of the passage behind its best one, where that one says little alone: a heading, a name, `class A:`."""
    if len(hit.lines[hit.best]) >= _SAYS_LITTLE:
        return ()
    lines = hit.lines[hit.best + 1 : hit.best + 1 + _FOLLOWING]
    while lines and not lines[-1].strip():
        lines.pop()
    return tuple(shortened(line, densest(line, keys), _FOLLOWING_SHOWN) for line in lines)
