"""What a finished run amounts to, in plain values: the one source of every answer format."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from rlm_cli.errors import RlmError
from rlm_cli.sinks.trust import finding
from rlm_cli.state import State
from rlm_cli.terminal import encode, one_line

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The answer and everything that is said about it. Citations are dicts as `answer.given` holds them."""

    run: str = ""
    question: str = ""
    status: str = "failed"  # answered, not_found, partial, failed
    exit_code: int = 0
    text: str = ""
    body: Iterable[bytes] | None = None  # all of an answer of which `text` is a cut; may be gone through again
    value: Any = None
    shaped: bool = False  # --schema: the answer is `value`
    stopped_by: str | None = None
    citations: list[dict[str, Any]] = field(default_factory=list)
    coverage: dict[str, Any] = field(default_factory=dict)
    checks: dict[str, Any] = field(default_factory=dict)
    models: dict[str, str] = field(default_factory=dict)
    usage: dict[str, Any] = field(default_factory=dict)
    elapsed: float = 0.0  # seconds
    sources: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    trace: str | None = None
    error: dict[str, Any] | None = None

    @classmethod
    def of(
        cls,
        state: State,
        *,
        exit_code: int,
        trace: str | None = None,
        error: Mapping[str, Any] | None = None,
        shaped: bool = False,
        question: str = "",
        body: Iterable[bytes] | None = None,
    ) -> Report:
        """The report of a run that is over, or that ended before it could begin (then `state` is empty)."""
        run, answer, found, totals = state.run, state.answer, state.input, state.totals
        told = dict(error) if error is not None else (state.finished.error if state.finished else None)
        return cls(
            run=run.run if run else "",
            question=state.question or question,
            status=answer.status if answer else "failed",
            exit_code=int(exit_code),
            text=answer.text if answer else "",
            body=body,
            value=answer.value if answer else None,
            shaped=shaped,
            stopped_by=answer.stopped_by if answer else None,
            citations=list(answer.citations) if answer else [],
            coverage=_coverage(state),
            checks=dict(answer.checks) if answer else {},
            models={"root": run.root_model, "sub": run.sub_model} if run else {},
            usage={
                "turns": state.turn_count,
                "calls": totals.calls,
                "failed_calls": totals.failed,
                "recalled_calls": totals.recalled,
                "children": state.children_count,
                "input_tokens": totals.input_tokens,
                "cached_tokens": totals.cached_tokens,
                "output_tokens": totals.output_tokens,
                "cost_usd": round(totals.cost, 6),
                "cost_known": totals.cost_known,
            },
            elapsed=state.t,
            sources={
                "files": found.files if found else 0,
                "bytes": found.bytes if found else 0,
                "skipped": sum(found.skipped.values()) if found else 0,
                "skipped_by_reason": dict(found.skipped) if found else {},
            },
            warnings=list(state.warnings),
            trace=trace,
            error=told,
        )

    @property
    def partial(self) -> bool:
        return self.status == "partial"

    def envelope(self) -> dict[str, Any]:
        """The object of `--json`, as schemas/answer.json describes it."""
        return {
            "schema_version": SCHEMA_VERSION,
            "status": self.status,
            "exit_code": self.exit_code,
            "run_id": self.run,
            "question": self.question,
            "answer": self.value if self.shaped else self.text,
            "partial": self.partial,
            "stopped_by": self.stopped_by,
            "citations": self.citations,
            "coverage": self.coverage,
            "checks": self.checks,
            "models": self.models,
            "usage": self.usage,
            "elapsed_s": round(self.elapsed, 3),
            "sources": self.sources,
            "warnings": self.warnings,
            "trace": self.trace,
            "error": self.error,
        }


def _coverage(state: State) -> dict[str, Any]:
    """The account of the answer, and its rows by file; a row of many files stands for a directory."""
    if state.answer is None:
        return {}
    rows = state.read.files if state.read else []
    names = ("path", "bytes", "read_by_code_bytes", "read_by_models_bytes", "files")
    by_file = [dict(zip(names, row, strict=False)) for row in rows]
    return dict(state.answer.coverage) | ({"by_file": by_file} if by_file else {})


def error_json(error: RlmError) -> dict[str, Any]:
    """An error as the envelope holds it."""
    return {
        "type": type(error).__name__,
        "message": error.message,
        "hint": error.hint,
        "retryable": error.retryable,
    }


def document(report: Report) -> str:
    """The answer as text: what stdout and `-o FILE` get, byte for byte, with its line end. Empty without an answer.

    With --schema it is the bare JSON value. A partial answer says so in its first line, since a file outlives the exit
    status.
    """
    if report.shaped:
        unfit = report.value is None or report.status == "failed"
        return "" if unfit else json.dumps(report.value, ensure_ascii=False) + "\n"
    if not report.text.strip():
        return ""
    text = report.text if report.text.endswith("\n") else report.text + "\n"
    if report.partial:
        text = f"{partial_line(report)}\n\n{text}"
    if found := behind(report):
        text += f"\n{found}\n"
    places = [source_line(citation) for citation in report.citations]
    return text + ("\nSources\n" + "\n".join(places) + "\n" if places else "")


def whole_document(report: Report) -> Iterator[bytes]:
    """`document` of an answer that is too long to be held, a piece at a time."""
    if report.body is None:
        yield encode(document(report))
        return
    last = b""
    for piece in report.body:
        yield piece
        last = piece
    if not last.endswith(b"\n"):
        yield b"\n"
    places = [source_line(citation) for citation in report.citations]
    if places:
        yield encode("\nSources\n" + "\n".join(places) + "\n")


def behind(report: Report) -> str:
    """What stands behind a "not found"; empty for any other answer."""
    return finding(report.coverage) if report.status == "not_found" and not report.shaped else ""


def partial_line(report: Report) -> str:
    """`Partial answer (stopped by cost):`."""
    return f"Partial answer (stopped by {one_line(report.stopped_by or 'a limit', 60)}):"


def place(citation: Mapping[str, Any]) -> str:
    """`path:line`, as editors and `grep -n` spell it. The path on one line, whatever it holds."""
    line, end = citation.get("line"), citation.get("end_line")
    path = one_line(str(citation.get("path", "")), 4096)
    if not isinstance(line, int):  # a journal from elsewhere
        return path
    return f"{path}:{line}-{end}" if isinstance(end, int) and end > line else f"{path}:{line}"


def source_line(citation: Mapping[str, Any]) -> str:
    """`[1] src/auth.py:42-58`; a source whose quote was not found again says so."""
    number = citation.get("number")
    mark = f"[{number}] " if number is not None else ""
    return mark + place(citation) + ("" if citation.get("verified") else "  ? not verified")
