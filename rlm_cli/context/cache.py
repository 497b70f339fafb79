"""Text that was decoded or decompressed, kept by what it was made of, so that it is made once.

An entry is a file of UTF-8 text and a small index beside it, both named by a digest; the index is written last, so an
entry with an index is whole. Several processes may write the same entry at once: the last rename wins, with the same
content.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rlm_cli.context.spool import disk_full, is_disk_full

_FORMAT = "1"  # part of every key: a new form of entry never meets an old one
_RECENT = 3600.0  # seconds: what was used so lately may be in use by another run
_ABANDONED = 24 * 3600.0  # seconds: a half-written file of this age has no writer any more
_PIECE = 1 << 20

Write = Callable[[int], dict[str, Any]]
"""Writes the text to a descriptor and returns the index."""


def digest(descriptor: int, *parts: str) -> str:
    """The key for the whole content of a file and what is made of it."""
    one = hashlib.sha256("\0".join((_FORMAT, *parts, "")).encode())
    at = 0
    while data := os.pread(descriptor, _PIECE, at):
        one.update(data)
        at += len(data)
    return one.hexdigest()


class TextCache:
    """The entries below `directory`, together at most `limit` bytes."""

    def __init__(self, directory: Path, limit: int) -> None:
        self._directory = directory
        self._limit = limit
        self._used: set[str] = set()
        self._grown = False

    def path(self, key: str) -> Path:
        return self._directory / key[:2] / f"{key}.txt"

    def _index(self, key: str) -> Path:
        return self._directory / key[:2] / f"{key}.json"

    def get(self, key: str) -> dict[str, Any] | None:
        """The index of an entry, or None. Reading it counts as a use."""
        try:
            index = json.loads(self._index(key).read_bytes())
            os.utime(self.path(key))
        except (OSError, ValueError):
            return None
        self._used.add(key)
        return index if isinstance(index, dict) else None

    def put(self, key: str, write: Write, name: str) -> dict[str, Any]:
        """Make the entry. Raises what `write` raises, and `InputError` when the disk is full; then nothing is left."""
        target = self.path(key)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = target.with_name(f".{secrets.token_hex(8)}.new")
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            index = write(descriptor)
            temporary.rename(target)
            self._write_index(key, index)
        except OSError as error:
            if is_disk_full(error):
                raise disk_full(name, os.fstat(descriptor).st_size, self._directory) from None
            raise
        finally:
            os.close(descriptor)
            with contextlib.suppress(OSError):
                temporary.unlink()
        self._used.add(key)
        self._grown = True
        return index

    def _write_index(self, key: str, index: dict[str, Any]) -> None:
        temporary = self._index(key).with_name(f".{secrets.token_hex(8)}.new")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(json.dumps(index).encode())
        temporary.rename(self._index(key))

    def evict(self) -> int:
        """Remove the entries that were not used for longest until the rest fit; returns how many went.

        Entries of this run, and those that another may be using, stay.
        """
        if not self._grown:
            return 0
        now = time.time()
        entries: list[tuple[float, int, str]] = []
        for shelf in os.scandir(self._directory):
            if not shelf.is_dir(follow_symlinks=False):
                continue
            for entry in os.scandir(shelf.path):
                with contextlib.suppress(OSError):
                    status = entry.stat(follow_symlinks=False)
                    if entry.name.endswith(".txt"):
                        entries.append((status.st_mtime, status.st_size, entry.name.removesuffix(".txt")))
                    elif entry.name.endswith(".new") and now - status.st_mtime > _ABANDONED:
                        os.unlink(entry.path)
        total = sum(size for _, size, _ in entries)
        gone = 0
        for used, size, key in sorted(entries):
            if total <= self._limit:
                break
            if key in self._used or now - used < _RECENT:
                continue
            with contextlib.suppress(OSError):
                self._index(key).unlink(missing_ok=True)
                self.path(key).unlink()
                total -= size
                gone += 1
        return gone
