"""Which sandboxes there are: the words of `--sandbox`, one line each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from rlm_cli.context.spans import Part
from rlm_cli.errors import UsageError
from rlm_cli.sandbox import Host, Sandbox
from rlm_cli.sandbox.host import Level, ProcessSandbox
from rlm_cli.sandbox.process import Packed

Open = Callable[[Host, Packed, Sequence[Part] | None], Sandbox]
"""A sandbox for one node: its host, the table of the input's files, and the part that is its `context` (None: all)."""


def _process(level: Level) -> Open:
    return lambda host, files, parts: ProcessSandbox(host, files, parts=parts, level=level)


SANDBOXES: Final[dict[str, Open]] = {
    "auto": _process("auto"),
    "strict": _process("strict"),
    "off": _process("off"),
}


def sandbox_opener(name: str) -> Open:
    """What opens the sandbox of that name. Raises UsageError."""
    if name not in SANDBOXES:
        raise UsageError(f"there is no sandbox {name!r}", f"--sandbox takes {', '.join(SANDBOXES)}.")
    return SANDBOXES[name]
