"""Exports: a run in the form that another program reads. One file a form, one line in `EXPORTS`.

The smallest export:

    def export(source: Source, choices: Choices) -> Iterator[bytes]:
        yield str(len(source.trajectory().calls)).encode()
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from rlm_cli import imports
from rlm_cli.events import Record
from rlm_cli.exports.trajectory import Trajectory
from rlm_cli.journal import Reading


@dataclass(frozen=True, slots=True)
class Source:
    """The journal of one run, or a log of another program. It may be read more than once."""

    path: Path
    reading: Reading = field(default_factory=Reading)  # what was met when it was read the last time

    def records(self) -> Iterator[Record]:
        """Its events. Raises InputError."""
        self.reading.torn.clear()
        self.reading.unknown = 0
        return imports.read(self.path, self.reading)

    def trajectory(self) -> Trajectory:
        return Trajectory.of(self.records())


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What the flags of `rlm export` say."""

    failed: bool = False  # sft: runs without an answer too
    most: int = 100_000  # sft: characters of a sample; longer ones are left out
    tokens: bool = False  # sft: the tokens of each reply
    content: bool = True  # otel: prompts and replies too
    columns: int = 100  # asciicast
    rows: int = 30
    tell: Callable[[str], None] = lambda _message: None  # what was left out, in a sentence


Export = Callable[[Source, Choices], Iterator[bytes]]

EXPORTS: dict[str, tuple[str, str]] = {
    "visualizer": ("the log that the reference implementation's visualizer loads", ".jsonl"),
    "sft": ("chats to train a model on, one a turn of the root", ".jsonl"),
    "otel": ("spans of OpenTelemetry, as OTLP JSON", ".json"),
    "markdown": ("a report to read", ".md"),
    "asciicast": ("a recording that asciinema plays", ".cast"),
    "html": ("the page of rlm view", ".html"),
}
"""Name → what it is, and how its files end. The module of that name has `export`."""


def export(name: str, source: Source, choices: Choices) -> Iterator[bytes]:
    """The run in the form `name`, in parts."""
    made: Export = import_module(f"rlm_cli.exports.{name}").export
    return made(source, choices)
