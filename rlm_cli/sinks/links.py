"""OSC 8 links: from a place in a file to something that a terminal can open. Names and variables are ripgrep's."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import quote

ALIASES = {
    "default": "file://{host}{path}",
    "cursor": "cursor://file{path}:{line}:{column}",
    "file": "file://{host}{path}",
    "grep+": "grep+://{path}:{line}",
    "kitty": "file://{host}{path}#{line}",
    "macvim": "mvim://open?url=file://{path}&line={line}&column={column}",
    "none": "",
    "textmate": "txmt://open?url=file://{path}&line={line}&column={column}",
    "vscode": "vscode://file{path}:{line}:{column}",
    "vscode-insiders": "vscode-insiders://file{path}:{line}:{column}",
    "vscodium": "vscodium://file{path}:{line}:{column}",
}


def link_format(choice: str, variables: Mapping[str, str], *, tty: bool, colour: bool) -> str:
    """The URL pattern for `--links`, empty for no links. `auto` links where a terminal is likely to know them."""
    if choice in ("never", "none"):
        return ""
    if choice != "auto":
        return ALIASES.get(choice, choice if "{path}" in choice else "")
    forced = variables.get("FORCE_HYPERLINK", "")
    if forced:
        return ALIASES["default"] if forced != "0" else ""
    plain = variables.get("TERM", "") in ("", "dumb", "linux")
    return ALIASES["default"] if tty and colour and not plain else ""


@dataclass(frozen=True, slots=True)
class Linker:
    """Makes links by one pattern. Only files that are there are linked: an entry of an archive cannot be opened."""

    pattern: str = ""

    def link(self, text: str, path: str, line: int) -> str:
        """`text` as a link to `path` at `line`. `text` must be clean; the URL holds nothing but printable ASCII."""
        if not self.pattern or not os.path.isfile(path):
            return text
        return f"\x1b]8;;{self.url(path, line)}\x1b\\{text}\x1b]8;;\x1b\\"

    def url(self, path: str, line: int) -> str:
        """The address of a line of a file, by the pattern."""
        absolute = quote(os.fsencode(Path(path).absolute()), safe="/:._-~+@,")
        values = {"{path}": absolute, "{host}": _host(), "{line}": str(line), "{column}": "1", "{wslprefix}": ""}
        url = self.pattern
        for name, value in values.items():
            url = url.replace(name, value)
        return "".join(character for character in url if "!" <= character <= "~")


@cache
def _host() -> str:
    return quote(socket.gethostname())
