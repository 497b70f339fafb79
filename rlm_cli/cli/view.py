"""`rlm view`: look at a run in the browser or in the terminal."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rlm_cli import figures, imports, journal
from rlm_cli.cli.help import HELP_FLAGS, Command
from rlm_cli.cli.output import columns, remark, say, say_json
from rlm_cli.cli.reading import warn
from rlm_cli.cli.writing import write_file
from rlm_cli.errors import OutputError, UsageError
from rlm_cli.events import Record, RunStarted
from rlm_cli.exports import Choices, Source, export
from rlm_cli.places import places, shown
from rlm_cli.terminal import Environment, one_line

if TYPE_CHECKING:
    from rlm_cli.exports.sums import Sums
    from rlm_cli.sinks.report import Report

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
    elif stats or json:
        _stats(path, as_json=json)
    elif play:
        play_again(path, speed)
    elif terminal:
        _terminal(path)
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
    return export("html", Source(path), Choices())


def _write(target: Path, parts: Iterable[bytes]) -> None:
    """Raises OutputError."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_file(target, parts)
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


def _stats(path: Path, *, as_json: bool) -> None:
    from rlm_cli.exports.sums import Sums, by_depth, by_model, by_site

    source = Source(path)
    run = source.trajectory()
    warn(source.reading, path)
    groups = {"depth": by_depth(run), "model": by_model(run), "site": by_site(run)}
    total = Sums.of(run.calls.values())
    if as_json:
        by = {name: {key: sums.to_json() for key, sums in found.items()} for name, found in groups.items()}
        say_json({"total": total.to_json(), "elapsed_s": round(run.seconds, 3), "by": by})
        return
    titles = {"depth": "By depth", "model": "By model", "site": "By call site"}
    tables = [_table(titles[name], found) for name, found in groups.items() if found]
    tables.append(_table(f"In all, in {figures.duration(run.seconds)}", {"the run": total}))
    say("\n\n".join(tables))


def _table(title: str, groups: Mapping[str, Sums]) -> str:
    head = (title, "calls", "failed", "memo", "in", "out", "cost", "time")
    rows = [
        (one_line(name, 60), str(sums.calls), str(sums.failed or ""), str(sums.memo or ""),
         figures.tokens(sums.input_tokens), figures.tokens(sums.output_tokens), sums.money,
         figures.duration(sums.seconds))
        for name, sums in groups.items()
    ]  # fmt: skip
    return columns([head, *rows], right=(1, 2, 3, 4, 5))


def play_again(path: Path, speed: float) -> None:
    """Draw the run on stderr again, then print its answer on stdout, as it was. Raises UsageError."""
    from rlm_cli.sinks.answer import write_answer
    from rlm_cli.sinks.playing import play

    if not 0 < speed < float("inf"):
        raise UsageError(f"--speed {speed:g} is not a speed", "1 is as fast as it was, 4 four times as fast.")
    environment = Environment.of_process()
    source = Source(path)
    play(_named(source.records(), path), environment, speed=speed)
    warn(source.reading, path)
    write_answer(_report(path), "text", environment)


def _named(records: Iterable[Record], path: Path) -> Iterator[Record]:
    """The run, called in what it tells to do next as it can be found here: one that is not kept here, by its file."""
    kept = path.absolute().parent == places().runs
    for record in records:
        if kept or not isinstance(record.event, RunStarted):
            yield record
            continue
        settings = record.event.settings | {"trajectory": str(path)}
        yield replace(record, event=replace(record.event, settings=settings))


def _terminal(path: Path) -> None:
    """The tree, then the answer as it stood below it."""
    from rlm_cli.cli.pager import page
    from rlm_cli.sinks.answer import Place, rendered
    from rlm_cli.sinks.outline import outline

    environment = Environment.of_process()
    stdout = environment.stdout
    source = Source(path)
    run = source.trajectory()
    warn(source.reading, path)

    def parts() -> Iterator[str]:
        for line in outline(run, stdout.size()[0], stdout.glyphs):
            yield line.render(stdout.colour) + "\n"
        if answer := rendered(_report(path), Place(environment)):
            yield "\n" + answer

    page(parts(), environment)


def _report(path: Path) -> Report:
    from rlm_cli.sinks.report import Report
    from rlm_cli.state import State

    state = State()
    for record in imports.read(path):
        state.apply(record)
    return Report.of(state, exit_code=0)


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
