"""What is compared: rlm, and peers from PyPI, each in a virtual environment of its own with pinned versions.

To add a peer: a class like `Rlms` in `programs/rlms.py`, the script that drives it in `drivers/`, its pins in `pins/`
(`pip freeze`), and a line in `programs/registry.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tests.bench.compare.process import Failed


class Unsupported(Failed):
    """The program has nothing for this work. Says what it has instead."""


@dataclass(frozen=True, slots=True)
class Job:
    """One question to be asked."""

    url: str  # base URL of the model, ends in /v1
    home: Path  # HOME of the run, empty at its start
    input: Path | None  # a file or a directory; None: stdin
    question: str
    turns: int = 20  # most that the script needs
    calls: int = 100
    width: int = 64  # calls at once, where the program lets its user say so
    depth: int = 1
    log: bool = False  # keep a record of the run under `home`, where the program can


class Program(Protocol):
    """How to run a program, and how its root model speaks.

    name      as it is shown
    context   the expression of the whole input's text in a cell
    look      an expression that looks at it: several programs take no answer from a model that has seen nothing
    """

    name: str
    context: str

    @property
    def look(self) -> str: ...

    def prepare(self) -> str:
        """Install it where needed; its version. Raises Failed."""
        ...

    def command(self, job: Job) -> list[str]:
        """The command that asks. Raises Unsupported."""
        ...

    def help(self) -> list[str]:
        """The command that prints its help; of a library, the one that imports it."""
        ...

    def reply(self, code: str) -> str:
        """What a root model says that wants `code` to be run."""
        ...

    def final(self, value: str) -> str:
        """Code that submits the value of an expression."""
        ...

    def batch(self, prompts: str) -> str:
        """An expression: replies to a list of prompts, asked at once."""
        ...

    def children(self, prompts: str) -> str:
        """An expression: answers of children, each with its own REPL. Raises Unsupported."""
        ...

    def leaf(self, text: str) -> str:
        """What a sub-model says that answers `text`."""
        ...
