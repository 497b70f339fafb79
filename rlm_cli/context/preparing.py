"""From files that were found to files that can be read: what is in a pipe, compressed, or not UTF-8 is made text."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rlm_cli.context.cache import TextCache, digest
from rlm_cli.context.containers import SUFFIXES, compressed_form, container
from rlm_cli.context.decoding import HEAD, NotRead, Reading, checked_encoding, copy_text
from rlm_cli.context.options import InputOptions
from rlm_cli.context.sources import STDIN, Sources
from rlm_cli.context.spool import Pace, Progress, reopened, spool
from rlm_cli.context.table import shown_name, shown_names

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Backing:
    """Where the bytes of a file are, when not at the path that its name says."""

    path: bytes = b""
    descriptor: int | None = None  # what came in a pipe
    on_disk: bool = False  # a user's file, which may change
    source: bytes = b""  # the user's file that it was unpacked or decoded from

    def open(self, directory: int) -> int:
        """A read-only descriptor. Raises OSError."""
        if self.descriptor is not None:
            return reopened(self.descriptor)
        return os.open(self.path, _FLAGS, dir_fd=directory)


@dataclass(slots=True)
class Prepared:
    """The columns of a corpus."""

    names: list[str] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)  # bytes of text
    found_sizes: list[int] = field(default_factory=list)  # bytes on disk
    times: list[int] = field(default_factory=list)
    inodes: list[int] = field(default_factory=list)
    bases: dict[int, int] = field(default_factory=dict)
    backings: dict[int, Backing] = field(default_factory=dict)
    looked_at: bytearray = field(default_factory=bytearray)
    spooled: int | None = None  # what came in by standard input, as it came


class Preparing:
    """Turns `Sources` into `Prepared`. What must be undone at the end goes to `cleanup`."""

    def __init__(
        self, sources: Sources, options: InputOptions, cleanup: contextlib.ExitStack, progress: Progress | None
    ) -> None:
        self._sources = sources
        self._found = sources.found
        self._options = options
        self._cleanup = cleanup
        self._progress = progress
        self._reading = Reading(checked_encoding(options.encoding), options.binary, options.include_secrets)
        self._out = Prepared()
        self._directory: Path | None = None
        self._cache: TextCache | None = None

    def run(self) -> Prepared:
        found, out = self._found, self._out
        count = len(found)
        if count <= self._options.eager_files or self._reading.encoding:
            for number in range(count):
                self._prepare(number)
        else:
            odd = sorted(
                {number for number, path in enumerate(found.paths) if path.lower().endswith(SUFFIXES)}
                | self._sources.named
                | self._sources.pipes.keys()
            )
            start = 0
            for number in odd:
                self._take(start, number)
                self._prepare(number)
                start = number + 1
            self._take(start, count)
        if self._cache is not None:
            self._cache.evict()
        return out

    # --- one file ---

    def _take(self, start: int, end: int) -> None:
        """Take files as they were found; they are looked into when they are opened."""
        if start == end:
            return
        found, out = self._found, self._out
        out.names += shown_names(found.paths[start:end])
        out.sizes += found.sizes[start:end]
        out.found_sizes += found.sizes[start:end]
        out.times += found.times[start:end]
        out.inodes += found.inodes[start:end]
        out.looked_at += bytes(end - start)

    def _put(self, number: int, name: str, size: int, *, base: int = 0, backing: Backing | None = None) -> None:
        found, out = self._found, self._out
        if base:
            out.bases[len(out.names)] = base
        if backing is not None:
            out.backings[len(out.names)] = backing
        out.names.append(name)
        out.sizes.append(size)
        out.found_sizes.append(found.sizes[number])
        out.times.append(found.times[number])
        out.inodes.append(found.inodes[number])
        out.looked_at.append(1)

    def _prepare(self, number: int) -> None:
        """Look into one file and take it as what it is, or tell why not."""
        path = self._found.paths[number]
        if number in self._sources.pipes:
            self._prepare_pipe(number, path)
            return
        link = self._sources.links.get(number)
        try:
            descriptor = os.open(path if link is None else link, _FLAGS)
        except OSError:
            self._skip("unreadable", path)
            return
        try:
            backing = None if link is None else Backing(path=link, on_disk=True)
            self._prepare_open(number, descriptor, path, backing)
        except NotRead as refusal:
            self._skip(refusal.reason, path)
        except OSError:
            self._skip("unreadable", path)
        finally:
            os.close(descriptor)

    def _prepare_open(self, number: int, descriptor: int, path: bytes, backing: Backing | None) -> None:
        head = os.pread(descriptor, HEAD, 0)
        kind = container(path, head)
        if kind is not None:
            self._expand(number, descriptor, path, kind)
            return
        encoding, skip = self._reading.judge(head)
        size = self._found.sizes[number]
        # Files of /proc and /sys say that they are empty, or a page long: they are read once, as they are now.
        if head and (encoding or len(head) != min(size, HEAD)):
            self._decode(number, descriptor, shown_name(path), encoding)
        else:
            self._put(number, shown_name(path), max(0, size - skip), base=skip, backing=backing)

    def _prepare_pipe(self, number: int, path: bytes) -> None:
        source = self._sources.pipes[number]
        name = "<stdin>" if path == STDIN else shown_name(path)
        regular = os.path.isfile(f"/proc/self/fd/{source}")
        offset = os.lseek(source, 0, os.SEEK_CUR) if regular else 0
        told = "standard input" if path == STDIN else name
        descriptor = reopened(source) if regular else spool(source, self._place(), self._progress, told)
        self._cleanup.callback(os.close, descriptor)
        if path == STDIN and not regular:
            self._out.spooled = descriptor
        size = os.fstat(descriptor).st_size
        self._found.sizes[number] = size
        self._found.times[number] = self._found.inodes[number] = 0  # the same text is the same input
        head = os.pread(descriptor, HEAD, offset)
        try:
            if compressed_form(head) is not None and not offset:
                self._expand(number, descriptor, path, "stream", name)
                return
            encoding, skip = self._reading.judge(head)
        except NotRead as refusal:
            self._skip(refusal.reason, path)
            return
        if encoding and head:
            self._decode(number, descriptor, name, encoding)
            return
        base = offset + skip
        backing = Backing(descriptor=descriptor)
        self._put(number, name, max(0, size - base), base=base, backing=backing)

    # --- what is kept in the cache ---

    def _decode(self, number: int, descriptor: int, name: str, encoding: str) -> None:
        cache = self._texts()
        key = digest(descriptor, "text", encoding)
        index = cache.get(key) or cache.put(key, lambda target: self._decoded(descriptor, target, name), name)
        source = self._source(number)
        self._put(number, name, int(index["size"]), backing=Backing(path=os.fsencode(cache.path(key)), source=source))

    def _decoded(self, descriptor: int, target: int, name: str) -> dict[str, Any]:
        pace = Pace(f"decoding {name}", self._progress)
        at = 0

        def read(size: int) -> bytes:
            nonlocal at
            data = os.pread(descriptor, size, at)
            at += len(data)
            pace.tell(at)
            return data

        return {"size": copy_text(read, target, self._reading)}

    def _expand(self, number: int, descriptor: int, path: bytes, kind: str, name: str = "") -> None:
        """Take a compressed file as one file, or an archive as its members. Raises `NotRead`."""
        from rlm_cli.context.archives import expand_archive, expand_stream  # six decompressors: most inputs need none

        name = name or shown_name(path)
        limit, reading, cache = self._options.max_decompressed, self._reading, self._texts()
        pace = Pace(f"decompressing {name}", self._progress)
        key = digest(descriptor, kind, repr(reading))

        def write(target: int) -> dict[str, Any]:
            if kind == "stream":
                return expand_stream(descriptor, target, reading, limit=limit, pace=pace)
            return expand_archive(descriptor, target, kind, reading, limit=limit, pace=pace)

        index = cache.get(key)
        if index is not None and cache.path(key).stat().st_size > limit:
            raise NotRead("too large")
        index = index or cache.put(key, write, name)
        backing = Backing(path=os.fsencode(cache.path(key)), source=self._source(number))
        if kind == "stream":
            self._put(number, name, int(index["size"]), backing=backing)
            return
        for reason, (count, names) in index["skipped"].items():
            self._sources.skipped.add(reason, path, b"!/", names[0].encode("utf-8", "surrogateescape"), count=count)
        for member, base, size in index["members"]:
            inner = member.encode("utf-8", "surrogateescape")
            reason = self._sources.member_reason(path, inner, named=number in self._sources.named)
            if reason:
                self._sources.skipped.add(reason, path, b"!/", inner)
            else:
                self._put(number, shown_name(path + b"!/" + inner), size, base=base, backing=backing)

    def _source(self, number: int) -> bytes:
        """Where the file itself is; nothing for a pipe."""
        return b"" if number in self._sources.pipes else self._sources.links.get(number, self._found.paths[number])

    def _skip(self, reason: str, path: bytes) -> None:
        self._sources.skipped.add(reason, path)

    def _texts(self) -> TextCache:
        if self._cache is None:
            self._cache = TextCache(self._place() / "texts", self._options.cache_limit)
        return self._cache

    def _place(self) -> Path:
        """The directory for what must be kept; made on first need."""
        if self._directory is None:
            self._directory = self._options.cache
            if self._directory is None:
                import shutil
                import tempfile

                self._directory = Path(tempfile.mkdtemp(prefix="rlm-"))
                self._cleanup.callback(shutil.rmtree, self._directory, ignore_errors=True)
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self._directory
