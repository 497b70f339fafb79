"""Every script by shell, and the file that holds it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from rlm_cli.cli.completion import bash, fish, man, powershell, zsh
from rlm_cli.cli.completion.tree import Node, root

SCRIPTS: dict[str, tuple[Callable[[Node], str], str]] = {
    "bash": (bash.script, "rlm.bash"),
    "zsh": (zsh.script, "_rlm"),
    "fish": (fish.script, "rlm.fish"),
    "powershell": (powershell.script, "rlm.ps1"),
    "man": (man.script, "rlm.1"),
}
"""Shell → (what writes its script, the name of its file)."""


def script(shell: str) -> str:
    """The script of one shell, or the man page."""
    return SCRIPTS[shell][0](root())


def write(folder: Path) -> None:
    """All of them, into `folder`."""
    table = root()
    for make, name in SCRIPTS.values():
        (folder / name).write_text(make(table), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
