"""`rlm completions`: print or install what makes TAB work."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from rlm_cli.cli.completion.scripts import SCRIPTS, script
from rlm_cli.cli.completion.tree import SHELLS
from rlm_cli.cli.help import HELP_FLAGS, Command, Group
from rlm_cli.cli.output import remark, say
from rlm_cli.errors import UsageError
from rlm_cli.places import shown

EXAMPLES = """
rlm completions install              for the shell in $SHELL
rlm completions print bash           on stdout
rlm completions print man | man -l -
"""

app = typer.Typer(cls=Group, add_completion=False, rich_markup_mode=None, epilog=EXAMPLES, context_settings=HELP_FLAGS)


@app.callback()
def completions() -> None:
    """Print or install completion for a shell."""


@app.command("print", cls=Command, context_settings=HELP_FLAGS)
def print_(shell: Annotated[str, typer.Argument(metavar="SHELL")]) -> None:
    """Print the script of bash, zsh, fish or powershell, or the man page.

    It is a static file: no program is started at a TAB. Names of models come from a list that `rlm models` keeps.
    """
    if shell not in SCRIPTS:
        raise UsageError(f"there is no completion for {shell!r}", f"There is one for {', '.join(SCRIPTS)}.")
    say(script(shell).rstrip("\n"))


@app.command(cls=Command, context_settings=HELP_FLAGS)
def install(shell: Annotated[str | None, typer.Argument(metavar="[SHELL]", show_default=False)] = None) -> None:
    """Write the script where the shell looks for it. No other file is touched."""
    name = shell or Path(os.environ.get("SHELL", "")).name
    if name not in SHELLS:
        told = f"there is no completion for {name!r}" if name else "there is no $SHELL to go by"
        raise UsageError(told, f"Name one of {', '.join(SHELLS)}.")
    target, further = _target(name)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(script(name), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {shown(target)}: {error.strerror}") from None
    from rlm_cli.cli.models import remember_names

    remember_names()
    remark(f"{shown(target)} is written; {further}")


def _target(shell: str) -> tuple[Path, str]:
    """(where a shell looks for completions of its user, what is left to do)."""
    home = Path.home()
    data = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    config = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    if shell == "bash":
        file = data / "bash-completion" / "completions" / "rlm"
        return file, f"open a new shell (without the package bash-completion, add to ~/.bashrc: source {shown(file)})"
    if shell == "zsh":
        file = data / "zsh" / "site-functions" / "_rlm"
        return file, f"add to ~/.zshrc, before compinit: fpath+=({shown(file.parent)})"
    if shell == "fish":
        return config / "fish" / "completions" / "rlm.fish", "open a new shell"
    return config / "powershell" / "rlm.ps1", f"add to $PROFILE: . {shown(config / 'powershell' / 'rlm.ps1')}"
