"""`rlm resume`: go on with a run after Ctrl-C, a crash, a lost network or a limit."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rlm_cli import journal
from rlm_cli.cli.help import HELP_FLAGS, AnsweringCommand
from rlm_cli.cli.typed import absolute, flags, takes
from rlm_cli.errors import ExitStatus, UsageError
from rlm_cli.places import places
from rlm_cli.settings import OPTIONS
from rlm_cli.terminal import Environment

if TYPE_CHECKING:
    from rlm_cli.recording import Past

EXAMPLES = """
rlm resume
rlm resume k7f2 --max-cost 2
"""
_FIXED = {
    "files_from", "include", "exclude", "hidden", "ignore", "include_secrets", "binary", "encoding", "max_decompressed",
    "strategy", "pack", "schema", "schema_multi", "trajectory", "save", "dry_run", "profile", "model", "sub_model",
}  # fmt: skip
"""What a run began with and keeps: its recorded replies are about that."""

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=AnsweringCommand, epilog=EXAMPLES, context_settings=HELP_FLAGS)
@takes(option for name, option in OPTIONS.items() if name not in _FIXED)
def resume(
    run: Annotated[str, typer.Argument(metavar="[RUN]", show_default=False)] = "last",
    allow_changed: Annotated[bool, typer.Option("--allow-changed", help="go on though the input has changed")] = False,
    **given: Any,
) -> ExitStatus:
    """Go on with a run that was stopped.

    RUN is an id, its last four letters, a journal, or `last`. Replies that were paid for are used again; new limits,
    such as --max-cost, count for the whole run.
    """
    from rlm_cli.resuming import past_of

    path = journal.find(places().runs, run).absolute()
    given = absolute(given)
    # Locked before it is read: what another process still writes is no record of a run that has stopped.
    held = journal.Journal(path)
    try:
        past = past_of(path)
        return _go_on(run, past, held, allow_changed=allow_changed, given=given)
    finally:
        held.close()


def _go_on(run: str, past: Past, held: journal.Journal, *, allow_changed: bool, given: dict[str, Any]) -> ExitStatus:
    from rlm_cli.resuming import check_limit, going_on
    from rlm_cli.session import go_on

    path = held.path
    if past.finished is not None and past.finished.status in ("answered", "not_found"):
        raise UsageError(f"the run {path.stem} has ended: {past.finished.status}", f"Look at it: rlm runs show {run}")
    settings = going_on(past.started, flags(given), own=path.parent == places().runs)
    settings = replace(settings, allow_changed=allow_changed)
    check_limit(past, settings, run)
    environment = Environment.of_process(settings.color)
    return asyncio.run(go_on(past, held, settings, environment))
