"""`rlm ask`: from what was typed to a run."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

import typer

from rlm_cli.cli.help import HELP_FLAGS, AnsweringCommand
from rlm_cli.cli.typed import flags, takes
from rlm_cli.cli.words import listed, split
from rlm_cli.errors import ExitStatus, InputError
from rlm_cli.settings import Settings, load
from rlm_cli.terminal import Environment

EXAMPLES = """
rlm ask repo/ "where is auth handled"
rlm ask 'logs/*.gz' "which host fails most, and since when?" --max-cost 0.25
git diff main | rlm ask "what could break?" -q
rg -l TODO | rlm ask --files-from - "group these by owner"
rlm ask src/ "routes without an auth check" --json --fail-if found
"""


app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=AnsweringCommand, epilog=EXAMPLES, context_settings=HELP_FLAGS)
@takes()
def ask(
    words: Annotated[list[str] | None, typer.Argument(metavar="[SOURCE]... QUESTION", show_default=False)] = None,
    **given: Any,
) -> ExitStatus:
    """Answer a question about files, directories or a pipe.

    SOURCE is a file, a directory, a pattern in quotes, or - for stdin. The last word is the question; @FILE reads it
    from a file. With no SOURCE, a pipe on stdin is read.
    """
    settings = load(flags(given))
    try:
        sources, question = split(words or (), settings.files_from)
        names = listed(settings.files_from)
    except InputError as error:
        from rlm_cli.delivery import refuse

        return refuse(error, settings, Environment.of_process(settings.color))
    return start(replace(settings, sources=sources, question=question, listed=names))


def start(settings: Settings) -> ExitStatus:
    """Hand a run over to the session. The only place that does."""
    import asyncio

    from rlm_cli.session import ask as run

    environment = Environment.of_process(settings.color)
    for warning in settings.warnings:
        environment.stderr.line(f"rlm: warning: {warning}")
    return asyncio.run(run(settings, environment))
