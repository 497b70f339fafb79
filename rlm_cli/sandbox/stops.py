"""What ends a cell from within. No cell can name or catch these classes."""

from __future__ import annotations


class CellStop(BaseException):
    """Ends a cell from within: a limit, an accepted answer, `exit()`."""


class CellInterrupted(CellStop):
    """The host asked the cell to stop: its time is up, or the user said so."""


class CellSubmitted(CellStop):
    """The answer was accepted."""


class CellExited(CellStop):
    """`exit()`, `quit()` or `raise SystemExit`."""
