"""Which commands there are: one line each. A command's module is loaded only when that command is run.

Importing Typer takes 40 ms, six times a bare Python; `rlm` and `rlm --help` do without it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """A command: `module` has an `app`, a Typer with this command or with a group of them."""

    name: str
    summary: str
    module: str


COMMANDS: dict[str, Entry] = {
    entry.name: entry
    for entry in (Entry("ask", "answer a question about files, directories or a pipe", "rlm_cli.cli.ask"),)
}
"""In the order of help."""
