"""What a text is made of: pieces that follow each other, each a stretch of a file or literal text.

Pieces are made when they are touched; a layout over 100,000 files holds none of them. Positions inside a piece are
bytes from its start, always between two characters.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rlm_cli.context.offsets import Buffer, back_to_border, decode
from rlm_cli.context.spans import FileNames, Part, Span
from rlm_cli.context.store import ByteStore

TO_END = 1 << 62
"""The `end` of a span that reaches to the end of its file, whatever that turns out to be when it is opened."""


class Piece:
    """A stretch of a file, decoded with `errors="replace"`."""

    __slots__ = ("end", "file", "size", "start", "store")

    def __init__(self, store: ByteStore, span: Span) -> None:
        size = store.size(span.file)
        self.store = store
        self.file = span.file
        self.start = min(span.start, size)
        self.end = min(span.end, size)
        self.size = max(0, self.end - self.start)

    def peek(self, start: int, end: int) -> Buffer:
        """Exactly these bytes, not noted as read."""
        return self.store.exact(self.file, self.start + start, self.start + end)

    def saw(self, start: int, end: int) -> None:
        self.store.saw(self.file, self.start + start, self.start + end)

    def decode(self, data: Buffer) -> str:
        return decode(data)

    def first(self, start: int, end: int) -> str:
        """The character that starts at `start`; `end` is up to four bytes later."""
        return decode(self.peek(start, end))[0]

    def char_at(self, byte: int) -> int:
        """Characters from the piece's start to `byte`."""
        if byte == 0:
            return 0
        if byte == self.size and self.start == 0 and self.end == self.store.size(self.file):
            return self.store.characters(self.file)
        offsets = self.store.offsets(self.file, self.start)
        return offsets.char_at(self.start + byte)

    def byte_at(self, char: int) -> int:
        """The byte at which character `char` starts; `size` for the one after the last, -1 beyond."""
        if char == 0:
            return 0
        found = self.store.offsets(self.file, self.start).byte_at(char)
        if 0 <= found < self.end:
            return found - self.start
        return self.size if self.char_at(self.size) == char else -1

    def back(self, byte: int, characters: int, floor: int) -> tuple[int, int]:
        """Go back from `byte` by `characters`, not before `floor`: the byte reached, the characters passed."""
        offsets = self.store.offsets(self.file, self.start)
        reached, passed = offsets.back(self.start + byte, characters, self.start + floor)
        return reached - self.start, passed

    def border(self, byte: int) -> int:
        """`byte`, or the nearest place before it that lies between two characters."""
        if byte <= 0 or byte >= self.size:
            return min(max(byte, 0), self.size)
        return max(0, byte - back_to_border(self.peek(max(0, byte - 3), byte + 1)))

    def part(self, start: int, end: int) -> Part:
        return Span(self.file, self.start + start, self.start + end)


class Literal:
    """Text that is no file's: a header line, or what a cell added. The same questions as to `Piece`."""

    __slots__ = ("_data", "_text", "size")

    file = -1

    def __init__(self, text: str) -> None:
        self._text = text
        self._data = text.encode("utf-8", "surrogatepass")
        self.size = len(self._data)

    def peek(self, start: int, end: int) -> Buffer:
        return self._data[start:end]

    def saw(self, start: int, end: int) -> None:
        pass

    def decode(self, data: Buffer) -> str:
        return str(data, "utf-8", "surrogatepass")

    def first(self, start: int, end: int) -> str:
        return self._text[self.char_at(start)]

    def char_at(self, byte: int) -> int:
        if len(self._text) == self.size:
            return byte
        return len(self._text) if byte == self.size else len(self.decode(self._data[:byte]))

    def byte_at(self, char: int) -> int:
        if char > len(self._text):
            return -1
        return char if len(self._text) == self.size else len(self._text[:char].encode("utf-8", "surrogatepass"))

    def back(self, byte: int, characters: int, floor: int) -> tuple[int, int]:
        here = self.char_at(byte)
        target = max(here - characters, self.char_at(floor))
        return self.byte_at(target), here - target

    def border(self, byte: int) -> int:
        byte = min(max(byte, 0), self.size)
        while byte < self.size and self._data[byte] & 0xC0 == 0x80:
            byte -= 1
        return byte

    def part(self, start: int, end: int) -> Part:
        return self.decode(self._data[start:end])


class Layout:
    """Parts in order, as pieces."""

    def __init__(self, store: ByteStore, parts: Sequence[Part]) -> None:
        self.store = store
        self._parts = parts
        self._held: tuple[int, Piece | Literal] | None = None

    def __len__(self) -> int:
        return len(self._parts)

    def part(self, number: int) -> Part:
        return self._parts[number]

    def piece(self, number: int) -> Piece | Literal:
        """Piece `number`. Opens its file the first time."""
        if self._held is not None and self._held[0] == number:
            return self._held[1]
        part = self.part(number)
        piece = Piece(self.store, part) if isinstance(part, Span) else Literal(part)
        self._held = (number, piece)
        return piece

    def pieces_of(self, file: int, first: int, last: int) -> Iterable[int]:
        """The pieces from `first` to `last` that come from this file."""
        return (
            number
            for number in range(first, last + 1)
            if isinstance(part := self.part(number), Span) and part.file == file
        )


class CorpusLayout(Layout):
    """Every file of the corpus under its header line; made by arithmetic, so that it costs nothing to have."""

    def __init__(self, store: ByteStore) -> None:
        super().__init__(store, ())

    def __len__(self) -> int:
        return 2 * len(self.store.files)

    def part(self, number: int) -> Part:
        file, body = divmod(number, 2)
        return Span(file, 0, TO_END) if body else header(self.store.files, file)

    def pieces_of(self, file: int, first: int, last: int) -> Iterable[int]:
        number = 2 * file + 1
        return (number,) if first <= number <= last else ()


def header(files: FileNames, file: int) -> str:
    """The line over a file, as `tail -n` of several files writes it."""
    return f"{chr(10) if file else ''}==> {quoted(files.name(file))} <==\n"


def quoted(name: str) -> str:
    """`name` as it is shown: in quotes and escaped where it holds control characters or bytes that are no text."""
    if name.isprintable():
        return name
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else _escape(c) for c in escaped) + '"'


def _escape(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a file name that is not UTF-8, as Python carries it
        return f"\\x{code - 0xDC00:02x}"
    known = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}.get(character)
    return known or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")


def merged(parts: Sequence[Part]) -> list[Part]:
    """`parts`, literal neighbours made one."""
    merged: list[Part] = []
    run: list[str] = []
    for part in parts:
        if isinstance(part, Span):
            if run:
                merged.append("".join(run))
                run = []
            merged.append(part)
        else:
            run.append(part)
    if run:
        merged.append("".join(run))
    return merged


def bordered(layout: Layout) -> Layout:
    """`layout` with every span cut between characters, as far as one touches nothing that starts and ends a file."""
    sizes = layout.store.files.size
    parts: list[Part] = []
    for number in range(len(layout)):
        part = layout.part(number)
        if isinstance(part, Span) and (part.start > 0 or part.end < sizes(part.file)):
            whole = Piece(layout.store, Span(part.file, 0, TO_END))
            part = Span(part.file, whole.border(part.start), max(whole.border(part.start), whole.border(part.end)))
        parts.append(part)
    return Layout(layout.store, parts)
