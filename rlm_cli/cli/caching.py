"""`rlm cache`: what is kept to be faster or cheaper the next time, and throwing it away."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from pathlib import Path
from typing import Annotated

import typer

from rlm_cli import figures, memo
from rlm_cli.cli.help import HELP_FLAGS, Command, Group
from rlm_cli.cli.output import columns, remark, say, say_json
from rlm_cli.errors import UsageError
from rlm_cli.places import places, shown

EXAMPLES = """
rlm cache                 what is kept, and how much of it
rlm cache clear           all of it
rlm cache clear memo      remembered replies to sub-calls alone
"""

app = typer.Typer(
    cls=Group, add_completion=False, rich_markup_mode=None, epilog=EXAMPLES, context_settings=HELP_FLAGS,
    invoke_without_command=True,
)  # fmt: skip


@app.callback()
def cache(context: typer.Context) -> None:
    """Show or clear what is kept to be faster the next time.

    Replies to sub-calls are remembered by content, and archives are unpacked once. Nothing here is needed to read or
    resume a run.
    """
    if context.invoked_subcommand is None:
        show()


@app.command(cls=Command, context_settings=HELP_FLAGS)
def show(json: Annotated[bool, typer.Option("--json", help="as JSON")] = False) -> None:
    """Show what is kept, and how much of it."""
    found = {name: [_measure(path) for path in paths] for name, paths in _parts().items()}
    totals = {name: (sum(files for files, _ in each), sum(size for _, size in each)) for name, each in found.items()}
    if json:
        say_json({"cache": {name: {"files": files, "bytes": size} for name, (files, size) in totals.items()},
                  "path": str(places().cache)})  # fmt: skip
        return
    rows = [(name, figures.size(size), figures.plural(files, "file")) for name, (files, size) in totals.items()]
    say(columns([*rows, ("in", shown(places().cache), "")]))


@app.command(cls=Command, context_settings=HELP_FLAGS)
def clear(name: Annotated[str | None, typer.Argument(metavar="[NAME]", show_default=False)] = None) -> None:
    """Throw away all that is kept, or one part of it by the name that `rlm cache` shows."""
    parts = _parts()
    if name is not None and name not in parts:
        raise UsageError(f"nothing is kept under {name!r}", f"There is: {', '.join(parts) or 'nothing at all'}.")
    freed = 0
    for part, paths in parts.items():
        if name in (None, part):
            for path in paths:
                freed += _measure(path)[1]
                _remove(path)
    remark(f"{figures.size(freed)} freed in {shown(places().cache)}")


def _parts() -> dict[str, list[Path]]:
    """What lies in the cache directory, by first word: a sqlite file and its companions count as one."""
    found: dict[str, list[Path]] = {}
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        for path in sorted(places().cache.iterdir()):
            found.setdefault(path.name.split(".")[0], []).append(path)
    return found


def _measure(path: Path) -> tuple[int, int]:
    """(files, bytes on disk) below a path."""
    files = size = 0
    if not path.is_dir() or path.is_symlink():
        with contextlib.suppress(FileNotFoundError):  # such as the log of sqlite, which goes with its last reader
            files, size = 1, path.lstat().st_size
        return files, size
    for folder, _, names in os.walk(path):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                size += os.lstat(os.path.join(folder, name)).st_size
                files += 1
    return files, size


def _remove(path: Path) -> None:
    """Runs under way are not disturbed: sqlite forgets rows, and an open file outlives its name."""
    damaged = path.name.endswith(".damaged")  # set aside, and in nobody's use
    if path != places().memo and path.name.startswith(places().memo.name) and not damaged:
        return
    try:
        if path == places().memo:
            memo.clear(path)
            return
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"cannot remove {shown(path)}: {error.strerror}") from None
    except sqlite3.Error as error:
        raise UsageError(f"cannot clear {shown(path)}: {error}", "Try again when no run is going on.") from None
