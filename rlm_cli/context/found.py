"""A match of a regular expression in mapped text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rlm_cli.context.mapped import Position
from rlm_cli.context.windows import Seen

if TYPE_CHECKING:
    from rlm_cli.context.regex import Pattern
    from rlm_cli.context.text import Text


class Match:
    """Behaves as `re.Match`. Its texts are at hand; its offsets are counted when they are asked for."""

    __slots__ = ("_ahead", "_anchor", "_endpos", "_groups", "_lastindex", "_origin", "_pos", "_regs", "re", "string")

    def __init__(self, pattern: Pattern, text: Text, seen: Seen, pos: int, endpos: int | None) -> None:
        match, self._anchor, self._ahead = seen
        self.re = pattern
        self.string = text
        self._origin: int | None = None  # the window's first character, as an offset in the text
        self._groups: tuple[Any, ...] = (match.group(), *match.groups()) if pattern.groups else (match.group(),)
        self._regs = match.regs  # in the window, which is not kept
        self._lastindex = match.lastindex
        self._pos, self._endpos = pos, endpos

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return re.Match

    def _offset(self) -> int:
        if self._origin is None:
            self._origin = self.string._offset(self._anchor) + self._ahead
        return self._origin

    def positions(self) -> tuple[Position, Position]:
        """Where it begins and ends in the text."""
        text = self.string
        begin, end = text._seek(self.start()), text._seek(self.end())
        assert begin is not None
        return begin, end or text._end()

    def _number(self, group: Any) -> int:
        if isinstance(group, str):
            try:
                return int(self.re.groupindex[str(group)])
            except KeyError:
                raise IndexError("no such group") from None
        if not hasattr(group, "__index__") or not 0 <= group.__index__() < len(self._groups):
            raise IndexError("no such group")
        return int(group.__index__())

    def group(self, *groups: Any) -> Any:
        if not groups:
            return self._groups[0]
        if len(groups) == 1:
            return self._groups[self._number(groups[0])]
        return tuple(self._groups[self._number(group)] for group in groups)

    def __getitem__(self, group: Any) -> Any:
        return self._groups[self._number(group)]

    def groups(self, default: Any = None) -> tuple[Any, ...]:
        return tuple(default if group is None else group for group in self._groups[1:])

    def groupdict(self, default: Any = None) -> dict[str, Any]:
        values = {name: self._groups[number] for name, number in self.re.groupindex.items()}
        return {name: default if value is None else value for name, value in values.items()}

    def start(self, group: Any = 0, /) -> int:
        return self.span(group)[0]

    def end(self, group: Any = 0, /) -> int:
        return self.span(group)[1]

    def span(self, group: Any = 0, /) -> tuple[int, int]:
        start, end = self._regs[self._number(group)]
        return (-1, -1) if start < 0 else (start + self._offset(), end + self._offset())

    @property
    def regs(self) -> tuple[tuple[int, int], ...]:
        return tuple(self.span(group) for group in range(len(self._groups)))

    @property
    def pos(self) -> int:
        return min(max(0, self._pos), len(self.string)) if self._pos > 0 else 0

    @property
    def endpos(self) -> int:
        return len(self.string) if self._endpos is None else min(max(0, self._endpos), len(self.string))

    @property
    def lastindex(self) -> int | None:
        return self._lastindex

    @property
    def lastgroup(self) -> str | None:
        return next((name for name, number in self.re.groupindex.items() if number == self._lastindex), None)

    def expand(self, template: str) -> str:
        """The template with this match's groups."""
        return self._twin().expand(str(template))

    def _twin(self) -> re.Match[str]:
        """A real match with the same groups, found by a pattern that is made of their lengths."""
        names = {number: name for name, number in self.re.groupindex.items()}
        ahead = []
        for number, group in enumerate(self._groups[1:], start=1):
            opening = f"(?P<{names[number]}>" if number in names else "("
            ahead.append(f"{opening}(?!))?" if group is None else f"{opening}.{{{len(group)}}})")
        pattern = f"(?s).{{{len(self._groups[0])}}}(?={''.join(ahead)})"
        twin = re.match(pattern, "".join(group or "" for group in self._groups))
        assert twin is not None
        return twin

    def __repr__(self) -> str:
        return f"<re.Match object; span={self.span()}, match={self._groups[0]!r:.50}>"

    def __copy__(self) -> Match:
        return self

    def __deepcopy__(self, memo: Any) -> Match:
        return self

    def __iter__(self) -> Iterator[Any]:
        raise TypeError("'re.Match' object is not iterable")
