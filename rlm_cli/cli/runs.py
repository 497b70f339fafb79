"""`rlm runs`: what was asked before, from the journals in the state directory."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from rlm_cli import figures, journal, values
from rlm_cli.cli.help import HELP_FLAGS, Command, Group
from rlm_cli.cli.output import columns, remark, say, say_json
from rlm_cli.cli.reading import warn
from rlm_cli.errors import InputError, UsageError
from rlm_cli.events import RunFinished, parse
from rlm_cli.places import places, shown
from rlm_cli.sinks.report import source_line
from rlm_cli.state import State
from rlm_cli.terminal import one_line

EXAMPLES = """
rlm runs                               the latest 20
rlm runs show last
rlm runs prune --older-than 30d
"""
_LATEST = 20
_FOLDED = 4 * 1024 * 1024  # bytes; up to here a journal is read as a whole to say what a stopped run did cost
_TAIL = 256 * 1024  # bytes at a journal's end in which its last event is looked for

app = typer.Typer(
    cls=Group, add_completion=False, rich_markup_mode=None, epilog=EXAMPLES, context_settings=HELP_FLAGS,
    invoke_without_command=True,
)  # fmt: skip

Json = Annotated[bool, typer.Option("--json", help="as JSON")]


@dataclass(frozen=True, slots=True)
class Run:
    """What one line of the list says. `cost` is None where nobody knows."""

    id: str
    question: str
    status: str
    cost: float | None
    age: float  # seconds
    bytes: int
    path: Path


@app.callback()
def runs(context: typer.Context) -> None:
    """List past runs, show one, or remove old ones.

    A run is called by its id, its last four letters, or `last`.
    """
    if context.invoked_subcommand is None:
        show_list()


@app.command("list", cls=Command, context_settings=HELP_FLAGS)
def show_list(
    every: Annotated[bool, typer.Option("--all", help=f"all runs, and not the latest {_LATEST} alone")] = False,
    json: Json = False,
) -> None:
    """List the latest runs: question, how they ended, cost, age."""
    paths = journal.runs(places().runs)
    found = list(_heads(paths if every else paths[:_LATEST]))
    if json:
        say_json([{"run": run.id, "question": run.question, "status": run.status, "cost_usd": run.cost,
                   "age_s": round(run.age), "bytes": run.bytes, "trajectory": str(run.path)}
                  for run in found])  # fmt: skip
        return
    if not found:
        remark(f"there are no runs in {shown(places().runs)}")
        return
    head = ("run", "asked", "ended", "cost", "question")
    rows = [(run.id, f"{_age(run.age)} ago", run.status, _cost(run.cost), one_line(run.question)) for run in found]
    say(columns([head, *rows], right=(1, 3), cut=True))
    if len(paths) > len(found):
        remark(f"{len(paths) - len(found)} older ones: rlm runs list --all")


@app.command(cls=Command, context_settings=HELP_FLAGS)
def show(run: Annotated[str, typer.Argument(metavar="[RUN]", show_default=False)] = "last", json: Json = False) -> None:
    """Show one run: question, answer, sources, cost."""
    path = journal.find(places().runs, run)
    reading = journal.Reading()
    state = State()
    for record in journal.read(path, reading):
        state.apply(record)
    if state.run is None:
        raise UsageError(f"{shown(path)} is not the record of a run", "rlm runs lists those that are.")
    if json:
        say_json(_as_json(state, path))
        return
    say(_as_text(state, path))
    warn(reading, path)


@app.command(cls=Command, context_settings=HELP_FLAGS)
def prune(
    older_than: Annotated[str | None, typer.Option("--older-than", metavar="TIME", help="runs before, as 30d")] = None,
    max_size: Annotated[
        str | None, typer.Option("--max-size", metavar="SIZE", help="the oldest, until all others fit, as 1G")
    ] = None,
    dry_run: Annotated[bool, typer.Option("-n", "--dry-run", help="say what would go; remove nothing")] = False,
) -> None:
    """Remove records of old runs. A run that is still going is left alone."""
    if older_than is None and max_size is None:
        raise UsageError("prune needs to know which runs", "Such as: rlm runs prune --older-than 30d")
    for flag, text, such in (("--older-than", older_than, "30d"), ("--max-size", max_size, "1G")):
        if text and text.strip("0") and text.strip().replace(".", "", 1).isdigit():  # 30 seconds leave no run at all
            raise UsageError(f"{flag} {text}: {text} of what?", f"Such as: rlm runs prune {flag} {such}")
    doomed = _doomed(_read(values.duration, "--older-than", older_than), _read(values.size, "--max-size", max_size))
    gone = size = 0
    for path in doomed:
        length = _size(path)
        if journal.going(path) or not path.exists():  # or another process prunes too
            continue
        if not dry_run:
            for file in _files(path):
                file.unlink(missing_ok=True)
        gone, size = gone + 1, size + length
    verb = "would be removed" if dry_run else "removed"
    remark(f"{figures.plural(gone, 'run')} {verb}, {figures.size(size)}")


def _heads(paths: Iterable[Path]) -> Iterator[Run]:
    """The heads of these runs, without those that another process removes meanwhile."""
    for path in paths:
        try:
            yield _look(path)
        except (FileNotFoundError, InputError):
            if path.exists():
                raise


def _look(path: Path) -> Run:
    """The head of a run, from the first and the last line of its journal alone."""
    started = journal.started(path)
    end = _last(path)
    status, cost = "stopped", None
    if end is not None:
        spent = end.usage.get("cost_usd", end.usage.get("cost"))
        status, cost = one_line(end.status, 20), spent if isinstance(spent, int | float) else None
    elif journal.going(path):
        status = "running"
    told = path.stat()
    if cost is None and told.st_size <= _FOLDED:
        cost = _spent(path)
    question = started.question if started else "(no record of a run)"
    return Run(path.stem, question, status, cost, max(0.0, time.time() - _began(path)), told.st_size, path)


def _spent(path: Path) -> float | None:
    """Dollars, from all of a journal whose end does not say."""
    state = State()
    for record in journal.read(path):
        state.apply(record)
    return state.totals.cost if state.totals.cost_known else None


def _last(path: Path) -> RunFinished | None:
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - _TAIL))
        lines = stream.read().splitlines()
    for line in reversed(lines[-4:]):
        with contextlib.suppress(ValueError):
            event = parse(line).event
            if isinstance(event, RunFinished):
                return event
    return None


def _began(path: Path) -> float:
    """Wall time in seconds at which a run began, as its id says."""
    try:
        return datetime.strptime(path.stem[:15], "%Y%m%d-%H%M%S").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return path.stat().st_mtime


def _files(path: Path) -> tuple[Path, Path]:
    """What a run has left: what came in a pipe, which is kept for `rlm resume`, and its journal."""
    return journal.kept_stdin(path), path


def _size(path: Path) -> int:
    """Bytes that removing a run gives back."""
    size = 0
    for file in _files(path):
        with contextlib.suppress(FileNotFoundError):
            size += file.stat().st_size
    return size


def _doomed(age: float | None, room: int | None) -> list[Path]:
    """The journals that are too old, or do not fit into `room` bytes beside newer ones; oldest first."""
    paths = journal.runs(places().runs)  # newest first
    now, taken, doomed = time.time(), 0, []
    for path in paths:
        taken += _size(path)
        if (age is not None and now - _began(path) > age) or (room is not None and taken > room):
            doomed.append(path)
    return doomed[::-1]


def _read(reader: Any, flag: str, text: str | None) -> Any:
    try:
        return None if text is None else reader(text)
    except ValueError as problem:
        raise UsageError(f"{flag}: {text!r} {problem}") from None


def _as_json(state: State, path: Path) -> dict[str, Any]:
    run, answer, end = state.run, state.answer, state.finished
    assert run is not None
    return {
        "run": run.run, "question": state.question, "sources": run.sources, "root_model": run.root_model,
        "sub_model": run.sub_model, "status": end.status if end else "running" if journal.going(path) else "stopped",
        "answer": answer.text if answer else None, "citations": answer.citations if answer else [],
        "usage": end.usage if end else {"calls": state.totals.calls, "cost_usd": state.totals.cost},
        "elapsed_s": round(state.t, 3), "trajectory": str(path),
    }  # fmt: skip


def _as_text(state: State, path: Path) -> str:
    run, answer, totals = state.run, state.answer, state.totals
    assert run is not None
    unfinished = "not yet: it is going on" if journal.going(path) else "stopped before its end"
    spent = figures.money(totals.cost) + ("" if totals.cost_known else " and more: not every price is known")
    head = [
        ("run", run.run), ("question", state.question), ("sources", " ".join(run.sources) or "stdin"),
        ("models", run.models),
        ("ended", state.finished.status if state.finished else unfinished),
        ("took", f"{figures.duration(state.t)}, {figures.plural(state.turn_count, 'turn')}, "
                 f"{figures.plural(totals.calls, 'call')}, {spent}"),
        ("record", shown(path)),
    ]  # fmt: skip
    parts = [columns(head)]
    if answer is not None and answer.text:
        parts.append(answer.text.rstrip("\n"))
        sources = [source_line(item) for item in answer.citations]
        if sources:
            parts.append("Sources\n" + "\n".join(f"  {source}" for source in sources))
    return "\n\n".join(parts)


def _age(seconds: float) -> str:
    for unit, length in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= length:
            return f"{int(seconds // length)}{unit}"
    return f"{int(seconds)}s"


def _cost(cost: float | None) -> str:
    return "?" if cost is None else figures.money(cost)
