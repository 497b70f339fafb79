"""What contestants read: logs of any size, and a tree of files. Made once, kept in the bench's scratch."""

from __future__ import annotations

from pathlib import Path

from tests.bench.bench_context import write
from tests.bench.bench_walk import grow

TEXT = 1_000_000_000
"""Bytes of the largest file that is text to its end. A larger one begins as text and is a hole of the file system after
that, with a last line at its end: it costs no disk, and every byte of it is read. It lies in the page cache, as all do."""


def log(place: Path, size: int) -> Path:
    """A file of about `size` bytes of log lines."""
    path = place / f"log-{size}.txt"
    if not path.exists():
        made = path.with_suffix(".part")
        write(made, size if size <= TEXT else 50_000_000, ["", " x"])
        if size > TEXT:
            with made.open("rb+") as file:
                file.seek(size)
                file.write(b"\nlast error line\n")
        made.rename(path)
    return path


def warm(path: Path) -> Path:
    """Read once: what the disk and the page cache cost at the first touch is no contestant's doing."""
    buffer = bytearray(1 << 20)
    with path.open("rb", buffering=0) as file:
        while file.readinto(buffer):
            pass
    return path


def tree(place: Path, files: int) -> Path:
    """A git repository of about so many small files, one in five of them ignored."""
    path = place / f"tree-{files}"
    if not path.exists():
        grow(path, files)
    return path


def shown(size: float) -> str:
    """Such as "50 MB"."""
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:g} {unit}"
        size /= 1000
    return f"{size:g} GB"
