"""`re` over mapped text: what `re` finds in the whole `str`, found in windows.

The functions have the names, arguments and results of the module `re`; on a real `str` or bytes they are that module's.
On a `Text`, `re` itself decides every match, in a window that is proven to decide it as the whole text would (see
`shape.py`). Where every match must hold some literal and stays in its line, only lines with that literal are decoded.
Patterns whose reach has no bound (`(?s)a.*b`) get a window that grows to the whole text, and a MemoryError above
`Text.limit` characters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import islice
from sys import getrefcount
from typing import Any, cast

from rlm_cli.context.found import Match, Origin
from rlm_cli.context.lines import matches_in_lines
from rlm_cli.context.mapped import Position, Stretch
from rlm_cli.context.shape import Shape, shape_of
from rlm_cli.context.spans import Part
from rlm_cli.context.text import Text, plain
from rlm_cli.context.windows import RunningWindow, Seen

SMALL = 1 << 18
"""Bytes up to which a text is made real, and `re` has it whole."""

_OURS = 2
"""References to a match that nobody else holds: the variable and the argument of `getrefcount`."""

_shape = lru_cache(512)(shape_of)


class Pattern:
    """A compiled pattern. Behaves as `re.Pattern`; its methods take a `Text` too."""

    __slots__ = ("__weakref__", "_real")

    def __init__(self, real: re.Pattern[Any]) -> None:
        self._real = real

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return re.Pattern

    @property
    def pattern(self) -> Any:
        return self._real.pattern

    @property
    def flags(self) -> int:
        return self._real.flags

    @property
    def groups(self) -> int:
        return self._real.groups

    @property
    def groupindex(self) -> Any:
        return self._real.groupindex

    def __repr__(self) -> str:
        return repr(self._real)

    def __eq__(self, other: object) -> bool:
        return self._real == (other._real if type(other) is Pattern else other)

    def __hash__(self) -> int:
        return hash(self._real)

    def __copy__(self) -> Pattern:
        return self

    def __deepcopy__(self, memo: Any) -> Pattern:
        return self

    def __reduce__(self) -> Any:
        return compile, (self._real.pattern, self._real.flags)

    def _whole(self, string: Any) -> Any:
        """`string` as a real one, where it is real or short; else the `Text` itself."""
        if type(string) is not Text:
            return string
        if not isinstance(self._real.pattern, str):
            raise TypeError("cannot use a bytes pattern on a string-like object")
        begin, end = string._begin(), string._end()
        return string.realise() if string._bytes_between(begin, end, SMALL) <= SMALL else string

    def search(self, string: Any, pos: int = 0, endpos: int | None = None) -> Any:
        string = self._whole(string)
        if type(string) is not Text:
            return self._real.search(string, pos, *_ending(endpos))
        seen = next(self._seen(string, pos, endpos), None)
        return None if seen is None else Match(Origin(self, string, pos, endpos), seen).settle()

    def match(self, string: Any, pos: int = 0, endpos: int | None = None) -> Any:
        string = self._whole(string)
        if type(string) is not Text:
            return self._real.match(string, pos, *_ending(endpos))
        return self._at(string, pos, endpos, full=False)

    def fullmatch(self, string: Any, pos: int = 0, endpos: int | None = None) -> Any:
        string = self._whole(string)
        if type(string) is not Text:
            return self._real.fullmatch(string, pos, *_ending(endpos))
        return self._at(string, pos, endpos, full=True)

    def finditer(self, string: Any, pos: int = 0, endpos: int | None = None) -> Iterator[Any]:
        string = self._whole(string)
        if type(string) is not Text:
            return self._real.finditer(string, pos, *_ending(endpos))
        return self._matches(string, pos, endpos)

    def findall(self, string: Any, pos: int = 0, endpos: int | None = None) -> list[Any]:
        string = self._whole(string)
        if type(string) is not Text:
            return self._real.findall(string, pos, *_ending(endpos))
        seen = self._seen(string, pos, endpos)
        if not self._real.groups:
            return [match.group() for match, _, _ in seen]
        found = [match.groups("") for match, _, _ in seen]
        return [groups[0] for groups in found] if self._real.groups == 1 else found

    def split(self, string: Any, maxsplit: int = 0) -> list[Any]:
        string = self._whole(string)
        if type(string) is not Text:
            return self._real.split(string, maxsplit)
        parts: list[Any] = []
        here = string._begin()
        for match in self._limited(string, maxsplit):
            begin, end = match.positions()
            parts.append(string._cut(here, begin))
            parts += match.groups()
            here = end
        parts.append(string._cut(here, string._end()))
        return parts

    def sub(self, repl: Any, string: Any, count: int = 0) -> Any:
        return self.subn(repl, string, count)[0]

    def subn(self, repl: Any, string: Any, count: int = 0) -> tuple[Any, int]:
        string, repl = self._whole(string), plain(repl)
        if type(string) is not Text:
            return self._real.subn(_calling(repl), string, count)
        parts: list[Part] = []
        here, made = string._begin(), 0
        expand = _expander(repl, self._real)
        for match in self._limited(string, count):
            replacement = expand(match)  # first: asked for its places, a match lets go of what expands templates
            begin, end = match.positions()
            parts += _parts_between(string, here, begin)
            parts.append(replacement)
            here, made = end, made + 1
            if len(parts) > 4_000_000:
                raise string._over_limit("re.sub")
        parts += _parts_between(string, here, string._end())
        return Text.from_parts([part for part in parts if part != ""], string._store)._short(), made

    def scanner(self, string: Any, pos: int = 0, endpos: int | None = None) -> Any:
        return self._real.scanner(plain(string), pos, *_ending(endpos))  # type: ignore[attr-defined]

    # On a Text

    def _limited(self, text: Text, count: int) -> Iterator[Match]:
        matches = self._matches(text, 0, None)
        return islice(matches, 0 if count < 0 else count) if count else matches

    def _matches(self, text: Text, pos: int, endpos: int | None) -> Iterator[Match]:
        """Every match. Only one that somebody keeps is settled: to settle them all takes half as long again."""
        origin = Origin(self, text, pos, endpos)
        last = match = None
        try:
            for seen in self._seen(text, pos, endpos):
                last, match = match, Match(origin, seen)
                yield match
                if last is not None and getrefcount(last) > _OURS:
                    last.settle()
        finally:
            for one in (last, match):
                if one is not None:
                    one.settle()

    def _seen(self, text: Text, pos: int, endpos: int | None) -> Iterator[Seen]:
        stretch = _stretch(text, pos, endpos)
        if stretch is None:
            return iter(())
        shape = _shape(self._real)
        if shape.anchored and stretch.begin > text._begin():
            return iter(())
        if shape.needles and not shape.anchored:
            return matches_in_lines(self._real, shape, text, stretch.begin, stretch.end)
        return self._in_windows(shape, text, stretch.begin, stretch.end)

    def _in_windows(self, shape: Shape, text: Text, begin: Position, end: Position) -> Iterator[Seen]:
        return RunningWindow(self._real, shape, text, begin, end).matches()

    def _at(self, text: Text, pos: int, endpos: int | None, *, full: bool) -> Match | None:
        stretch = _stretch(text, pos, endpos)
        if stretch is None:
            return None
        window = RunningWindow(self._real, _shape(self._real), text, stretch.begin, stretch.end)
        seen = window.attempt(full=full)
        return None if seen is None else Match(Origin(self, text, pos, endpos), seen).settle()


def _stretch(text: Text, pos: int, endpos: int | None) -> Stretch | None:
    """What `pos` and `endpos` mean to `re`: a place beyond the end is the end."""
    pos = max(0, pos)
    if text._seek(pos) is None:
        pos = len(text)
    return text._range(pos, None if endpos is None else max(0, endpos))


def _ending(endpos: int | None) -> tuple[int, ...]:
    return () if endpos is None else (endpos,)


def _calling(repl: Any) -> Any:
    """A replacement function may return a `Text`."""
    return (lambda match: plain(repl(match))) if callable(repl) else repl


def _expander(repl: Any, pattern: re.Pattern[str]) -> Callable[[Match], str]:
    if callable(repl):
        return lambda match: _replacement(repl(match))
    if not isinstance(repl, str):
        raise TypeError(f"expected str instance, {type(repl).__name__} found")
    if "\\" not in repl:
        return lambda match: repl
    pattern.sub(repl, "")  # a bad template is an error even where nothing matches
    return lambda match: match.expand(repl)


def _replacement(value: Any) -> str:
    """What a replacement function gave, taken or refused as `re` does: None is nothing."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError(f"expected str instance, {type(value).__name__} found")
    return cast(str, plain(value))


def _parts_between(text: Text, begin: Position, end: Position) -> list[Part]:
    return [piece.part(start, stop) for _, piece, start, stop in text._stretches(begin, end)]


@lru_cache(512)
def _compiled(kind: Any, pattern: Any, flags: int) -> Pattern:
    return Pattern(re.compile(pattern, flags))


def compile(pattern: Any, flags: int = 0) -> Pattern:
    """`re.compile`. A pattern that is compiled already is taken as it is."""
    if type(pattern) is Pattern:
        if flags:
            raise ValueError("cannot process flags argument with a compiled pattern")
        return pattern
    if isinstance(pattern, re.Pattern):
        return Pattern(re.compile(pattern, flags))
    pattern = plain(pattern)
    if int(flags) & re.DEBUG:
        return Pattern(re.compile(pattern, flags))
    return _compiled(cast(Any, type(pattern)), pattern, int(flags))


def search(pattern: Any, string: Any, flags: int = 0) -> Any:
    return compile(pattern, flags).search(string)


def match(pattern: Any, string: Any, flags: int = 0) -> Any:
    return compile(pattern, flags).match(string)


def fullmatch(pattern: Any, string: Any, flags: int = 0) -> Any:
    return compile(pattern, flags).fullmatch(string)


def finditer(pattern: Any, string: Any, flags: int = 0) -> Iterator[Any]:
    return compile(pattern, flags).finditer(string)


def findall(pattern: Any, string: Any, flags: int = 0) -> list[Any]:
    return compile(pattern, flags).findall(string)


def split(pattern: Any, string: Any, maxsplit: int = 0, flags: int = 0) -> list[Any]:
    return compile(pattern, flags).split(string, maxsplit)


def sub(pattern: Any, repl: Any, string: Any, count: int = 0, flags: int = 0) -> Any:
    return compile(pattern, flags).sub(repl, string, count)


def subn(pattern: Any, repl: Any, string: Any, count: int = 0, flags: int = 0) -> tuple[Any, int]:
    return compile(pattern, flags).subn(repl, string, count)


def escape(pattern: Any) -> Any:
    return re.escape(plain(pattern))


def purge() -> None:
    _compiled.cache_clear()
    _shape.cache_clear()
    re.purge()
