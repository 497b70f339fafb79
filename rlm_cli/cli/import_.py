"""`rlm import`: logs of other programs become runs that `view`, `export` and `runs` know."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rlm_cli import figures, imports, journal
from rlm_cli.cli.help import HELP_FLAGS, Command
from rlm_cli.cli.output import remark, say
from rlm_cli.errors import InputError, OutputError, UsageError
from rlm_cli.places import places, shown

EXAMPLES = """
rlm import logs/rlm_2026-01-31_11-05-04_1a2b3c4d.jsonl
rlm view last
"""

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command("import", cls=Command, epilog=EXAMPLES, context_settings=HELP_FLAGS)
def import_(
    log: Annotated[str, typer.Argument(metavar="FILE", show_default=False)],
    output: Annotated[
        str | None, typer.Option("-o", "--output", metavar="FILE", help="write the journal to FILE, not among the runs")
    ] = None,
) -> None:
    """Make a run of a log of the reference implementation or of fast-rlm.

    Prints the id of the run. What the log does not tell, such as when each call began, is left as it can be known.
    """
    path = Path(log)
    if not path.is_file():
        raise InputError(f"{shown(path)} does not exist" if not path.exists() else f"{shown(path)} is not a file")
    kind = imports.kind_of(path)
    if kind is None:
        known = " and ".join(name.replace("_", "-") for name in imports.IMPORTS)
        raise UsageError(f"{shown(path)} is no log that is known", f"Known are the logs of {known}.")
    run = journal.new_run()
    target = Path(output) if output else places().runs / f"{run}.jsonl"
    if target.exists():
        raise UsageError(f"{shown(target)} exists already")
    made, count = journal.Journal(target), 0
    try:
        for record in imports.records(path, kind, run):
            made.append(record)
            count += 1
    except BaseException as error:  # half of a log is no run
        target.unlink(missing_ok=True)
        if isinstance(error, OutputError):
            error.hint = "Free some space, then import it again."
        raise
    finally:
        made.close()
    say(run if output is None else str(target))
    remark(f"{figures.plural(count, 'event')} from a log of {kind.replace('_', '-')}")
