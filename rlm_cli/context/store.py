"""The bytes behind a corpus, inside one process: read where they are used, never held.

Small files are read whole by one sized read and kept for a while; large ones stay open, a few at a time. Reads of up to
`READ` bytes are `pread`: a file that shrinks under them yields fewer bytes. Longer ones, where a scan at memory speed
matters, may be a map of the file. The file's size is looked at before each of those; a file cut while a scan is inside
such a stretch still raises SIGBUS, which no Python code can catch, so a process that must not die says `maps=False`.
"""

from __future__ import annotations

import mmap
import os
from array import array
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence

from rlm_cli.context.coverage import Coverage
from rlm_cli.context.offsets import BLOCK, Buffer, Newlines, Offsets, decode
from rlm_cli.context.spans import FileNames

SMALL = 1 << 20
"""Bytes up to which a file is read whole."""
READ = 1 << 18
"""Bytes up to which a read of a large file copies. Longer ones are mapped."""
KEPT = 8 << 20
"""Bytes of small files that are kept."""
OPEN = 32
"""Large files open at once. A mapped one takes two descriptors."""
AHEAD = 32
"""Small files that are opened with one request where they are read in order."""

OpenFile = Callable[[int], int]
OpenFiles = Callable[[Sequence[int]], Sequence[int | Exception]]


class ByteStore:
    """What `Text` needs of a store: bytes, sizes, and the offsets that were counted so far."""

    files: FileNames
    coverage: Coverage | None

    def __init__(self, files: FileNames, coverage: Coverage | None = None) -> None:
        self.files = files
        self.coverage = coverage
        self._characters = array("q")  # of whole small files; -1 where not counted
        self._offsets: OrderedDict[tuple[int, int], Offsets] = OrderedDict()
        self._newlines: OrderedDict[int, Newlines] = OrderedDict()

    def size(self, file: int) -> int:
        """Bytes of the file for the whole run: as it was when first opened, 0 for one that cannot be read."""
        raise NotImplementedError

    def peek(self, file: int, start: int, end: int) -> Buffer:
        """Like `view`, without a note in the account: for counting characters and lines."""
        raise NotImplementedError

    def view(self, file: int, start: int, end: int) -> Buffer:
        """The bytes from `start` to `end`; fewer where the file has been truncated since."""
        if self.coverage is not None:
            self.coverage.add(file, start, min(end, self.size(file)))
        return self.peek(file, start, end)

    def saw(self, file: int, start: int, end: int) -> None:
        """Note that bytes got by `peek` were looked at after all."""
        if self.coverage is not None:
            self.coverage.add(file, start, end)

    def exact(self, file: int, start: int, end: int) -> Buffer:
        """Like `peek`, and exactly `end - start` bytes: where the file has been truncated since, NUL takes their place.

        So every offset that was counted stays true for the run.
        """
        data = self.peek(file, start, end)
        missing = end - start - len(data)
        return bytes(data) + bytes(missing) if missing > 0 else data

    def characters(self, file: int) -> int:
        """Characters of the whole file. Counted once."""
        if file >= len(self._characters):
            more = max(len(self.files), file + 1) - len(self._characters)
            self._characters.extend(array("q", [-1]) * more)
        known = self._characters[file]
        if known < 0:
            size = self.size(file)
            known = len(decode(self.exact(file, 0, size))) if size <= BLOCK else self.offsets(file, 0).total()
            self._characters[file] = known
        return known

    def offsets(self, file: int, base: int) -> Offsets:
        """Character offsets of the file from byte `base` on."""
        key = (file, base)
        offsets = self._offsets.get(key)
        if offsets is None:
            offsets = self._offsets[key] = Offsets(lambda a, b: self.exact(file, a, b), base, self.size(file))
            if len(self._offsets) > 256:
                self._offsets.popitem(last=False)
        else:
            self._offsets.move_to_end(key)
        return offsets

    def line_span(self, file: int, first: int, last: int) -> tuple[int, int] | None:
        """The bytes of lines `first` to `last` (from 1), without the last line end; None where there is none such."""
        newlines, size = self.newlines(file), self.size(file)
        start = newlines.start_of(first)
        if first < 1 or last < first or start < 0 or (start >= size and first > 1):
            return None
        after = newlines.start_of(last + 1)
        return start, size if after < 0 else max(start, after - 1)

    def newlines(self, file: int) -> Newlines:
        """Line numbers of the file."""
        newlines = self._newlines.get(file)
        if newlines is None:
            newlines = self._newlines[file] = Newlines(lambda a, b: self.exact(file, a, b), self.size(file))
            if len(self._newlines) > 256:
                self._newlines.popitem(last=False)
        else:
            self._newlines.move_to_end(file)
        return newlines


class _Open:
    """A large file that is open: its descriptor, and its map once one was needed."""

    __slots__ = ("descriptor", "map")

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.map: memoryview | None = None

    def close(self) -> None:
        os.close(self.descriptor)
        self.map = None  # unmapped when the last view of it is gone


class MappedStore(ByteStore):
    """The files of a corpus. `open_file(number)` gives a read-only descriptor that this store owns and closes.

    `open_files`, where given, opens several at once, in order, with an exception in the place of each that failed: one
    request to the host in place of many. A file that cannot be opened is empty for the rest of the run and its reason
    is in `failed`; one that was found shorter than it had been is in `truncated`.
    """

    def __init__(
        self,
        files: FileNames,
        open_file: OpenFile,
        coverage: Coverage | None = None,
        *,
        maps: bool = True,
        open_files: OpenFiles | None = None,
    ) -> None:
        super().__init__(files, coverage)
        self.failed: dict[int, Exception] = {}
        self.truncated: set[int] = set()
        self._open_file = open_file
        self._open_files = open_files
        self._maps = maps
        self._sizes = array("q", [-1]) * len(files)
        self._bases = array("q", [0]) * len(files)
        self._small: OrderedDict[int, bytes] = OrderedDict()
        self._small_bytes = 0
        self._large: OrderedDict[int, _Open] = OrderedDict()
        self._last = -1

    def size(self, file: int) -> int:
        size = self._sizes[file]
        if size < 0:
            self._load(file)
            size = self._sizes[file]
        return size

    def peek(self, file: int, start: int, end: int) -> Buffer:
        end = min(end, self.size(file))
        if end <= start:
            return b""
        if self._sizes[file] <= SMALL:
            data = self._small.get(file)
            if data is None:
                self._load(file)
                data = self._small.get(file, b"")
            return memoryview(data)[start:end]
        opened = self._large.get(file)
        if opened is None:
            self._load(file)
            opened = self._large.get(file)
            if opened is None:
                return b""
        self._large.move_to_end(file)
        base = self._bases[file]
        if self._maps and end - start > READ:
            mapped = self._mapped(file, opened, base + end)
            if mapped is not None:
                return mapped[base + start : base + end]
        data = _read(opened.descriptor, base + start, end - start)
        if len(data) < end - start:
            self.truncated.add(file)
        return data

    def _mapped(self, file: int, opened: _Open, end: int) -> memoryview | None:
        """The map of the file when its bytes up to `end` are there; None says to copy instead."""
        if file in self.truncated or os.fstat(opened.descriptor).st_size < end:
            self.truncated.add(file)
            opened.map = None
            return None
        if opened.map is None:
            try:
                length = self._bases[file] + self._sizes[file]
                opened.map = memoryview(mmap.mmap(opened.descriptor, length, prot=mmap.PROT_READ))
            except (OSError, ValueError):  # forbidden, no address space, or shorter by now
                return None
        return opened.map

    def _load(self, file: int) -> None:
        """Open the file, settle its size the first time, and read it when it is small."""
        if file in self.failed:
            return
        wanted = [file]
        if self._open_files is not None and file == self._last + 1:
            wanted += self._following(file)
        self._last = wanted[-1]
        if len(wanted) == 1 or self._open_files is None:
            try:
                self._settle(file, self._open_file(file))
            except Exception as error:
                self._fail(file, error)
            return
        opened = list(zip(wanted, self._open_files(wanted), strict=True))
        try:
            while opened:
                self._settle_or_fail(*opened.pop(0))
        finally:  # interrupted: what is not settled belongs to nobody
            for _, descriptor in opened:
                if not isinstance(descriptor, Exception):
                    os.close(descriptor)

    def _settle_or_fail(self, file: int, descriptor: int | Exception) -> None:
        if isinstance(descriptor, Exception):
            self._fail(file, descriptor)
            return
        try:
            self._settle(file, descriptor)
        except OSError as error:
            self._fail(file, error)

    def _following(self, file: int) -> list[int]:
        """The small files after `file` that are worth opening with it: half of what is kept, and `AHEAD` at most."""
        following: list[int] = []
        room = KEPT // 2
        for number in range(file + 1, min(file + AHEAD, len(self._sizes))):
            room -= self.files.size(number)
            if room < 0 or self._sizes[number] >= 0 or self.files.size(number) > SMALL:
                break
            following.append(number)
        return following

    def _fail(self, file: int, error: Exception) -> None:
        self.failed[file] = error
        self._sizes[file] = max(self._sizes[file], 0)

    def _settle(self, file: int, descriptor: int) -> None:
        try:
            size, base = self._sizes[file], self._bases[file]
            if size < 0:
                base = self.files.base(file)
                size = max(0, min(self.files.size(file), os.fstat(descriptor).st_size - base))
            if size <= SMALL:
                data = _read(descriptor, base, size)
        except BaseException:
            os.close(descriptor)
            raise
        self._sizes[file], self._bases[file] = size, base
        if size > SMALL:
            self._large[file] = _Open(descriptor)
            if len(self._large) > OPEN:
                self._large.popitem(last=False)[1].close()
            return
        os.close(descriptor)
        if len(data) < size:
            self.truncated.add(file)
        self._small[file] = data
        self._small_bytes += len(data)
        while self._small_bytes > KEPT and len(self._small) > AHEAD:
            self._small_bytes -= len(self._small.popitem(last=False)[1])

    def close(self) -> None:
        """Close every descriptor. Views that were handed out stay good."""
        while self._large:
            self._large.popitem()[1].close()


def _read(descriptor: int, start: int, count: int) -> bytes:
    """`count` bytes from `start`, fewer at the end of the file."""
    data = os.pread(descriptor, count, start)
    if len(data) == count or not data:
        return data
    pieces = [data]
    got = len(data)
    while got < count:
        data = os.pread(descriptor, count - got, start + got)
        if not data:
            break
        pieces.append(data)
        got += len(data)
    return b"".join(pieces)


class MemoryStore(ByteStore):
    """Files that are bytes in memory: for tests, and for text that never was a file."""

    def __init__(self, contents: Mapping[str, bytes] | Sequence[bytes] = (), coverage: Coverage | None = None) -> None:
        named = contents if isinstance(contents, Mapping) else {f"<{n}>": data for n, data in enumerate(contents)}
        self._contents = list(named.values())
        super().__init__(_Names(list(named), self._contents), coverage)

    def size(self, file: int) -> int:
        return len(self._contents[file])

    def peek(self, file: int, start: int, end: int) -> Buffer:
        return memoryview(self._contents[file])[start : max(start, end)]


class _Names:
    """Names and sizes of a few files."""

    def __init__(self, names: list[str], contents: list[bytes]) -> None:
        self._names = names
        self._contents = contents
        self._numbers = {name: number for number, name in enumerate(names)}

    def __len__(self) -> int:
        return len(self._names)

    def name(self, file: int) -> str:
        return self._names[file]

    def size(self, file: int) -> int:
        return len(self._contents[file])

    def base(self, file: int) -> int:
        return 0

    def number(self, name: str) -> int | None:
        return self._numbers.get(name)
