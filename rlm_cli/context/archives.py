"""Compressed files and archives as text: decompressed once, in a stream, never to a path that an archive names.

Whatever an archive says of itself is not believed: bytes are counted as they come out, and the first one too many ends
it. Members become files under names such as `logs.tar.gz!/a/b.log`.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, cast

from rlm_cli.context.containers import Form, compressed_form
from rlm_cli.context.decoding import NotRead, Reading, copy_text
from rlm_cli.context.discovery import Skipped
from rlm_cli.context.secrets import is_secret
from rlm_cli.context.spool import Pace, is_disk_full

_MEMORY = 256 << 20  # bytes that a decompressor may take for its window
_LONGEST_HEADER = 1 << 20  # bytes of a tar extension header, or of a map of a sparse member: names and places, not data
_MOST_MEMBERS = 1_000_000
# `zipfile` reads a whole directory before it gives the first member of it, and holds 0.7 kB a member (measured).
_MOST_ZIPPED = 200_000
_LARGEST_DIRECTORY = 32 << 20  # bytes
# LZMA is not among them: in a zip file it may ask for 4 GB of memory, and `lzma` takes no limit there.
_ZIP_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)
_ZIPPED = b"PK\x01\x02"  # what each member's entry begins with
_TOO_MANY = "archive with too many members"
_DAMAGE = (
    EOFError,
    zlib.error,
    lzma.LZMAError,
    tarfile.TarError,
    zipfile.BadZipFile,
    NotImplementedError,
    ValueError,
    struct.error,
    IndexError,
    OSError,
)


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


# --- streams -------------------------------------------------------------------------------------------------------


class _Xz:
    """An xz stream with bounded memory, which `lzma.LZMAFile` does not offer."""

    def __init__(self, file: Readable) -> None:
        self._file = file
        self._decompressor = lzma.LZMADecompressor(memlimit=_MEMORY)

    def read(self, size: int, /) -> bytes:
        while True:
            if self._decompressor.eof:
                rest = self._decompressor.unused_data.lstrip(b"\0") or self._file.read(1 << 16).lstrip(b"\0")
                if not rest:
                    return b""
                self._decompressor = lzma.LZMADecompressor(memlimit=_MEMORY)
                data = self._decompressor.decompress(rest, size)
            else:
                fresh = self._file.read(1 << 16) if self._decompressor.needs_input else b""
                if self._decompressor.needs_input and not fresh:
                    raise EOFError("the stream ends too early")
                data = self._decompressor.decompress(fresh, size)
            if data:
                return data


class _Zstd:
    """A zstd stream that knows when it was cut short, which the reader of `zstandard` does not tell."""

    # One byte of a hostile stream can stand for 32 kB, and what a piece stands for is held at once.
    _PIECE = 2048

    def __init__(self, file: Readable) -> None:
        self._file = file
        self._decompressor = _zstd_decompressor()
        self._started = False
        self._ready = b""
        self._at = 0

    def read(self, size: int, /) -> bytes:
        while self._at == len(self._ready):
            rest: bytes = self._decompressor.unused_data if self._decompressor.eof else b""
            fresh = rest or self._file.read(self._PIECE)
            if self._decompressor.eof and fresh:
                self._decompressor, self._started = _zstd_decompressor(), False
            if not fresh:
                if self._started and not self._decompressor.eof:
                    raise EOFError("the stream ends too early")
                return b""
            self._started = True
            self._ready, self._at = self._decompressor.decompress(fresh), 0
        data = self._ready[self._at : self._at + size]
        self._at += len(data)
        return data


def _zstd_decompressor() -> Any:
    try:
        import zstandard
    except ImportError:  # Python 3.14 and later ship it
        from compression import zstd  # type: ignore[import-not-found,unused-ignore]

        return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: 28})
    return zstandard.ZstdDecompressor(max_window_size=_MEMORY).decompressobj()


_OPENERS: dict[Form, Callable[[Any], Readable]] = {
    "gz": lambda file: gzip.GzipFile(fileobj=file),
    "bz2": bz2.BZ2File,
    "xz": _Xz,
    "zst": _Zstd,
}


class _Counted:
    """Counts what is read and stops at the limit; within `headers` at `_LONGEST_HEADER` more bytes."""

    def __init__(self, file: Readable, limit: int, pace: Pace) -> None:
        self._file = file
        self._limit = limit
        self._pace = pace
        self._header_end: int | None = None
        self.count = 0

    def read(self, size: int, /) -> bytes:
        data = self._file.read(size)
        self.count += len(data)
        if self.count > self._limit:
            raise NotRead("too large")
        if self._header_end is not None and self.count > self._header_end:
            raise NotRead("damaged archive")
        self._pace.tell(self.count)
        return data

    @contextmanager
    def headers(self) -> Iterator[None]:
        """What is read inside is headers, which a reader holds: entries of a few bytes become objects of a hundred."""
        before = self._header_end
        if before is None:
            self._header_end = self.count + 4 * _LONGEST_HEADER
        try:
            yield
        finally:
            self._header_end = before

    def of(self, file: Readable) -> _Counted:
        """The next file under the same limit."""
        self._file = file
        return self


def _damaged(error: Exception) -> NotRead:
    if isinstance(error, OSError) and is_disk_full(error):
        raise error
    return NotRead("damaged archive")


def expand_stream(source: int, target: int, reading: Reading, *, limit: int, pace: Pace) -> dict[str, Any]:
    """Write the text of the compressed file `source` to `target`; returns the index.

    Raises `NotRead` for what is binary, damaged, or larger than `limit` bytes, and OSError for the disk.
    """
    form = compressed_form(os.pread(source, 16, 0))
    with os.fdopen(os.dup(source), "rb") as file:
        file.seek(0)
        try:
            counted = _Counted(_OPENERS[form or "gz"](file), limit, pace)
            return {"size": copy_text(counted.read, target, reading)}
        except NotRead:
            raise
        except Exception as error:
            if isinstance(error, _DAMAGE) or type(error).__name__ == "ZstdError":
                raise _damaged(error) from None
            raise


# --- archives ------------------------------------------------------------------------------------------------------


class _TarHeader(tarfile.TarInfo):
    """A member's header, with extension headers bounded: `tarfile` reads them, and maps of sparse members, to the end
    that they name, and holds them."""

    def _proc_member(self, archive: tarfile.TarFile) -> Any:
        extension = self.type not in tarfile.SUPPORTED_TYPES or self.type in (
            tarfile.GNUTYPE_LONGNAME,
            tarfile.GNUTYPE_LONGLINK,
            tarfile.XHDTYPE,
            tarfile.XGLTYPE,
            tarfile.SOLARIS_XHDTYPE,
        )
        if extension and self.type not in tarfile.REGULAR_TYPES and self.size > _LONGEST_HEADER:
            raise tarfile.HeaderError("an extension header that long is no header")
        raw: _Counted = archive.fileobj.fileobj  # type: ignore[attr-defined]  # below the blocks that `r|` reads in
        with raw.headers():
            return super()._proc_member(archive)  # type: ignore[misc]


def _tar_members(file: Any, counted: _Counted, form: Form | None) -> Iterator[tuple[bytes, str, Readable | None]]:
    stream: Any = counted.of(file if form is None else _OPENERS[form](file))
    with tarfile.open(fileobj=stream, mode="r|", tarinfo=_TarHeader, errors="surrogateescape") as archive:
        for member in archive:
            name = member.name.encode("utf-8", "surrogateescape")
            if member.isreg():
                yield name, "", archive.extractfile(member)
            elif not member.isdir():
                yield name, "symlink" if member.issym() or member.islnk() else "special file", None
            vars(archive)["members"].clear()  # or tarfile would keep every header


class _ZipFile:
    """A zip file whose directory is bounded: what the end of the file says of its size and count may be forged."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable
        self.opening = True

    def read(self, size: int = -1, /) -> bytes:
        if not self.opening:
            return cast(bytes, self._file.read(size))
        if size > _LARGEST_DIRECTORY:
            raise NotRead(_TOO_MANY)
        data: bytes = self._file.read(size)
        if data.count(_ZIPPED) > _MOST_ZIPPED:
            raise NotRead(_TOO_MANY)
        return data


def _zip_members(file: Any) -> Iterator[tuple[bytes, str, Readable | None]]:
    bounded = _ZipFile(file)
    with zipfile.ZipFile(cast(Any, bounded)) as archive:
        bounded.opening = False
        for member in archive.infolist():
            name = member.filename.encode("utf-8", "surrogateescape")
            kind = stat.S_IFMT(member.external_attr >> 16)
            if member.is_dir():
                continue
            if kind not in (0, stat.S_IFREG):
                yield name, "symlink" if kind == stat.S_IFLNK else "special file", None
            elif member.flag_bits & 1:
                yield name, "encrypted", None
            elif member.compress_type not in _ZIP_METHODS:
                yield name, "unsupported compression", None
            else:
                with archive.open(member) as opened:
                    yield name, "", opened


def _clean(name: bytes) -> bytes:
    """A member's path as it is shown: relative, without steps upward."""
    return b"/".join(part for part in name.split(b"/") if part not in (b"", b".", b".."))


def _unlike(name: bytes, taken: dict[bytes, int]) -> bytes:
    """`name`, or with a number behind it where the archive has it twice: each text has a name of its own."""
    unlike = name
    while unlike in taken:
        taken[name] += 1
        unlike = name + b" (%d)" % taken[name]
    taken[unlike] = 1
    return unlike


def expand_archive(source: int, target: int, kind: str, reading: Reading, *, limit: int, pace: Pace) -> dict[str, Any]:
    """Write the texts of all members to `target`, one behind the other; returns the index.

    The index holds `members`, a list of [name, base, size], and `skipped`, reason → [count, names]; names are text with
    surrogate escapes. Raises as `expand_stream`.
    """
    members: list[list[Any]] = []
    taken: dict[bytes, int] = {}
    skipped = Skipped()
    base = 0
    with os.fdopen(os.dup(source), "rb") as file:
        file.seek(0)
        texts = _Counted(file, limit, pace)  # what is written: a sparse member is longer than what is read for it
        try:
            form = compressed_form(file.read(16))
            file.seek(0)
            parts = _zip_members(file) if kind == "zip" else _tar_members(file, _Counted(file, limit, pace), form)
            for number, (raw, why, content) in enumerate(parts):
                name = _clean(raw)
                if number >= _MOST_MEMBERS:
                    raise NotRead(_TOO_MANY)
                if not why and not reading.secrets and is_secret(name):
                    why = "secret"  # noqa: PLW2901
                if why or content is None or not name:
                    skipped.add(why or "special file", name)
                    continue
                try:
                    size = copy_text(texts.of(content).read, target, reading)
                except NotRead as refusal:
                    if refusal.reason == "too large":
                        raise
                    skipped.add(refusal.reason, name)
                    continue
                members.append([_unlike(name, taken).decode("utf-8", "surrogateescape"), base, size])
                base += size
        except NotRead:
            raise
        except Exception as error:
            if isinstance(error, (*_DAMAGE, RuntimeError)) or type(error).__name__ == "ZstdError":
                raise _damaged(error) from None
            raise
    told = {
        reason: [count, [path.decode("utf-8", "surrogateescape") for path in skipped.examples[reason]]]
        for reason, count in skipped.counts.items()
    }
    return {"members": members, "skipped": told}
