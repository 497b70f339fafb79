"""Sinks: what becomes of the events of a run besides the journal.

The smallest sink:

    class Counter:
        def __init__(self): self.calls = 0
        def emit(self, record): self.calls += record.event.type == "call.finished"
        def close(self): print(self.calls, file=sys.stderr)

A sink never touches the engine, and nothing that it raises may end a run: the recorder reports it once and goes on.

To add a progress display, write a class like this one and one line in `PROGRESS`; an answer format is one line in
`answer.FORMATS`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from rlm_cli.events import Record
from rlm_cli.terminal import Environment


class Sink(Protocol):
    def emit(self, record: Record) -> None:
        """One event, in order, once. Must return quickly: it is called on the event loop."""
        ...

    def close(self) -> None:
        """The run is over, whichever way. Restore whatever was changed."""
        ...


class Display(Protocol):
    """What the user wants to see: `Settings` is one, and so is anything with these four."""

    @property
    def progress(self) -> str:
        """`auto`, `none` or a key of PROGRESS."""
        ...

    @property
    def format(self) -> str:
        """A key of `answer.FORMATS`."""
        ...

    @property
    def quiet(self) -> bool: ...

    @property
    def verbose(self) -> int: ...


def _tree(display: Display, environment: Environment) -> Sink:
    from rlm_cli.sinks.tree import TreeSink

    return TreeSink(environment.stderr, environment.variables, verbose=display.verbose, air=environment.stdout.tty)


def _plain(display: Display, environment: Environment) -> Sink:
    from rlm_cli.sinks.plain import PlainSink

    return PlainSink(environment.stderr, verbose=display.verbose, neutral=environment.in_github)


def _jsonl(_display: Display, environment: Environment) -> Sink:
    from rlm_cli.sinks.jsonl import JsonlSink

    return JsonlSink(environment.stderr, fatal=False)


PROGRESS: dict[str, Callable[[Display, Environment], Sink]] = {
    "tree": _tree,
    "plain": _plain,
    "jsonl": _jsonl,
}


def choose_progress(display: Display, environment: Environment) -> str:
    """The progress display for these streams: a key of PROGRESS, or none."""
    if display.quiet:
        return "none"
    if display.progress != "auto":
        return display.progress
    if not environment.motion:
        return "plain"
    # Events and a tree on one terminal would write through each other.
    return "none" if display.format == "jsonl" and environment.stdout.tty else "tree"


def open_sinks(
    display: Display, environment: Environment, *, on_reader_gone: Callable[[], None] | None = None
) -> list[Sink]:
    """The sinks of a run. `on_reader_gone` is called, from a thread, when the reader of `-f jsonl` has left."""
    sinks: list[Sink] = []
    chosen = choose_progress(display, environment)
    if chosen != "none":
        sinks.append(PROGRESS[chosen](display, environment))
    if display.format == "jsonl":
        from rlm_cli.sinks.jsonl import JsonlSink

        sinks.append(JsonlSink(environment.stdout, on_gone=on_reader_gone))
    return sinks
