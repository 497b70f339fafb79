"""`rlm replay`: walk a recorded run again without any model, and name the first difference."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Annotated, Any

import typer

from rlm_cli import journal
from rlm_cli.cli.help import HELP_FLAGS, AnsweringCommand
from rlm_cli.cli.typed import absolute, flags, takes
from rlm_cli.errors import ExitStatus
from rlm_cli.places import places
from rlm_cli.settings import OPTIONS
from rlm_cli.terminal import Environment

EXAMPLES = """
rlm replay last
rlm replay tests/data/find.jsonl -q
"""
_TAKEN = ("format", "output", "progress", "color", "links", "quiet", "verbose", "sandbox", "cell_time")

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=AnsweringCommand, epilog=EXAMPLES, context_settings=HELP_FLAGS)
@takes(OPTIONS[name] for name in _TAKEN)
def replay(
    run: Annotated[str, typer.Argument(metavar="[RUN]", show_default=False)] = "last",
    allow_changed: Annotated[bool, typer.Option("--allow-changed", help="replay though the input has changed")] = False,
    **given: Any,
) -> ExitStatus:
    """Walk a recorded run again without any model.

    RUN is an id, its last four letters, a journal, or `last`. The same cells must print the same and lead to the same
    answer; the first difference is named and ends with exit status 70. Nothing is sent, paid or written. What came to
    the run by a pipe is piped in again: `zcat app.gz | rlm replay last`.
    """
    from rlm_cli.resuming import past_of, settings_of
    from rlm_cli.session import replay as walk

    path = journal.find(places().runs, run).absolute()
    past = past_of(path, strict=True)
    settings = settings_of(past.started, flags(absolute(given)), own=path.parent == places().runs, fresh=["api_base"])
    settings = replace(settings, allow_changed=allow_changed, memo=False)
    return asyncio.run(walk(past, settings, Environment.of_process(settings.color)))
