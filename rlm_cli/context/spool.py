"""What arrives in a pipe: kept in a file without a name, at the speed of `cat`, so that it can be mapped.

`readv` into a small buffer takes the time of `cat > file`; `splice` took six times as long, as it moves page by page.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import select
import time
from collections.abc import Callable
from pathlib import Path

from rlm_cli.errors import InputError

Progress = Callable[[str, int], None]
"""Told what is being done and how many bytes of it are done, at most four times a second. May raise to stop it."""

# What goes round between the two processes fits the processor's cache, even one that others use: on a busy machine
# 256 KiB at once took up to 1.9x the time, a megabyte 2.6x.
_PIPE = 1 << 18  # bytes that the kernel may hold between two reads
_PIECE = 1 << 17  # bytes a read
QUIET = 1.0  # seconds before the first word of progress
_TICK = 0.25
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Pace:
    """Lets progress through: nothing in the first second, then at most four times a second."""

    def __init__(self, what: str, progress: Progress | None) -> None:
        self._what = what
        self._progress = progress
        self._next = time.monotonic() + QUIET

    def tell(self, done: int) -> None:
        if self._progress is not None and time.monotonic() >= self._next:
            self._next = time.monotonic() + _TICK
            self._progress(self._what, done)


def nameless_file(directory: Path) -> int:
    """A descriptor of a new file in `directory` that vanishes with its last descriptor."""
    try:
        return os.open(directory, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError:  # a file system without O_TMPFILE
        import tempfile

        descriptor, name = tempfile.mkstemp(dir=directory, prefix=".spool-")
        os.unlink(name)
        return descriptor


def reopened(descriptor: int) -> int:
    """A read-only descriptor of the same file with a place of its own."""
    try:
        return os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return os.dup(descriptor)


def write_all(descriptor: int, data: memoryview | bytes) -> None:
    """Write all of `data`. Raises OSError."""
    written = os.write(descriptor, data)
    while written < len(data):
        written += os.write(descriptor, data[written:])


def spool(source: int, directory: Path, progress: Progress | None = None, name: str = "standard input") -> int:
    """Read `source` to its end into a nameless file in `directory`; returns a read-only descriptor of it.

    Raises `InputError` when the disk is full or the source breaks.
    """
    with_room = nameless_file(directory)
    done = 0
    pace = Pace(f"reading {name}", progress)
    try:
        with contextlib.suppress(OSError):
            fcntl.fcntl(source, fcntl.F_SETPIPE_SZ, _PIPE)  # fewer wake-ups of both sides
        ready = select.poll()
        ready.register(source, select.POLLIN)
        buffer = bytearray(_PIECE)
        view = memoryview(buffer)
        while True:
            while not ready.poll(_TICK * 1000):
                pace.tell(done)
            try:
                count = os.readv(source, [buffer])
            except BlockingIOError:
                continue
            if not count:
                break
            write_all(with_room, view[:count])
            done += count
            pace.tell(done)
        return reopened(with_room)
    except OSError as error:
        if error.errno in _FULL:
            raise disk_full(name, done, directory) from None
        raise InputError(f"{name} broke off after {done:,} bytes: {error.strerror}.") from None
    finally:
        os.close(with_room)


def disk_full(name: str, done: int, directory: Path) -> InputError:
    """The error for a disk without room for what has to be kept."""
    return InputError(
        f"no room on the disk of {directory}: {name} did not fit, {done:,} bytes had been kept.",
        "Make room there, or send less through the pipe.",
    )


def is_disk_full(error: OSError) -> bool:
    return error.errno in _FULL
