"""Files that a user names: for a text to read (a question, a schema, a list of paths), or to write into.

Such a name may be anything that a shell makes: `<(command)`, a named pipe, a device. None of them may hang a run or
fill the memory: a pipe without its other end is refused, and so is a text that is larger than any can be.
"""

from __future__ import annotations

import errno
import os
import select
import stat
import time

LARGEST = 256 << 20
"""Bytes of a text."""
_WAIT_SECONDS = 5.0  # for the writer of a named pipe
_PAUSE_SECONDS = 0.02
_PIECE = 1 << 20

Path = str | os.PathLike[str]


def read(path: Path) -> bytes:
    """The bytes of a file. Raises OSError, also for more than `LARGEST` and for a pipe that nobody writes to."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        pieces = [_first(descriptor)] if stat.S_ISFIFO(os.fstat(descriptor).st_mode) else []
        os.set_blocking(descriptor, True)
        size = 0
        while data := os.read(descriptor, _PIECE):
            pieces.append(data)
            size += len(data)
            if size > LARGEST:
                raise OSError(errno.EFBIG, f"more than {LARGEST >> 20} MB")
        return b"".join(pieces)
    finally:
        os.close(descriptor)


def _first(descriptor: int) -> bytes:
    """The first bytes of a pipe, or none as soon as it has a writer."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    until = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            data = os.read(descriptor, _PIECE)
        except BlockingIOError:  # there is a writer, and it has not written yet
            return b""
        if data or poll.poll(0):  # a writer that has come and gone is told as a hang-up
            return data
        if time.monotonic() > until:
            raise OSError(errno.ENXIO, "nobody writes to this pipe")
        time.sleep(_PAUSE_SECONDS)


def open_for_writing(path: Path, flags: int = 0, mode: int = 0o666) -> int:
    """A descriptor for writing. Raises OSError, also for a pipe that nobody reads."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC | flags, mode)
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise OSError(errno.ENXIO, "nobody reads from this pipe") from None
        raise
    os.set_blocking(descriptor, True)
    return descriptor
