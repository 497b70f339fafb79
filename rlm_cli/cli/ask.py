"""`rlm ask`: from what was typed to a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

import typer

from rlm_cli.cli.help import HELP_FLAGS, AnsweringCommand
from rlm_cli.cli.typed import absolute, flags, takes
from rlm_cli.cli.words import listed, question_of, split
from rlm_cli.errors import ExitStatus, InputError, UsageError
from rlm_cli.settings import OPTIONS, Settings, load
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
    go_on: Annotated[
        bool, typer.Option("--continue", help="ask the last run further: its input, variables and sources")
    ] = False,
    run: Annotated[str | None, typer.Option("--run", metavar="RUN", help="the same with another run")] = None,
    allow_changed: Annotated[
        bool, typer.Option("--allow-changed", help="--continue though the input has changed")
    ] = False,
    **given: Any,
) -> ExitStatus:
    """Answer a question about files, directories or a pipe.

    SOURCE is a file, a directory, a pattern in quotes, or - for stdin. The last word is the question; @FILE reads it
    from a file. With no SOURCE, a pipe on stdin is read.
    """
    if go_on or run is not None:
        return further(run or "last", words or (), flags(given), allow_changed=allow_changed)
    settings = load(flags(given))
    try:
        sources, question = split(words or (), settings.files_from)
        names = listed(settings.files_from)
    except InputError as error:
        from rlm_cli.delivery import refuse

        return refuse(error, settings, Environment.of_process(settings.color))
    return start(replace(settings, sources=sources, question=question, listed=names))


_FIXED = ("files_from", "include", "exclude", "hidden", "ignore", "include_secrets", "binary", "encoding", "trajectory")
"""What a further question cannot change: the input, and where it is recorded."""


def further(run: str, words: Sequence[str], given: Mapping[str, Any], *, allow_changed: bool) -> ExitStatus:
    """Ask a recorded run a further question. Raises UsageError."""
    import asyncio

    from rlm_cli import journal
    from rlm_cli.places import places
    from rlm_cli.resuming import going_on, past_of
    from rlm_cli.session import follow

    if len(words) != 1:
        raise UsageError("--continue takes the question alone: the input is that of the run", "Leave the sources out.")
    if wrong := [OPTIONS[name].flag for name in _FIXED if name in given]:
        raise UsageError(f"{wrong[0]} cannot be changed by a further question: the input is that of the run")
    path = journal.find(places().runs, run).absolute()
    question = question_of(words[0])
    given = absolute(given)
    held = journal.Journal(path)  # locked before it is read: another process may still write it
    try:
        past = past_of(path, ended=True)
        if past.answer is None and past.finished is None:
            raise UsageError("the question before was not answered: that run was cut off", f"First: rlm resume {run}")
        fresh = ("schema", "schema_multi", "fail_if", "strategy", "votes")
        settings = going_on(past.started, given, own=path.parent == places().runs, fresh=fresh)
        settings = replace(settings, question=question, allow_changed=allow_changed)
        return asyncio.run(follow(past, held, settings, Environment.of_process(settings.color)))
    finally:
        held.close()


def start(settings: Settings) -> ExitStatus:
    """Hand a run over to the session. The only place that does."""
    import asyncio

    from rlm_cli.session import ask as run

    environment = Environment.of_process(settings.color)
    for warning in settings.warnings:
        environment.stderr.remark(f"warning: {warning}")
    return asyncio.run(run(settings, environment))
