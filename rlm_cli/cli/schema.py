"""`rlm schema`: the JSON Schemas of what is written for programs."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Annotated

import typer

from rlm_cli import schemas
from rlm_cli.cli.help import HELP_FLAGS, Command
from rlm_cli.cli.output import say
from rlm_cli.errors import UsageError

EXAMPLES = """
rlm schema answer > answer.schema.json     what --json prints
rlm schema event                           a line of -f jsonl
"""

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=Command, epilog=EXAMPLES, context_settings=HELP_FLAGS)
def schema(what: Annotated[str, typer.Argument(metavar="WHAT")]) -> None:
    """Print the JSON Schema of an answer or of an event.

    WHAT is answer, which --json prints, or event, of which each line of -f jsonl is one.
    """
    if what not in schemas.NAMES:
        near = get_close_matches(what, schemas.NAMES, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"There is one of {', '.join(schemas.NAMES)}."
        raise UsageError(f"there is no schema of {what!r}", hint)
    say(schemas.text(what).rstrip("\n"))
