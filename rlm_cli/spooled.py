"""An answer too long to be held: a nameless file on disk that goes to stdout in pieces.

`FINAL_VAR` of a variable of 100 MB is a fair answer. It is never shown to a model, and neither this process nor the
journal holds it: the journal keeps a cut with the true size.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from rlm_cli.context.spans import Part, Span
from rlm_cli.context.store import ByteStore

INLINE = 1 << 20
"""Bytes up to which an answer is held as text."""
SHOWN = 4_000
"""Characters of a longer one that journal and events keep."""
_PIECE = 1 << 20


def measure(parts: Sequence[Part]) -> int:
    """Bytes of `parts`; nothing is read."""
    return sum(
        part.end - part.start if isinstance(part, Span) else len(part.encode("utf-8", "replace")) for part in parts
    )


class Spooled:
    """Bytes that were written once and are read as often as wanted. Raises OSError where the disk is full."""

    def __init__(self, folder: Path | None = None) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  (closed by `close`)
        self.size = 0

    def write(self, parts: Sequence[Part], store: ByteStore) -> None:
        """Add `parts`, a piece at a time."""
        for part in parts:
            if isinstance(part, Span):
                for start in range(part.start, part.end, _PIECE):
                    self._add(bytes(store.peek(part.file, start, min(start + _PIECE, part.end))))
            else:
                self._add(part.encode("utf-8", "replace"))

    def _add(self, data: bytes) -> None:
        self._file.write(data)
        self.size += len(data)

    def __iter__(self) -> Iterator[bytes]:
        """All of it, in order, a piece at a time."""
        self._file.seek(0)
        while data := self._file.read(_PIECE):
            yield data

    def cut(self) -> str:
        """Its beginning, and how much there is in truth."""
        self._file.seek(0)
        head = self._file.read(4 * SHOWN).decode("utf-8", "ignore")[:SHOWN]
        return f"{head}\n[… {self.size:,} bytes in all]"

    def close(self) -> None:
        """Give the disk back."""
        self._file.close()
