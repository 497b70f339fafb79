"""Files that commands write for their user."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


def write_file(target: Path, parts: Iterable[bytes]) -> None:
    """Write `target` as a whole or not at all, for its owner's eyes alone: what a run has read is in it.

    What is no regular file, such as /dev/stdout or a pipe, is written as it is. Raises OSError.
    """
    if target.exists() and not target.is_file():
        with target.open("wb") as stream:
            stream.writelines(parts)
        return
    part = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
            stream.writelines(parts)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
