"""The command table: which commands there are, and what `rlm` alone and `rlm SOURCE QUESTION` mean."""

from __future__ import annotations

import os
from difflib import get_close_matches
from typing import Annotated, Any

import typer

from rlm_cli import __version__
from rlm_cli.cli import ask
from rlm_cli.cli.help import Group, command_rows, status_table, table
from rlm_cli.errors import UsageError

CONTEXT = {"help_option_names": ["-h", "--help"]}

_OVERVIEW = """\
rlm answers questions about files too big for any model's context window,
with a Recursive Language Model.

  rlm ask repo/ "where is auth handled"
  journalctl -b | rlm ask "why did nginx restart?"
"""


class Root(Group):
    """The whole program. What is not a command is asked: `rlm repo/ "where is auth handled"`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args:
            typer.echo(overview(self))
            raise typer.Exit
        if args[0] not in self.commands and args[0] not in ("-h", "--help", "--version"):
            self._refuse_slip(args)
            args = ["ask", *args]
        return super().parse_args(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        options = [("-h, --help", "show this, or the help of a command"), ("    --version", "show the version")]
        formatter.write("\n\n".join([overview(self), table("Options", options), status_table()]) + "\n")

    def _refuse_slip(self, args: list[str]) -> None:
        """A mistyped command must not become a question that costs money."""
        word = args[0]
        if word.startswith("-") or os.path.lexists(word):
            return
        near = get_close_matches(word, self.commands, n=1, cutoff=0.7)
        if near or (len(args) == 1 and not any(character.isspace() for character in word)):
            hint = f"Did you mean: rlm {near[0]}?" if near else f'To ask about a pipe: rlm ask "{word}"'
            raise UsageError(f"there is no command {word!r}", hint)


def overview(group: Group) -> str:
    """What `rlm` alone says."""
    return f"{_OVERVIEW}\n{table('Commands', command_rows(group))}\n\nrlm COMMAND -h for details."


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"rlm {__version__}")
        raise typer.Exit


app = typer.Typer(
    cls=Root,
    context_settings=CONTEXT,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="show the version")
    ] = False,
) -> None:
    """Answer questions about files too big for any model's context window."""


ask.register(app)
