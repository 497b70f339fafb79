"""Where the characters and the lines of one stretch of bytes are, counted as far as somebody asks and no further.

Bytes are UTF-8 and decode with `errors="replace"`. A stretch is counted in blocks of `BLOCK` bytes whose borders are
moved to where a decoder stands between two characters, so that blocks decode one by one to exactly what the whole
decodes to, invalid bytes included.
"""

from __future__ import annotations

import codecs
from array import array
from bisect import bisect_right
from collections.abc import Callable

import stringzilla

Buffer = bytes | memoryview
Reader = Callable[[int, int], Buffer]
"""Bytes `start` to `end` of the stretch, exactly as many as asked for."""

BLOCK = 1 << 16
"""Bytes a block. Above 64 KiB the allocator maps fresh pages for every decoded block: eight times slower (measured)."""

_PLAIN, _COUNTABLE, _ODD = range(3)
# plain: one byte a character. countable: each character starts at a byte that is not 10xxxxxx. odd: neither.

BATCH = 64
"""Blocks looked at as one to see whether they are plain: 0.07 s/GiB in place of 0.16 (measured)."""
_RARELY = 8
"""Batches counted block by block after one that was not plain, before that is tried again."""

_ONES: dict[int, bytes] = {}


def decode(data: Buffer) -> str:
    """`data` as text; invalid bytes become U+FFFD as CPython does it."""
    return str(data, "utf-8", "replace")


def count_byte(data: Buffer, byte: int) -> int:
    """How often `byte` occurs in `data`.

    A table look-up and a sum, both vectorised: 0.1 s/GiB, where `bytes.count` takes 0.5 on a common byte.
    """
    table = _ONES.get(byte)
    if table is None:
        table = _ONES[byte] = bytes(1 if value == byte else 0 for value in range(256))
    total = 0
    for start in range(0, len(data), BLOCK):
        total += stringzilla.bytesum(stringzilla.translate(data[start : start + BLOCK], table))
    return total


def back_to_border(last: Buffer) -> int:
    """How many bytes (0 to 3) before the last byte of `last` a decoder stands between two characters.

    `last` holds up to four bytes; what precedes fewer is the beginning. No character is longer than four bytes, so a
    continuation byte (10xxxxxx) after three others starts a new, invalid one. After a byte that is none, a place is a
    border when the byte there adds a character.
    """
    lead = len(last) - 1
    while lead >= 0 and last[lead] & 0xC0 == 0x80:
        lead -= 1
    if lead < 0:
        return 0
    for place in range(len(last) - 1, lead, -1):
        if len(decode(last[lead : place + 1])) > len(decode(last[lead:place])):
            return len(last) - 1 - place
    return len(last) - 1 - lead


def _remember_width(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return chr(0xDC00 + error.end - error.start), error.end


codecs.register_error("rlm.width", _remember_width)


def bytes_of_prefix(data: Buffer, characters: int) -> int:
    """How many bytes the first `characters` characters of `data` take, where `data` may hold invalid bytes.

    Invalid stretches decode to a lone surrogate that carries their length; UTF-8 itself never yields one.
    """
    prefix = str(data, "utf-8", "rlm.width")[:characters]
    size = len(prefix.encode("utf-8", "surrogatepass"))
    return size - sum((3 - width) * prefix.count(chr(0xDC00 + width)) for width in (1, 2, 3))


class Offsets:
    """Character offsets of the bytes `base` to `end`, from `base`. 9 bytes of memory for each counted block."""

    __slots__ = ("_base", "_chars", "_end", "_held", "_kinds", "_mixed", "_read", "_size")

    def __init__(self, read: Reader, base: int, end: int) -> None:
        self._mixed = 0  # the block up to which no batch is tried
        self._read = read
        self._base = base
        self._end = end
        self._size = BLOCK
        self._chars = array("Q", [0])  # characters before block i
        self._kinds = bytearray([0])  # of block i: kind, and how far its start lies before its nominal place (<< 2)
        self._held: tuple[int, str] | None = None  # the last block that had to be decoded

    def _start(self, block: int) -> int:
        if block >= len(self._chars) - 1 and block * self._size + self._base >= self._end:
            return self._end
        return self._base + block * self._size - (self._kinds[block] >> 2)

    def _counted(self) -> int:
        return len(self._chars) - 1

    def _count_block(self) -> bool:
        """Count one block more; False at the end."""
        block = self._counted()
        start = self._start(block)
        if start >= self._end:
            return False
        nominal = self._base + (block + 1) * self._size
        shift = 0
        if nominal >= self._end:
            data = self._read(start, self._end)
        else:
            data = memoryview(self._read(start, nominal + 1))
            shift = back_to_border(data[-4:])
            data = data[: len(data) - 1 - shift]
        characters = stringzilla.utf8_count(data)
        if characters == len(data):
            kind = _PLAIN
        else:
            counted, characters = characters, len(decode(data))
            kind = _COUNTABLE if counted == characters else _ODD
        self._kinds[block] |= kind
        self._kinds.append(shift << 2)
        self._chars.append(self._chars[-1] + characters)
        return True

    def _count_batch(self, limit: int) -> bool:
        """Count `BATCH` blocks at once where they are plain and all begin before byte `limit`."""
        block = self._counted()
        nominal = self._base + (block + BATCH) * self._size
        if block < self._mixed or nominal >= min(limit, self._end):
            return False
        start = self._start(block)
        data = self._read(start, nominal + 1)  # the next block's first byte says that it needs no shift
        if stringzilla.utf8_count(data) != len(data):
            self._mixed = block + _RARELY * BATCH
            return False
        first = self._chars[-1] + nominal - start - (BATCH - 1) * self._size
        self._chars.extend(range(first, first + BATCH * self._size, self._size))
        self._kinds.extend(bytes(BATCH))
        return True

    def _count_to(self, block: int) -> None:
        """Count up to and with `block`, or to the end."""
        limit = self._base + block * self._size
        while self._counted() <= block and (self._count_batch(limit) or self._count_block()):
            pass

    def total(self) -> int:
        """Characters of the whole stretch."""
        self._count_to((self._end - self._base) // self._size + 1)
        return self._chars[-1]

    def knows(self, byte: int) -> bool:
        """Whether `char_at(byte)` costs no counting."""
        return byte <= self._start(self._counted()) + self._size

    def char_at(self, byte: int) -> int:
        """Characters from `base` to `byte`, which must lie between two characters."""
        if byte >= self._end:
            return self.total()
        block = (byte - self._base) // self._size
        self._count_to(block)
        if byte >= self._start(block + 1):  # the next block starts up to three bytes before its nominal place
            block += 1
            self._count_block()
        start = self._start(block)
        kind = self._kinds[block] & 3
        if kind == _PLAIN or byte == start:
            return self._chars[block] + byte - start
        data = self._read(start, byte)
        return self._chars[block] + (stringzilla.utf8_count(data) if kind == _COUNTABLE else len(decode(data)))

    def byte_at(self, char: int) -> int:
        """The byte where character `char` starts; the end for the first character after it, -1 beyond that."""
        while self._chars[-1] <= char and self._count_block():
            least = (char - self._chars[-1]) // self._size  # no block has more characters than bytes
            if least > BATCH:
                self._count_to(self._counted() + least - 1)
        if char >= self._chars[-1]:
            return self._end if char == self._chars[-1] else -1
        block = bisect_right(self._chars, char) - 1
        start = self._start(block)
        inside = char - self._chars[block]
        kind = self._kinds[block] & 3
        if kind == _PLAIN or not inside:
            return start + inside
        if kind == _ODD:
            return start + bytes_of_prefix(self._read(start, self._start(block + 1)), inside)
        text = self._block_text(block)
        if "\ufffd" in text:  # perhaps an invalid byte, which is shorter than its sign
            return start + bytes_of_prefix(self._read(start, self._start(block + 1)), inside)
        if inside * 2 <= len(text):
            return start + len(text[:inside].encode())
        return self._start(block + 1) - len(text[inside:].encode())

    def _block_text(self, block: int) -> str:
        if self._held is None or self._held[0] != block:
            self._held = (block, decode(self._read(self._start(block), self._start(block + 1))))
        return self._held[1]

    def back(self, byte: int, characters: int, floor: int) -> tuple[int, int]:
        """Go back from `byte` by `characters`, not before `floor`: the byte reached and the characters passed.

        Reads backwards from `byte` where the bytes before it were not counted yet.
        """
        if self.knows(byte):
            here, lowest = self.char_at(byte), self.char_at(floor)
            target = max(here - characters, lowest)
            return self.byte_at(target), here - target
        passed = 0
        while byte > floor:
            start = max(floor, byte - self._size)
            if start > floor:
                start -= back_to_border(self._read(max(floor, start - 3), start + 1))
            data = self._read(start, byte)
            count = len(decode(data))
            if passed + count >= characters:
                return start + bytes_of_prefix(data, passed + count - characters), characters
            passed += count
            byte = start
        return floor, passed


class Newlines:
    """Line numbers of one file: where `\\n` stands, counted in blocks as far as somebody asks."""

    __slots__ = ("_counts", "_end", "_read", "_size")

    def __init__(self, read: Reader, end: int) -> None:
        self._read = read
        self._end = end
        self._size = BLOCK
        self._counts = array("Q", [0])  # newlines before block i

    def _count_block(self) -> bool:
        start = (len(self._counts) - 1) * self._size
        if start >= self._end:
            return False
        data = self._read(start, min(start + self._size, self._end))
        self._counts.append(self._counts[-1] + count_byte(data, 10))
        return True

    def before(self, byte: int) -> int:
        """Newlines before `byte`: its line number, less one."""
        byte = min(byte, self._end)
        block = byte // self._size
        while len(self._counts) <= block and self._count_block():
            pass
        block = min(block, len(self._counts) - 1)
        start = block * self._size
        return self._counts[block] + (count_byte(self._read(start, byte), 10) if byte > start else 0)

    def total(self) -> int:
        while self._count_block():
            pass
        return self._counts[-1]

    def start_of(self, line: int) -> int:
        """The byte where line `line` (from 1) starts; -1 when there are fewer newlines than that takes."""
        wanted = line - 1
        if wanted <= 0:
            return 0
        while self._counts[-1] < wanted and self._count_block():
            pass
        if self._counts[-1] < wanted:
            return -1
        low, high = 0, len(self._counts) - 1
        while high - low > 1:  # the block in which the wanted newline stands
            middle = (low + high) // 2
            low, high = (middle, high) if self._counts[middle] < wanted else (low, middle)
        start = low * self._size
        data = bytes(self._read(start, min(start + self._size, self._end)))
        place = -1
        for _ in range(wanted - self._counts[low]):
            place = data.find(b"\n", place + 1)
        return start + place + 1
