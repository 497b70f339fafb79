"""The parts of the README that are written from the tables of options and exit statuses.

`python -m rlm_cli.cli.fragments README.md` rewrites what stands between `<!-- NAME -->` and `<!-- end NAME -->`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

from rlm_cli.cli.commands import COMMANDS
from rlm_cli.errors import ExitStatus
from rlm_cli.settings import OPTIONS


def flags() -> str:
    """Every option of `rlm ask` as Markdown."""
    lines = ["| flag | what it does | default |", "|---|---|---|"]
    for option in OPTIONS.values():
        names = ", ".join(f"`{flag}`" for flag in option.flags[:-1])
        long = f"`{option.flag}{' ' + option.metavar if option.takes_value else ''}`"
        default = option.show(option.default) if option.takes_value else ""
        names = f"{names}, {long}" if names else long
        lines.append(f"| {names} | {option.help.replace('|', chr(92) + '|')} | {f'`{default}`' if default else ''} |")
    return "\n".join(lines)


def statuses() -> str:
    """Every exit status as Markdown."""
    rows = [f"| {int(status)} | {status.meaning} |" for status in ExitStatus]
    return "\n".join(["| exit | meaning |", "|---|---|", *rows])


def commands() -> str:
    """Every command as Markdown."""
    rows = [f"| `rlm {entry.name}` | {entry.summary} |" for entry in COMMANDS.values()]
    return "\n".join(["| command | what it does |", "|---|---|", *rows])


FRAGMENTS: dict[str, Callable[[], str]] = {"flags": flags, "statuses": statuses, "commands": commands}


def refreshed(text: str) -> str:
    """`text` with every fragment that it marks written anew."""
    for name, make in FRAGMENTS.items():
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end {name} -->)", re.DOTALL)
        text = pattern.sub(lambda found, make=make: f"{found[1]}{make()}\n{found[2]}", text)  # type: ignore[misc]
    return text


if __name__ == "__main__":
    file = Path(sys.argv[1])
    file.write_text(refreshed(file.read_text(encoding="utf-8")), encoding="utf-8")
