"""One cell after another in one namespace: compile, run, and say what became of it."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from typing import Any

from rlm_cli.context.readers import Readers
from rlm_cli.sandbox import policy
from rlm_cli.sandbox.explain import explain
from rlm_cli.sandbox.inputs import Inputs, Wire
from rlm_cli.sandbox.modules import Imports
from rlm_cli.sandbox.namespace import Repl, shown_variables
from rlm_cli.sandbox.natives import HarmlessExit, Natives
from rlm_cli.sandbox.opened import Opener
from rlm_cli.sandbox.output import Output
from rlm_cli.sandbox.protocol import DRAFT
from rlm_cli.sandbox.seen import Seen
from rlm_cli.sandbox.stops import CellExited, CellInterrupted, CellSubmitted


class Cells:
    """The namespace of a run, and the loop body of the worker."""

    def __init__(
        self, wire: Wire, inputs: Inputs, *, seed: int = 0, tools: Sequence[tuple[str, str, str]] = ()
    ) -> None:
        self._wire = wire
        self._inputs = inputs
        self._output = Output()
        self._running = False
        self._late = False
        self._sources: dict[str, list[str]] = {}
        self.variables: dict[str, Any] = {}
        self._repl = Repl(self.variables, wire.call, inputs.table.number, inputs.files)
        self._seen = Seen(inputs.store, inputs.coverage)
        readers = Readers(inputs.context, inputs.files).names()
        readers |= {name: self._seen.noting(name, readers[name]) for name in ("grep", "search")}
        fixed = self._repl.names(readers, self._seen, tools)
        self._imports = Imports(self._output, fixed)
        self._natives = Natives(self.variables, self._output, self._imports.find, self._seen.printed)
        self._natives.table["open"] = Opener(inputs.files)
        self._fixed = fixed
        self._wants_history = False
        self._ballast = wire.ballast
        self.variables["__builtins__"] = self._natives.table
        random.seed(seed)

    def interrupt(self) -> None:
        """The host's signal: ends the cell that runs, and nothing between cells."""
        if self._running:
            self._late = True
            if not self._wire.interrupted():
                raise CellInterrupted

    def run(self, code: str, cell: str) -> dict[str, Any]:
        """Run one cell; the message that tells the host."""
        self._output.clear()
        self._seen.begin()
        self._ballast.take()
        self._late = False
        self._repl.submitted = False
        began = time.perf_counter()
        error: dict[str, Any] | None = None
        try:
            error = self._attempt(code, f"<cell {cell}>")
        except BaseException as stray:  # the second of two signals, or no memory left to explain the first error
            error = {
                "type": type(stray).__name__,
                "message": "the cell was stopped",
                "kind": "time" if self._late else "memory",
            }
        finally:
            self._running = False
            self._ballast.drop()
        return self._report(error, time.perf_counter() - began)

    def _attempt(self, code: str, filename: str) -> dict[str, Any] | None:
        self._sources[filename] = code.split("\n")
        self._repl.filename = filename
        try:
            self._running = True
            compiled = policy.compile_cell(code, filename)
            self._restore(compiled)
            try:
                exec(compiled.code, self.variables)
            finally:
                self._notice(compiled)
            self._after()
        except (CellSubmitted, CellExited):
            return None
        except BaseException as error:
            self._running = False
            self._ballast.drop()
            if self._late:
                self._inputs.settle()
            if self._repl.submitted:
                return None
            if isinstance(error, HarmlessExit) and type(error).__name__ == "SystemExit":
                return None
            return explain(error, filename, self._sources, late=self._late)
        finally:
            self._running = False
        return None

    def _restore(self, compiled: policy.Compiled) -> None:
        """Put the names of the REPL back, and fetch the history if this cell or an earlier function reads it."""
        # `answer` stays what a cell made of it: models also use the name for a plain text, and submit that.
        self.variables.setdefault("answer", self._fixed["answer"])
        self.variables.update((name, value) for name, value in self._fixed.items() if name != "answer")
        if "history" in compiled.names:
            self._wants_history = True
        if self._wants_history:
            self.variables["history"] = str(self._repl.call("history"))

    def _notice(self, compiled: policy.Compiled) -> None:
        """Names of the REPL that the cell bound will be put back: its model is told."""
        for name in sorted(compiled.stores & self._fixed.keys() - {"answer"}):
            if self.variables.get(name) is not self._fixed[name]:
                self._output.write(f"[note: `{name}` is a name of the REPL and is set back after this cell]\n")

    def _after(self) -> None:
        """`answer["ready"] = True` submits, also where `answer` was bound to another dict."""
        answer = self.variables.get("answer")
        if isinstance(answer, dict) and answer.get("ready") is True and not self._repl.submitted:
            answer["ready"] = False
            self._repl.submit("final", answer.get("content"))

    def _draft(self) -> str | None:
        answer = self.variables.get("answer")
        if not isinstance(answer, dict):
            return answer[:DRAFT] if isinstance(answer, str) and answer.strip() else None
        content = answer.get("content")
        if content in ("", None):
            return None
        if isinstance(content, str):
            return str(content[:DRAFT])
        return repr(content)[:DRAFT]

    def _report(self, error: dict[str, Any] | None, seconds: float) -> dict[str, Any]:
        coverage = self._inputs.coverage.take()
        shown, searched = self._seen.take()
        message: dict[str, Any] = {
            "t": "done",
            "output": "",
            "length": self._output.length,
            "error": error,
            "submitted": self._repl.submitted,
            "variables": [],
            "draft": None,
            "seconds": round(seconds, 6),
            "looked": bool(coverage),
            "coverage": coverage.wire(),
            "shown": shown,
            "searched": searched,
        }
        try:
            message["output"] = self._output.text()
            message["draft"] = self._draft()
            message["variables"] = shown_variables(self._repl)
        except Exception as failure:  # a hostile __repr__, or no memory
            if error is None:
                message["error"] = {"type": type(failure).__name__, "message": str(failure)[:500], "kind": "memory"}
        return message
