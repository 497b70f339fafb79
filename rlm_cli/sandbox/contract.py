"""The types that an engine and a sandbox agree on; `rlm_cli.sandbox` offers them and says what they are for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

from rlm_cli.context.spans import Part, Span


@dataclass(frozen=True, slots=True)
class Ready:
    """What holds on this machine, tried and not assumed. Names such as `seccomp`, `landlock`, `rlimits`, `policy`."""

    layers: tuple[str, ...]
    missing: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class CellError:
    """Why a cell ended early, as the model is shown it."""

    type: str  # the exception's class name
    message: str
    line: int | None = None  # line of the cell, from 1
    source: str = ""  # that line's text
    hint: str = ""
    kind: Literal["error", "refused", "time", "memory", "died"] = "error"
    """error: Python's own; refused: by the language policy; time, memory: a bound; died: the worker process is gone."""


@dataclass(frozen=True, slots=True)
class Variable:
    name: str
    type: str
    size: str  # for people: "12 items", "3,204 characters"


class Shown(NamedTuple):
    """A part of the input that a model sees: `length` characters of the output from `offset`, or of a prompt (-1)."""

    offset: int
    length: int
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class CellResult:
    output: str = ""  # what it printed, at most 1 MB; then its last expression
    output_length: int = 0  # characters it printed in truth
    error: CellError | None = None
    submitted: bool = False  # a FINAL or NOT_FOUND was accepted: the cell ended there
    variables: tuple[Variable, ...] = ()
    draft: str | None = None  # `answer["content"]`, once set
    seconds: float = 0.0  # the cell's own time: waiting for models is not counted
    looked: bool = False  # something of the input was read by this cell
    coverage: Any = None  # what was read since the last cell, as `Coverage.wire()`
    shown: tuple[Shown, ...] = ()  # parts of the input in the output and in prompts, as far as they are known
    searched: tuple[tuple[str, str], ...] = ()  # `grep` or `search`, and what for
    lost: tuple[str, ...] = ()  # after a death: variables that could not be rebuilt


class Host(Protocol):
    """What a cell may ask of the host. Every argument comes from an untrusted process: check, then use.

    An error raised as `CellRefusal` is raised in the cell under its own name; any other ends the run.
    """

    async def query(
        self, prompts: Sequence[Sequence[Part]], *, model: str | None, schema: Any, recursive: bool, site: int | None
    ) -> list[Any]:
        """Model calls, in order. Each answer is a text, `{"error": kind, "message": …}`, or with a schema
        `{"value": …}`.

        `site` is the line of the cell that asked: the tree groups by it.
        """
        ...

    async def submit(
        self, kind: Literal["final", "not_found"], value: Any, parts: Sequence[Part] | None, *, searched: bool = False
    ) -> None:
        """An answer: `parts` where it is text, else `value` as JSON. `searched`: this cell has gone through the input.

        Raises `CellRefusal` when it is not accepted.
        """
        ...

    async def spool(self, parts: Sequence[Part]) -> None:
        """The next piece of an answer that is too long for one message; `submit` without value and parts ends it."""
        ...

    async def tool(self, name: str, arguments: Sequence[Any], named: Mapping[str, Any]) -> Any:
        """Call a function of the user, and return its value as JSON can hold it."""
        ...

    @property
    def tools(self) -> Sequence[Sequence[str]]:
        """The functions of the user, each as [name, signature, docstring]."""
        ...

    def draft(self, text: str) -> None:
        """`answer["content"]` as it stands before the cell waits for models."""
        ...

    async def cite(self, span: tuple[int, int, int], line: int, end_line: int) -> int:
        """Register a source: (file, start, end) in bytes and its lines. Returns its number, from 1."""
        ...

    def open(self, file: int) -> int:
        """A read-only descriptor of that file; the caller closes it. Raises `CellRefusal` when it cannot be read."""
        ...

    def budget(self) -> dict[str, Any]:
        """What is left of each limit."""
        ...

    def history(self) -> str:
        """The whole run so far as text."""
        ...


class CellRefusal(Exception):
    """Raised by `Host`; becomes an exception of class `kind` in the cell, with this message."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


class Sandbox(Protocol):
    async def start(self) -> Ready:
        """Bring it up, confined. Raises `SandboxError`."""
        ...

    async def run(self, code: str, *, cell: str, time_limit: float) -> CellResult:
        """Run one cell. A cell can fail, never raise here; raises `SandboxError` only when no sandbox can be had."""
        ...

    async def close(self) -> None:
        """End it and everything it started. Safe to call twice, and at any time."""
        ...
