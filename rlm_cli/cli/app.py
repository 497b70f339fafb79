"""From the words after `rlm` to a command: what `rlm` alone, `rlm help` and `rlm SOURCE QUESTION` mean."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from rlm_cli import __version__
from rlm_cli.cli.commands import COMMANDS
from rlm_cli.cli.layout import prose, status_table, table
from rlm_cli.errors import UsageError

_ABOUT = "rlm answers questions about files too big for any model's context window, with a Recursive Language Model."
_EXAMPLES = """\
  rlm ask repo/ "where is auth handled"
  journalctl -b | rlm ask "why did nginx restart?"
  rlm demo
"""


def dispatch(arguments: Sequence[str]) -> int | str:
    """Run a command line. A text is to be printed; a number is the exit status. Raises RlmError."""
    words = list(arguments)
    if not words:
        return overview()
    if words[0] == "help":
        words = [*words[1:2], "--help"]
    if words[0] in ("-h", "--help"):
        return manual()
    if words[0] == "--version":
        return f"rlm {__version__}\n"
    if words[0] not in COMMANDS:
        _refuse_slip(words)
        words = ["ask", *words]
    return _run(words[0], words[1:])


def command(name: str) -> Any:
    """The Typer command of that name, its module loaded now."""
    from typer.main import get_command

    found = get_command(import_module(COMMANDS[name].module).app)
    found.name = name
    return found


def _run(name: str, arguments: list[str]) -> int:
    """Parse and run. Typer's own `main` is passed by: it turns a closed pipe into 1, which is "not found" here."""
    import typer

    found = command(name)
    try:
        with found.make_context(f"rlm {name}", arguments) as context:
            return int(found.invoke(context) or 0)
    except typer.Exit as leaving:
        return leaving.exit_code
    except typer.Abort:
        raise KeyboardInterrupt from None
    except typer.TyperException as problem:
        from rlm_cli.cli.mistakes import explain

        raise explain(problem) from None


def _refuse_slip(words: Sequence[str]) -> None:
    """A mistyped command must not become a question that costs money."""
    from difflib import get_close_matches

    word = words[0]
    if len(words) == 1 and (own := get_close_matches(word, ("--version", "--help"), n=1, cutoff=0.8)):
        raise UsageError(f"there is no option {word}", f"Did you mean {own[0]}?")
    if word.startswith("-") or os.path.lexists(word):
        return
    swapped = [name for name in COMMANDS if sorted(name) == sorted(word)]  # in short names too: aks
    near = swapped or get_close_matches(word, COMMANDS, n=1, cutoff=0.7)
    if near or (len(words) == 1 and not any(character.isspace() for character in word)):
        hint = f"Did you mean: rlm {near[0]}?" if near else f'To ask about a pipe: rlm ask "{word}"'
        raise UsageError(f"there is no command {word!r}", hint)


def overview() -> str:
    """What `rlm` alone says."""
    commands = table("Commands", [(entry.name, entry.summary) for entry in COMMANDS.values()])
    return f"{prose(_ABOUT)}\n\n{_EXAMPLES}\n{commands}\n\nrlm COMMAND -h for details.\n"


def manual() -> str:
    """What `rlm --help` says: the overview, and how the program ends."""
    options = [("-h, --help", "show this, or the help of a command"), ("    --version", "show the version")]
    return "\n".join([overview(), table("Options", options), "", status_table(), ""])
