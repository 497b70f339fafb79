"""Cutting mapped text into parts as `str` does: split, splitlines, partition, strip, replace."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

from rlm_cli.context.mapped import Position, Stretch
from rlm_cli.context.spans import Part

if TYPE_CHECKING:
    from rlm_cli.context.text import Text

SHORT = 1 << 16
"""Characters up to which a line is a plain `str`."""
_FEW = 1000
"""Splits up to which whitespace is looked for one run at a time, so that a long rest stays mapped."""
_COST = 64
"""Bytes that a short `str` takes beside its characters."""


def _separator(sep: Any) -> str:
    if not isinstance(sep, str):
        raise TypeError(f"must be str or None, not {type(sep).__name__}")
    real = str(sep)
    if not real:
        raise ValueError("empty separator")
    return real


class _Budget:
    """Stops a list of parts that would not fit in memory."""

    def __init__(self, text: Text, what: str) -> None:
        self._left = 4 * text.limit
        self._text = text
        self._what = what

    def take(self, part: Text | str) -> Text | str:
        self._left -= _COST + (len(part) if type(part) is str else _COST)
        if self._left < 0:
            raise self._text._over_limit(self._what)
        return part


def _all(text: Text) -> Stretch:
    return Stretch(text._begin(), text._end(), 0, None)


def split(text: Text, sep: Any, maxsplit: int) -> list[Text | str]:
    if sep is None:
        return _split_space(text, maxsplit)
    sep = _separator(sep)
    budget = _Budget(text, "str.split")
    parts: list[Text | str] = []
    here = text._begin()
    places = text._places(sep, _all(text))
    for begin, end in places if maxsplit < 0 else islice(places, maxsplit):
        parts.append(budget.take(text._cut(here, begin)))
        here = end
    parts.append(text._cut(here, text._end()))
    return parts


def rsplit(text: Text, sep: Any, maxsplit: int) -> list[Text | str]:
    if sep is None:
        if maxsplit < 0:
            return _split_space(text, maxsplit)
        return _rsplit_space(text, maxsplit)
    sep = _separator(sep)
    budget = _Budget(text, "str.rsplit")
    parts: list[Text | str] = []
    here = text._end()
    places = text._places(sep, _all(text), back=True)
    for begin, end in places if maxsplit < 0 else islice(places, maxsplit):
        parts.append(budget.take(text._cut(end, here)))
        here = begin
    parts.append(text._cut(text._begin(), here))
    parts.reverse()
    return parts


def _split_space(text: Text, maxsplit: int) -> list[Text | str]:
    if not 0 <= maxsplit <= _FEW:
        return cast("list[Text | str]", text.realise("str.split").split(None, maxsplit))
    parts: list[Text | str] = []
    here, end = _skip(text, text._begin(), None), text._end()
    while here < end and len(parts) < maxsplit:
        stop = _until_space(text, here)
        parts.append(text._cut(here, stop))
        here = _skip(text, stop, None)
    if text._bytes_between(here, end, 0):
        parts.append(text._cut(here, end))
    return parts


def _rsplit_space(text: Text, maxsplit: int) -> list[Text | str]:
    if maxsplit > _FEW:
        return cast("list[Text | str]", text.realise("str.rsplit").rsplit(None, maxsplit))
    parts: list[Text | str] = []
    begin = text._begin()
    here = _skip_back(text, text._end(), None)
    while begin < here and len(parts) < maxsplit:
        start = _back_to_space(text, here)
        parts.append(text._cut(start, here))
        here = _skip_back(text, start, None)
    if begin < here and text._bytes_between(begin, here, 0):
        parts.append(text._cut(begin, here))
    parts.reverse()
    return parts


def _on(text: Text, here: Position, characters: int) -> Position:
    """`characters` further from a position that is near."""
    for number, piece, start, stop in text._stretches(here, text._end()):
        window = piece.decode(piece.peek(start, stop if stop - start <= 1 << 18 else piece.border(start + (1 << 18))))
        if characters < len(window):
            return number, piece.byte_at(piece.char_at(start) + characters)
        if stop - start > 1 << 18:
            return number, piece.byte_at(piece.char_at(start) + characters)
        characters -= len(window)
    return text._end()


def _skip(text: Text, here: Position, chars: str | None) -> Position:
    """The first position from `here` on whose character is not to be stripped."""
    for begin, window in text._windows(here, text._end()):
        rest = window.lstrip(chars)
        if rest:
            return _on(text, begin, len(window) - len(rest)) if len(rest) < len(window) else begin
    return text._end()


def _until_space(text: Text, here: Position) -> Position:
    for begin, window in text._windows(here, text._end()):
        if window[0].isspace():
            return begin
        head = window.split(None, 1)[0]
        if len(head) < len(window):
            return _on(text, begin, len(head))
    return text._end()


def _back_windows(text: Text, here: Position) -> Iterator[tuple[Position, Position, str]]:
    floor = text._begin()
    while here > floor:
        start = text._retreat(here, SHORT, floor)
        window = text._decoded(start, here)
        if window:
            yield start, here, window
        here = start


def _skip_back(text: Text, here: Position, chars: str | None) -> Position:
    """The last position up to `here` whose character before it is not to be stripped."""
    for begin, end, window in _back_windows(text, here):
        rest = window.rstrip(chars)
        if rest:
            return _on(text, begin, len(rest)) if len(rest) < len(window) else end
    return text._begin()


def _back_to_space(text: Text, here: Position) -> Position:
    for begin, end, window in _back_windows(text, here):
        if window[-1].isspace():
            return end
        tail = window.rsplit(None, 1)[-1]
        if len(tail) < len(window):
            return _on(text, begin, len(window) - len(tail))
    return text._begin()


def strip(text: Text, chars: Any, name: str, *, left: bool, right: bool) -> Text | str:
    if chars is not None and not isinstance(chars, str):
        raise TypeError(f"{name} arg must be None or str, not {type(chars).__name__}")
    chars = None if chars is None else str(chars)
    begin, end = text._begin(), text._end()
    if left:
        begin = _skip(text, begin, chars)
    if right and begin < end:
        end = _skip_back(text, end, chars)
    return text._cut(begin, max(begin, end))


def splitlines(text: Text, keepends: bool) -> list[Text | str]:
    budget = _Budget(text, "str.splitlines")
    lines: list[Text | str] = []
    carry: list[str] = []  # a line whose end was not seen yet
    before = 0  # characters before it
    carried = 0

    def close(last: str) -> None:
        nonlocal before, carried
        if carry:
            length = carried + len(last)
            line = "".join([*carry, last])
            carry.clear()
            carried = 0
        else:
            line, length = last, len(last)
        if not keepends:
            line = line.splitlines()[0] if line else line
        kept = text[before : before + len(line)] if len(line) > SHORT else line
        lines.append(budget.take(kept))
        before += length

    for _, window in text._windows(text._begin(), text._end()):
        if carry and carry[-1].endswith("\r") and not window.startswith("\n"):
            close("")
        found = window.splitlines(True)
        last = found.pop()
        for line in found:
            close(line)
        if last.splitlines()[0] == last or last.endswith("\r"):
            carry.append(last)
            carried += len(last)
        else:
            close(last)
    if carry:
        close("")
    return lines


def partition(text: Text, sep: Any, *, back: bool) -> tuple[Text | str, Text | str, Text | str]:
    if not isinstance(sep, str):
        raise TypeError(f"must be str, not {type(sep).__name__}")
    sep = _separator(sep)
    found = next(text._places(sep, _all(text), back=back), None)
    if found is None:
        whole = text._short()
        return ("", "", whole) if back else (whole, "", "")
    return text._cut(text._begin(), found[0]), sep, text._cut(found[1], text._end())


def replace(text: Text, old: Any, new: Any, count: int) -> Text | str:
    for number, argument in enumerate((old, new), start=1):
        if not isinstance(argument, str):
            raise TypeError(f"replace() argument {number} must be str, not {type(argument).__name__}")
    old, new = str(old), str(new)
    begin, end = text._begin(), text._end()
    if not old or text._bytes_between(begin, end, 1 << 24) <= 1 << 24:
        return text.realise("str.replace").replace(old, new, count)
    parts: list[Part] = []
    here = begin
    places = text._places(old, _all(text))
    for found, after in places if count < 0 else islice(places, count):
        parts += [piece.part(start, stop) for _, piece, start, stop in text._stretches(here, found)]
        parts.append(new)
        here = after
        if len(parts) > 2_000_000:
            raise text._over_limit("str.replace")
    if here == begin:
        return text._short()
    parts += [piece.part(start, stop) for _, piece, start, stop in text._stretches(here, end)]
    return type(text).from_parts([part for part in parts if part != ""], text._store)._short()
