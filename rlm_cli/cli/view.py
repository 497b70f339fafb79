"""`rlm view`: look at a run in the browser or in the terminal."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from rlm_cli import figures, journal, viewer
from rlm_cli.cli.help import HELP_FLAGS, Command
from rlm_cli.cli.output import remark, say
from rlm_cli.errors import InputError, OutputError, UsageError
from rlm_cli.places import places, shown
from rlm_cli.terminal import Environment

EXAMPLES = """
rlm view                       the latest run, in the browser
rlm view k7f2 -o run.html      one file to send or to keep
rlm view --serve               follow a run that is going on
rlm view --terminal            the finished tree, in a pager
rlm view --play --speed 4      as it happened, four times as fast
"""
_SPEED = 4.0

app = typer.Typer(add_completion=False, rich_markup_mode=None)

Speed = Annotated[float, typer.Option("--speed", metavar="N", help=f"times as fast as it was [{_SPEED:g}]")]


@app.command(cls=Command, epilog=EXAMPLES, context_settings=HELP_FLAGS)
def view(
    run: Annotated[str, typer.Argument(metavar="[RUN]", show_default=False)] = "last",
    output: Annotated[
        str | None, typer.Option("-o", "--output", metavar="FILE", help="write the page to FILE, - for stdout")
    ] = None,
    serve: Annotated[bool, typer.Option("--serve", help="follow a run that is going on, until Ctrl-C")] = False,
    port: Annotated[int, typer.Option("--port", metavar="N", help="of --serve; 0 takes a free one")] = 0,
    terminal: Annotated[bool, typer.Option("--terminal", help="in the terminal, through a pager")] = False,
    play: Annotated[bool, typer.Option("--play", help="draw it again as it happened")] = False,
    speed: Speed = _SPEED,
    stats: Annotated[bool, typer.Option("--stats", help="sums by depth, model and call site")] = False,
    json: Annotated[bool, typer.Option("--json", help="--stats as JSON")] = False,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="open the page, or say where it is")] = True,
) -> None:
    """Look at a run: the whole tree of turns, cells, calls and children.

    RUN is an id, its last four letters, a journal, a log of the reference implementation, or `last`. The page is one
    file that loads nothing and sends nothing.
    """
    chosen = [name for name, given in (("--output", output), ("--serve", serve), ("--terminal", terminal),
                                       ("--play", play), ("--stats", stats or json)) if given]  # fmt: skip
    if len(chosen) > 1:
        raise UsageError(f"{' and '.join(chosen)} are different ways to look at a run", "Choose one.")
    path = journal.find(places().runs, run)
    if serve:
        _serve(path, port, browser=browser)
    else:
        _page(path, output, browser=browser)


def _page(path: Path, output: str | None, *, browser: bool) -> None:
    """Write the page, and open it unless the user has said where it goes."""
    if output == "-":
        stdout = Environment.of_process().stdout
        for part in _parts(path):
            stdout.write_bytes(part)
        return
    target = Path(output) if output else places().cache / "views" / f"{path.stem}.html"
    _write(target, _parts(path))
    size = figures.size(target.stat().st_size)
    if output:
        remark(f"wrote {shown(target)} ({size}, one file, no network)")
        return
    say(str(target))
    if browser and _open(target.absolute().as_uri()):
        remark(f"opened {shown(target)} ({size}, one file, no network)")


def _parts(path: Path) -> Iterable[bytes]:
    try:
        with path.open("rb") as stream:
            yield from viewer.with_journal(stream)
    except OSError as error:
        raise InputError(f"cannot read {shown(path)}: {error.strerror}") from None


def _write(target: Path, parts: Iterable[bytes]) -> None:
    """A page holds what the run has read: for its owner's eyes. Raises OutputError."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = target.with_name(f".{target.name}.{os.getpid()}")
        try:
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
                stream.writelines(parts)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write {shown(target)}: {error.strerror}") from None


def _open(address: str) -> bool:
    """Open a browser where there may be one: never a text browser in the middle of a pipe or an SSH session."""
    import webbrowser

    if not (sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return False
    with contextlib.suppress(webbrowser.Error):
        return webbrowser.open(address)
    return False


def _serve(path: Path, port: int, *, browser: bool) -> None:
    """Serve the run on this machine until Ctrl-C."""
    from rlm_cli.viewer.serving import Server

    try:
        server = Server(path, port)
    except (OSError, OverflowError) as error:
        raise UsageError(f"cannot listen on port {port}: {getattr(error, 'strerror', error)}") from None
    with server:
        say(server.url)
        if not (browser and _open(server.url)):
            remark("open this address in a browser on this machine; Ctrl-C ends")
        server.serve_forever()
