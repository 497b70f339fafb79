"""What every command that reads a journal says of it: lines that it could not read, or does not know."""

from __future__ import annotations

from pathlib import Path

from rlm_cli.cli.output import remark
from rlm_cli.journal import Reading
from rlm_cli.places import shown


def warn(reading: Reading, path: Path) -> None:
    """On stderr, one line for each kind of fault; nothing where the file was read whole."""
    for sentence in reading.told(shown(path)):
        remark(f"warning: {sentence}")
