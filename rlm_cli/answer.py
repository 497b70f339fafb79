"""The answer of a run: its text or value, its sources, how much of the input was looked at, and how the run ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from rlm_cli.citations import Citation
from rlm_cli.errors import ExitStatus
from rlm_cli.spooled import Spooled

Status = Literal["answered", "not_found", "partial", "failed"]

_STOPS = {"time": ExitStatus.TIMEOUT, "interrupt": ExitStatus.INTERRUPTED, "terminate": ExitStatus.TERMINATED}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one node ended, before its sources are checked. `stopped_by` names the limit, or is None."""

    status: Status
    text: str
    value: Any = None
    stopped_by: str | None = None
    body: Spooled | None = None  # all of an answer of which `text` is a cut
    votes: Mapping[str, Any] | None = None  # with --votes: how many agreed, and what the others said


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the user gets."""

    status: Status
    text: str
    value: Any = None  # the parsed value, with --schema
    body: Spooled | None = None  # all of an answer that is too long to be held; `text` is a cut then
    stopped_by: str | None = None  # cost, tokens, calls, turns, time, interrupt, terminate, protocol
    citations: tuple[Citation, ...] = ()
    coverage: Mapping[str, Any] = field(default_factory=dict)
    usage: Mapping[str, Any] = field(default_factory=dict)  # turns, calls, tokens and dollars of the run so far
    checks: Mapping[str, Any] = field(default_factory=dict)  # of marks, places and quotations: see references.py
    warnings: tuple[str, ...] = ()  # from Python: what the command line says on stderr while it runs

    def __str__(self) -> str:
        return self.text

    @property
    def partial(self) -> bool:
        return self.status == "partial"

    @property
    def exit_status(self) -> ExitStatus:
        """The status of a run that ended without an error."""
        if self.status == "answered":
            return ExitStatus.ANSWERED
        if self.status == "not_found":
            return ExitStatus.NOT_FOUND
        return _STOPS.get(self.stopped_by or "", ExitStatus.LIMIT)
