"""Directories of a tree opened by name in the one above, so that no link leads out of it, whoever changes it meanwhile.

A path is looked up anew at each use, and somebody may have made a link of any part of it since; a descriptor stays
what it was when it was opened.
"""

from __future__ import annotations

import errno
import os

_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_MOST = 64  # descriptors; what lies deeper is opened from the deepest of them, a step at a time
_REPLACED = (errno.ENOTDIR, errno.ELOOP)


def is_replaced(error: OSError) -> bool:
    """Whether `error` says that something else stands where a directory was seen."""
    return error.errno in _REPLACED


def open_below(directory: int, path: bytes) -> int:
    """A descriptor of the directory at the relative `path`, no part of which may be a link. Raises OSError."""
    at = directory
    for name in path.strip(b"/").split(b"/"):
        try:
            below = os.open(name, _FLAGS, dir_fd=at)
        finally:
            if at != directory:
                os.close(at)
        at = below
    return at


class Directories:
    """The open directories on the way from the top of a tree to where a walk is, at most `_MOST` of them."""

    def __init__(self) -> None:
        self._held: list[tuple[bytes, int]] = []  # path with a slash at the end, descriptor

    def open(self, path: bytes) -> int:
        """A descriptor of the directory at the absolute `path` (with a slash at the end), below what is held.

        The caller closes it or gives it to `keep`. What is held and not above it is closed: a walk does not come back.
        Raises OSError.
        """
        while self._held and not path.startswith(self._held[-1][0]):
            os.close(self._held.pop()[1])
        if not self._held:
            return os.open(path, _FLAGS)
        above, descriptor = self._held[-1]
        below = path[len(above) : -1]
        return open_below(descriptor, below) if b"/" in below else os.open(below, _FLAGS, dir_fd=descriptor)

    def keep(self, path: bytes, descriptor: int) -> None:
        """Hold the directory at `path` for those below it, or close it where enough are held."""
        if len(self._held) < _MOST:
            self._held.append((path, descriptor))
        else:
            os.close(descriptor)

    def close(self) -> None:
        while self._held:
            os.close(self._held.pop()[1])
