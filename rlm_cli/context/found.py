"""A match of a regular expression in mapped text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from re import Match as RealMatch
from typing import TYPE_CHECKING, Any, NamedTuple

from rlm_cli.context.mapped import Position
from rlm_cli.context.windows import Seen

if TYPE_CHECKING:
    from rlm_cli.context.regex import Pattern
    from rlm_cli.context.text import Text


_Kept = tuple[tuple[Any, ...], tuple[tuple[int, int], ...], int | None]  # groups, their places, lastindex


class Origin(NamedTuple):
    """What all matches of one search have in common."""

    pattern: Pattern
    text: Text
    pos: int
    endpos: int | None


class Match:
    """Behaves as `re.Match`. Its texts are at hand; its offsets are counted when they are asked for.

    A new one still holds the window that it was found in: most are looked at once and dropped. One that is kept must be
    told to `settle`, or many of them would hold the whole text.
    """

    __slots__ = ("_ahead", "_anchor", "_first", "_kept", "_of", "_real")

    def __init__(self, of: Origin, seen: Seen) -> None:
        self._real: RealMatch[str] | None
        self._of = of
        self._real, self._anchor, self._ahead = seen

    def settle(self) -> Match:
        """Take what is needed out of the window, and let go of it. Returns itself."""
        real = self._real
        if real is not None:
            self._kept: _Kept = ((real[0], *real.groups()), real.regs, real.lastindex)
            self._real = None
        return self

    @property
    def _groups(self) -> tuple[Any, ...]:
        return self.settle()._kept[0]

    @property
    def _regs(self) -> tuple[tuple[int, int], ...]:
        """Where the groups are in the window."""
        return self.settle()._kept[1]

    @property
    def re(self) -> Pattern:
        return self._of.pattern

    @property
    def string(self) -> Text:
        return self._of.text

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return re.Match

    def _offset(self) -> int:
        """The window's first character, as an offset in the text."""
        try:
            return self._first
        except AttributeError:
            self._first: int = self.string._offset(self._anchor) + self._ahead
            return self._first

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
            return self._kept[0][0] if self._real is None else self._real[0]
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
        return min(self._of.pos, len(self.string)) if self._of.pos > 0 else 0

    @property
    def endpos(self) -> int:
        endpos = self._of.endpos
        return len(self.string) if endpos is None else min(max(0, endpos), len(self.string))

    @property
    def lastindex(self) -> int | None:
        return self.settle()._kept[2]

    @property
    def lastgroup(self) -> str | None:
        return next((name for name, number in self.re.groupindex.items() if number == self.lastindex), None)

    def expand(self, template: str) -> str:
        """The template with this match's groups."""
        real = self._twin() if self._real is None else self._real
        return real.expand(str(template))

    def _twin(self) -> RealMatch[str]:
        """A real match with the same groups, found by a pattern that is made of their lengths: that takes 0.2 ms."""
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
