"""`Text`: a mapped text that behaves as `str` and is never held in memory.

    text = build_context(store)          # the whole corpus, nothing read yet
    len(text), text[:500], "x" in text   # read as far as that takes
    text[10:2_000_000]                   # long: a Text over the same bytes; short (`SHORT` characters): a str

It is not a subclass of `str`, because C code would take such an object for an empty string without a word. Instead
`text.__class__` is `str`, so that `isinstance(text, str)` holds for Python code, while C code that needs the real thing
raises TypeError. `type(x) is Text` tells them apart; `str(text)` and `text.realise()` give the real one or raise a
MemoryError that says what to do instead. What works on it as it is: all methods and operators of `str`, `"%s" % text`,
f-strings, `text in dict`, `"a" + text`. What a sandbox has to realise first, because C code looks inside: arguments of
methods of real strings (`"".join([text])`, `"a".find(text)`, `text in "a"`), `int`, `float`, `json.loads`, `csv`,
`io.StringIO`, `ast.literal_eval`, `unicodedata`, `datetime.strptime` and their like, and `re`, for which `regex.py` is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, SupportsIndex, cast

from rlm_cli.context import seeking, splitting
from rlm_cli.context.layout import Layout, bordered, merged
from rlm_cli.context.mapped import Position, Stretch
from rlm_cli.context.placed import Placed
from rlm_cli.context.spans import Part, Span
from rlm_cli.context.store import ByteStore, MemoryStore

SHORT = 1 << 16
"""Characters up to which a result is a plain `str`."""
_RECUT = 64  # pieces up to which a part found from the end gets a layout of its own, and so offsets of its own


def _realised(name: str) -> Callable[..., Any]:
    """A method of `str` that needs the real string."""
    method = getattr(str, name)

    def call(self: Text, *arguments: Any, **named: Any) -> Any:
        arguments = tuple(plain(argument) for argument in arguments)
        return method(self.realise(f"str.{name}"), *arguments, **named)

    call.__name__ = name
    call.__doc__ = method.__doc__
    return call


def _every(name: str, empty: bool) -> Callable[[Text], bool]:
    """A method of `str` that asks the same of every character."""
    method = getattr(str, name)

    def call(self: Text) -> bool:
        some = False
        for _, window in self._windows(self._begin(), self._end()):
            if not method(window):
                return False
            some = True
        return some or empty

    call.__name__ = name
    call.__doc__ = method.__doc__
    return call


def plain(value: Any) -> Any:
    """`value`, realised where it is a `Text`."""
    return value.realise() if type(value) is Text else value


def _times(value: SupportsIndex) -> int:
    """A number of times, refused as `str` refuses it."""
    "".replace("", "", value)
    return value.__index__()


def _index(value: SupportsIndex | None) -> int | None:
    """A bound of a slice. Raises TypeError."""
    try:
        return None if value is None else value.__index__()
    except AttributeError:
        raise TypeError("slice indices must be integers or None or have an __index__ method") from None


class Text(Placed):
    """See the module. Made by `build_context`, `Files`, `Text.from_parts` and by slicing."""

    __slots__ = ()

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return str

    # Making

    @classmethod
    def from_parts(cls, parts: Sequence[Part], store: ByteStore) -> Text:
        """The text of spans of `store` and literal text, one after another."""
        kept = [part for part in parts if isinstance(part, Span) or part]
        return cls(bordered(Layout(store, kept or [""])), (0, 0))

    @classmethod
    def of(cls, value: bytes | str) -> Text:
        """Bytes or a str as a `Text`: for tests and for what never was a file."""
        if isinstance(value, str):
            return cls.from_parts([str(value)], MemoryStore())
        return cls.from_parts([Span(0, 0, len(value))], MemoryStore([value]))

    @classmethod
    def concat(cls, items: Iterable[Text | str], separator: Text | str = "") -> Text | str:
        """`separator.join(items)` without copying: a str when it is short, else a Text."""
        given = list(items)
        if not any(type(item) is Text for item in given):
            return cast(str, plain(separator)).join(cast("list[str]", given))
        texts = [item for item in (*given, separator) if type(item) is Text]
        store = next((text for text in texts if text._has_files()), texts[0])._layout.store

        def parts_of(item: Text | str) -> Sequence[Part]:
            if type(item) is not Text:
                return [cast(str, item)] if item else []
            if item._layout.store is not store and item._has_files():
                return [item.realise("joining texts of two inputs")]
            return item.parts()

        between = parts_of(separator)
        parts: list[Part] = []
        for number, item in enumerate(given):
            if not isinstance(item, str):
                raise TypeError(f"sequence item {number}: expected str instance, {type(item).__name__} found")
            parts += [*(between if number else []), *parts_of(item)]
        return cls.from_parts(merged(parts), store)._short()

    def _has_files(self) -> bool:
        return any(isinstance(part, Span) for part in islice(self._own_parts(), 1000))

    def _cut(self, begin: Position, end: Position, length: int = -1, *, recut: bool = False) -> Text | str:
        """The text between two positions: a str where it is short."""
        most = 4 * SHORT
        size = self._bytes_between(begin, end, most)
        if size <= SHORT or (size <= most and 0 <= length <= SHORT):
            return self._decoded(begin, end)
        if size <= most and length < 0:
            text = self._decoded(begin, end)
            if len(text) <= SHORT:
                return text
            length = len(text)
        if recut and begin != self._begin() and end[0] - begin[0] < _RECUT:
            parts = [piece.part(start, stop) for _, piece, start, stop in self._stretches(begin, end)]
            return Text(Layout(self._layout.store, parts), (0, 0), None, length)
        return Text(self._layout, begin, end, length)

    def _short(self) -> Text | str:
        return self._cut(self._begin(), self._end(), self._length)

    # Lines

    def line(self, number: int) -> Text | str:
        """Line `number` (from 1) of this text, without its line end. Raises IndexError when there is no such line."""
        found = self.lines(number, number)
        if not found:
            raise IndexError(f"no line {number}")
        return found.removesuffix("\n").removesuffix("\r")

    def lines(self, first: int, last: int) -> Text | str:
        """Lines `first` to `last` (from 1, inclusive, cut at `\\n` as editors do) with their line ends."""
        if first < 1:
            raise IndexError("lines are numbered from 1")
        begin = self._line_start(first)
        end = self._line_start(last + 1)
        if begin is None or last < first:
            return ""
        return self._cut(begin, end or self._end())

    # Sequence

    def __len__(self) -> int:
        return self._count()

    def __bool__(self) -> bool:
        return next(self._stretches(self._begin(), self._end()), None) is not None

    def __getitem__(self, key: SupportsIndex | slice) -> Text | str:
        if isinstance(key, slice):
            if _index(key.step) not in (None, 1):
                return self._stepped(key)
            stretch = self._range(_index(key.start), _index(key.stop))
            if stretch is None:
                return ""
            known = stretch.first is not None and stretch.last is not None
            length = cast(int, stretch.last) - cast(int, stretch.first) if known else -1
            return self._cut(stretch.begin, stretch.end, length, recut=stretch.first is None)
        if not hasattr(key, "__index__"):
            raise TypeError(f"string indices must be integers, not '{key.__class__.__name__}'")
        index = key.__index__()
        position: Position | None
        if index >= 0:
            position = self._seek(index)
        else:
            position, passed = (
                self._seek_back(-index) if self._length < 0 else (self._seek(self._length + index), -index)
            )
            if passed < -index or (0 <= self._length < -index):
                position = None
        character = "" if position is None else self._character(position)
        if not character:
            raise IndexError("string index out of range")
        return character

    def _character(self, position: Position) -> str:
        for _, piece, start, end in self._stretches(position, self._end()):
            stop = min(end, start + 4)
            piece.saw(start, stop)
            return piece.first(start, stop)
        return ""

    def _stepped(self, key: slice) -> str:
        start, stop, step = key.indices(len(self))
        taken = range(start, stop, step)
        if not taken:
            return ""
        if len(taken) > self.limit:
            raise self._over_limit("this slice")
        low, high = min(taken[0], taken[-1]), max(taken[0], taken[-1]) + 1
        stretch = self._range(low, high)
        assert stretch is not None
        texts, skip, stride = [], 0, abs(step)
        for _, window in self._windows(stretch.begin, stretch.end):
            texts.append(window[skip::stride])
            skip = (skip - len(window)) % stride if len(window) > skip else skip - len(window)
        text = "".join(texts)
        return text if step > 0 else text[::-1]

    def __iter__(self) -> Iterator[str]:
        for _, window in self._windows(self._begin(), self._end()):
            yield from window

    def __reversed__(self) -> Iterator[str]:
        here, floor = self._end(), self._begin()
        while here > floor:
            start = self._retreat(here, SHORT, floor)
            yield from reversed(self._decoded(start, here))
            here = start

    # Comparing

    def __eq__(self, other: object) -> bool:
        if self._length >= 0 and type(other) is str and len(other) != self._length:
            return False
        found = self._compare(other)
        return NotImplemented if found is None else found == 0

    def __lt__(self, other: Any) -> bool:
        found = self._compare(other)
        return NotImplemented if found is None else found < 0

    def __le__(self, other: Any) -> bool:
        found = self._compare(other)
        return NotImplemented if found is None else found <= 0

    def __gt__(self, other: Any) -> bool:
        found = self._compare(other)
        return NotImplemented if found is None else found > 0

    def __ge__(self, other: Any) -> bool:
        found = self._compare(other)
        return NotImplemented if found is None else found >= 0

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(self.realise("hash()"))
        return self._hash

    # Becoming a str

    def __str__(self) -> str:
        return self.realise("str()")

    def __repr__(self) -> str:
        return repr(self.realise("repr()"))

    def __format__(self, specification: str) -> str:
        return format(self.realise("format()"), specification)

    def __mod__(self, values: Any) -> str:
        values = tuple(map(plain, values)) if isinstance(values, tuple) else plain(values)
        return cast(str, self.realise("%") % values)

    def __rmod__(self, template: Any) -> Any:
        return template % self.realise("%") if isinstance(template, str) else NotImplemented

    def __reduce__(self) -> tuple[Any, ...]:
        return str, (self.realise("copying to another process"),)

    def __copy__(self) -> Text:
        return self

    def __deepcopy__(self, memo: Any) -> Text:
        return self

    def __add__(self, other: Any) -> Text | str:
        if not isinstance(other, str):
            raise TypeError(f'can only concatenate str (not "{type(other).__name__}") to str')
        return Text.concat((self, other))

    def __radd__(self, other: Any) -> Text | str:
        if not isinstance(other, str):
            return NotImplemented
        return Text.concat((other, self))

    def __mul__(self, times: SupportsIndex) -> Text | str:
        if not hasattr(times, "__index__"):
            raise TypeError(f"can't multiply sequence by non-int of type '{type(times).__name__}'")
        count = times.__index__()
        if count <= 0:
            return ""
        parts = self.parts()
        if len(parts) * count > 1_000_000:
            return self.realise("repetition") * count
        return Text.from_parts(merged(parts * count), self._layout.store)._short()

    __rmul__ = __mul__

    def join(self, items: Iterable[Text | str], /) -> Text | str:
        return Text.concat(items, self)

    # Searching

    def _places(self, needle: str, stretch: Stretch, back: bool = False) -> Iterator[tuple[Position, Position]]:
        """Begin and end of each occurrence of `needle` (not empty)."""
        data = seeking.needle_bytes(needle)
        if data is not None:
            yield from (seeking.hits_back if back else seeking.hits)(self, data, stretch.begin, stretch.end)
            return
        first = self._offset(stretch.begin)
        find = seeking.decoded_hits_back if back else seeking.decoded_hits
        for place in find(self, needle, stretch.begin, stretch.end):
            begin, end = self._seek(first + place), self._seek(first + place + len(needle))
            if begin is not None and end is not None:
                yield begin, end

    def _wanted(self, needle: Any, start: Any, end: Any) -> tuple[str, Stretch | None]:
        if not isinstance(needle, str):
            raise TypeError(f"must be str, not {type(needle).__name__}")
        return plain(needle), self._range(_index(start), _index(end))

    def __contains__(self, needle: object) -> bool:
        if not isinstance(needle, str):
            raise TypeError(f"'in <string>' requires string as left operand, not {type(needle).__name__}")
        wanted, stretch = self._wanted(needle, None, None)
        return not wanted or (stretch is not None and next(self._places(wanted, stretch), None) is not None)

    def find(self, sub: Any, start: Any = None, end: Any = None, /) -> int:
        wanted, stretch = self._wanted(sub, start, end)
        if stretch is None:
            return -1
        if not wanted:
            return stretch.first if stretch.first is not None else self._offset(stretch.begin)
        found = next(self._places(wanted, stretch), None)
        return -1 if found is None else self._offset(found[0])

    def rfind(self, sub: Any, start: Any = None, end: Any = None, /) -> int:
        wanted, stretch = self._wanted(sub, start, end)
        if stretch is None:
            return -1
        if not wanted:
            return stretch.last if stretch.last is not None else self._offset(stretch.end)
        found = next(self._places(wanted, stretch, back=True), None)
        return -1 if found is None else self._offset(found[0])

    def index(self, sub: Any, start: Any = None, end: Any = None, /) -> int:
        found = self.find(sub, start, end)
        if found < 0:
            raise ValueError("substring not found")
        return found

    def rindex(self, sub: Any, start: Any = None, end: Any = None, /) -> int:
        found = self.rfind(sub, start, end)
        if found < 0:
            raise ValueError("substring not found")
        return found

    def count(self, sub: Any, start: Any = None, end: Any = None, /) -> int:
        wanted, stretch = self._wanted(sub, start, end)
        if stretch is None:
            return 0
        if not wanted:
            return self._offset(stretch.end) - self._offset(stretch.begin) + 1
        data = seeking.needle_bytes(wanted)
        if data is None:
            return sum(1 for _ in seeking.decoded_hits(self, wanted, stretch.begin, stretch.end))
        return seeking.count(self, data, stretch.begin, stretch.end)

    def startswith(self, prefix: Any, start: Any = None, end: Any = None, /) -> bool:
        return self._affixed("startswith", prefix, start, end)

    def endswith(self, suffix: Any, start: Any = None, end: Any = None, /) -> bool:
        return self._affixed("endswith", suffix, start, end)

    def _affixed(self, name: str, affix: Any, start: Any, end: Any) -> bool:
        affixes = affix if isinstance(affix, tuple) else (affix,)
        for item in affixes:
            if not isinstance(item, str):
                what = (
                    "tuple for {} must only contain str, not {}"
                    if isinstance(affix, tuple)
                    else "{} first arg must be str or a tuple of str, not {}"
                )
                raise TypeError(what.format(name, type(item).__name__))
            wanted, stretch = self._wanted(item, start, end)
            if stretch is None:
                continue
            size = 4 * len(wanted) + 4
            if name == "startswith":
                found = self._decoded(stretch.begin, self._advance(stretch.begin, size, stretch.end)).startswith(wanted)
            else:
                found = self._decoded(self._retreat(stretch.end, size, stretch.begin), stretch.end).endswith(wanted)
            if found:
                return True
        return False

    # Parts

    def removeprefix(self, prefix: Any, /) -> Text | str:
        if not isinstance(prefix, str):
            raise TypeError(f"removeprefix() argument must be str, not {type(prefix).__name__}")
        return self[len(prefix) :] if prefix and self.startswith(prefix) else self._short()

    def removesuffix(self, suffix: Any, /) -> Text | str:
        if not isinstance(suffix, str):
            raise TypeError(f"removesuffix() argument must be str, not {type(suffix).__name__}")
        return self[: -len(suffix)] if suffix and self.endswith(suffix) else self._short()

    def strip(self, chars: Any = None, /) -> Text | str:
        return splitting.strip(self, chars, "strip", left=True, right=True)

    def lstrip(self, chars: Any = None, /) -> Text | str:
        return splitting.strip(self, chars, "lstrip", left=True, right=False)

    def rstrip(self, chars: Any = None, /) -> Text | str:
        return splitting.strip(self, chars, "rstrip", left=False, right=True)

    def split(self, sep: Any = None, maxsplit: SupportsIndex = -1) -> list[Text | str]:
        return splitting.split(self, sep, _times(maxsplit))

    def rsplit(self, sep: Any = None, maxsplit: SupportsIndex = -1) -> list[Text | str]:
        return splitting.rsplit(self, sep, _times(maxsplit))

    def splitlines(self, keepends: Any = False) -> list[Text | str]:
        return splitting.splitlines(self, bool(keepends))

    def partition(self, sep: Any, /) -> tuple[Text | str, Text | str, Text | str]:
        return splitting.partition(self, sep, back=False)

    def rpartition(self, sep: Any, /) -> tuple[Text | str, Text | str, Text | str]:
        return splitting.partition(self, sep, back=True)

    def replace(self, old: Any, new: Any, count: SupportsIndex = -1, /) -> Text | str:
        return splitting.replace(self, old, new, _times(count))

    isascii = _every("isascii", True)
    isprintable = _every("isprintable", True)
    isalnum = _every("isalnum", False)
    isalpha = _every("isalpha", False)
    isdecimal = _every("isdecimal", False)
    isdigit = _every("isdigit", False)
    isnumeric = _every("isnumeric", False)
    isspace = _every("isspace", False)

    capitalize = _realised("capitalize")
    casefold = _realised("casefold")
    center = _realised("center")
    encode = _realised("encode")
    expandtabs = _realised("expandtabs")
    format = _realised("format")
    format_map = _realised("format_map")
    isidentifier = _realised("isidentifier")
    islower = _realised("islower")
    istitle = _realised("istitle")
    isupper = _realised("isupper")
    ljust = _realised("ljust")
    lower = _realised("lower")
    maketrans = staticmethod(str.maketrans)
    rjust = _realised("rjust")
    swapcase = _realised("swapcase")
    title = _realised("title")
    translate = _realised("translate")
    upper = _realised("upper")
    zfill = _realised("zfill")
