"""The file table: names and sizes of all files in a few flat buffers, the same on both sides of the sandbox.

100,000 files take some 7 MB. The host packs it into one buffer, and the worker looks into that buffer where it is,
without copying or parsing it.
"""

from __future__ import annotations

import struct
from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate

_MAGIC = b"RLMT0001"
_HEADER = struct.Struct("=8sQQQ")  # magic, files, bytes of names, files with a base

Buffer = bytes | bytearray | memoryview


def _numbers(buffer: memoryview, at: int, count: int) -> memoryview:
    return buffer[at : at + 8 * count].cast("Q")


class FileTable:
    """Numbered files with name, size and base; implements `FileNames`."""

    __slots__ = ("_base_files", "_bases", "_blob", "_by_name", "_ends", "_sizes")

    def __init__(
        self,
        blob: memoryview,
        ends: Sequence[int],
        sizes: Sequence[int],
        base_files: Sequence[int],
        bases: Sequence[int],
    ) -> None:
        """`blob` holds the names as UTF-8, each with a NUL after it; `ends[n]` is the place of the NUL of name n."""
        self._blob = blob
        self._ends = ends
        self._sizes = sizes
        self._base_files = base_files
        self._bases = bases
        self._by_name: dict[str, int] | None = None

    @classmethod
    def build(cls, names: Sequence[str], sizes: Sequence[int], bases: Mapping[int, int] | None = None) -> FileTable:
        """A table of `names` (no NUL in any), their sizes in bytes, and the bases that are not 0."""
        blob = "\0".join([*names, ""]).encode("utf-8", "surrogatepass")
        lengths = map(len, names) if blob.isascii() else (len(one) for one in blob[:-1].split(b"\0"))
        ends = array("Q", accumulate(lengths, lambda end, length: end + length + 1) if names else ())
        sparse = sorted((bases or {}).items())
        return cls(
            memoryview(blob),
            ends,
            array("Q", sizes),
            array("Q", [number for number, _ in sparse]),
            array("Q", [base for _, base in sparse]),
        )

    def __len__(self) -> int:
        return len(self._ends)

    def __iter__(self) -> Iterator[str]:
        """The names in order."""
        return (self.name(number) for number in range(len(self)))

    def _check(self, file: int) -> None:
        if not 0 <= file < len(self._ends):
            raise IndexError(f"file {file} of {len(self._ends)}")

    def name(self, file: int) -> str:
        self._check(file)
        start = self._ends[file - 1] + 1 if file else 0
        return str(self._blob[start : self._ends[file]], "utf-8", "surrogatepass")

    def size(self, file: int) -> int:
        self._check(file)
        return self._sizes[file]

    def base(self, file: int) -> int:
        self._check(file)
        at = bisect_right(self._base_files, file) - 1
        return self._bases[at] if at >= 0 and self._base_files[at] == file else 0

    def number(self, name: str) -> int | None:
        if self._by_name is None:
            names = str(self._blob[:-1], "utf-8", "surrogatepass").split("\0") if len(self) else []
            self._by_name = {name: number for number, name in reversed(list(enumerate(names)))}
        return self._by_name.get(name)

    @property
    def bytes_total(self) -> int:
        return sum(self._sizes)

    def pack(self) -> bytes:
        """The table as one buffer, for `unpack` on the same machine."""
        header = _HEADER.pack(_MAGIC, len(self), len(self._blob), len(self._bases))
        arrays = [self._ends, self._sizes, self._base_files, self._bases]
        return b"".join([header, *(bytes(memoryview(one)) for one in arrays), self._blob])  # type: ignore[arg-type]

    @classmethod
    def unpack(cls, buffer: Buffer) -> FileTable:
        """The table in `buffer`, which is kept and not copied. Raises ValueError when it is not one."""
        view = memoryview(buffer).cast("B").toreadonly()
        if len(view) < _HEADER.size:
            raise ValueError("not a file table")
        magic, files, size, based = _HEADER.unpack_from(view)
        blob = _HEADER.size + 8 * (2 * files + 2 * based)
        if magic != _MAGIC or len(view) < blob + size:
            raise ValueError("not a file table")
        at = _HEADER.size
        ends, sizes = _numbers(view, at, files), _numbers(view, at + 8 * files, files)
        at += 16 * files
        base_files, bases = _numbers(view, at, based), _numbers(view, at + 8 * based, based)
        return cls(view[blob : blob + size], ends, sizes, base_files, bases)


# --- names as they are shown ---------------------------------------------------------------------------------------

_ESCAPES = {7: "a", 8: "b", 9: "t", 10: "n", 11: "v", 12: "f", 13: "r", 34: '"', 92: "\\"}
_UNESCAPES = {letter: code for code, letter in _ESCAPES.items()}


def shown_name(path: bytes) -> str:
    """`path` as it is shown and cited: as it is where it can be printed, else in git's quotes (`"a\\nb\\377"`).

    `true_name` leads back. Names that could be taken for a quoted one or for `<stdin>` are quoted too.
    """
    name = path.decode("utf-8", "surrogateescape")
    if name.isprintable() and not name.startswith(('"', "<")):
        return name
    out = []
    for char in name:
        code = ord(char)
        if code in _ESCAPES:
            out.append("\\" + _ESCAPES[code])
        elif char.isprintable():
            out.append(char)
        else:
            out.extend(f"\\{byte:03o}" for byte in char.encode("utf-8", "surrogateescape"))
    return '"' + "".join(out) + '"'


def true_name(shown: str) -> bytes:
    """The path that `shown_name` made `shown` of. Raises ValueError for a quoted name that is not well formed."""
    if not shown.startswith('"'):
        return shown.encode("utf-8", "surrogateescape")
    if len(shown) < 2 or not shown.endswith('"'):
        raise ValueError(f"not a quoted name: {shown}")
    out = bytearray()
    at, end = 1, len(shown) - 1
    while at < end:
        char = shown[at]
        at += 1
        if char != "\\":
            out += char.encode("utf-8")
            continue
        if shown[at] in _UNESCAPES:
            out.append(_UNESCAPES[shown[at]])
            at += 1
        else:
            out.append(int(shown[at : at + 3], 8))
            at += 3
    return bytes(out)


def kinds(names: Iterable[str]) -> dict[str, int]:
    """How many of these names, as they are shown, have each suffix, as `Corpus.kinds` has it."""
    counter: Counter[str] = Counter()
    for name in names:
        stem, dot, suffix = name.rstrip('"').rpartition("/")[2].rpartition(".")
        counter[f".{suffix.lower()}" if dot and stem else "none"] += 1
    return dict(counter.most_common())


def shown_names(paths: Sequence[bytes]) -> list[str]:
    """`shown_name` of each, at one look for all where none needs quotes."""
    try:
        text = b"\0".join(paths).decode("utf-8")
    except UnicodeDecodeError:
        return [shown_name(path) for path in paths]
    if text.replace("\0", "").isprintable() and not ('"' in text or "<" in text):
        return text.split("\0") if paths else []
    return [shown_name(path) for path in paths]
