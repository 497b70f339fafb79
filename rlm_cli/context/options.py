"""What the user may say about the input."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

GIB = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class InputOptions:
    """How sources are turned into a corpus. Sizes are bytes."""

    cache: Path | None = None
    """Directory for decoded and decompressed text and for what arrives in a pipe; None: a temporary one."""
    hidden: bool = False
    no_ignore: bool = False
    """Leave .gitignore, .ignore, .rlmignore and git's other exclude files unread."""
    include: tuple[str, ...] = ()
    """Patterns of gitignore's kind, from the source directory; only files that match one are read."""
    exclude: tuple[str, ...] = ()
    """Patterns of the same kind; files and directories that match one are left out, even when named."""
    include_secrets: bool = False
    binary: bool = False
    """Read files that hold NUL bytes too."""
    encoding: str | None = None
    """The encoding of every file without a byte order mark; None: UTF-8."""
    max_decompressed: int = 4 * GIB
    """The most that one compressed file or archive may grow to; larger ones are left out and told."""
    cache_limit: int = 20 * GIB
    """The most that decoded and decompressed text may take in the cache; the oldest goes first."""
    eager_files: int = 20_000
    """Up to so many files are looked into at once for binary content and byte order marks; beyond, on first use."""
