"""Memory that is set aside while a cell runs, for what has to work when the cell has taken all the rest."""

from __future__ import annotations

import contextlib
import mmap
from collections.abc import Iterator
from contextlib import contextmanager

SIZE = 24 << 20
"""Bytes. No page of it is ever touched."""


class Ballast:
    """A cell that used up its memory can still be reported, and what it calls can still be answered."""

    def __init__(self) -> None:
        self._held: mmap.mmap | None = None

    def take(self) -> None:
        """Set it aside, where there is as much again: where earlier cells have kept all the rest, a cell needs this."""
        with contextlib.suppress(OSError, MemoryError):
            _mapped(2 * SIZE).close()
            self._held = _mapped(SIZE)

    def drop(self) -> None:
        """Give it back."""
        if self._held is not None:
            self._held.close()
            self._held = None

    @contextmanager
    def lent(self) -> Iterator[None]:
        """What happens inside may use it."""
        held = self._held is not None
        self.drop()
        try:
            yield
        finally:
            if held:
                self.take()


def _mapped(size: int) -> mmap.mmap:
    return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
