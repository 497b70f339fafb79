"""One trial: a run like any other, over one task's input, with a journal of its own; then what it scored.

A trial that was stopped goes on from its journal, so no reply is paid for twice; the result is always read from the
journal, whether the trial was run now or by a process that was killed before it could say so.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from rlm_cli import journal
from rlm_cli.answer import Answer
from rlm_cli.bench.methods import METHODS
from rlm_cli.bench.plan import Trial
from rlm_cli.bench.results import Result
from rlm_cli.bench.scores import SCORES
from rlm_cli.bench.task import Task
from rlm_cli.errors import AuthError, InputError, Interrupted, RlmError, SandboxError, UsageError
from rlm_cli.events import CallFinished, CallStarted, Record
from rlm_cli.journal import Journal
from rlm_cli.recording import Past
from rlm_cli.run import Run
from rlm_cli.settings import Settings, load
from rlm_cli.sinks.report import Report
from rlm_cli.state import State


def by_floor(trial: Trial, folder: Path, seed: int) -> Result:
    """The result of a method that needs no model."""
    began = time.monotonic()
    text = trial.task.floors[trial.method](folder, random.Random(f"{seed}/{trial.name}"))
    return _result(trial, text, status="answered", seconds=round(time.monotonic() - began, 3))


def settings_of(trial: Trial, folder: Path, trace: Path, said: Mapping[str, Any], most: float | None) -> Settings:
    """The settings of a trial's run. `most`: dollars that it may spend."""
    method = METHODS[trial.method]
    flags = {
        **said,
        "model": trial.model,
        "strategy": method.strategy if isinstance(method.strategy, str) else "rlm",
        "max_depth": method.depth,
        "max_cost": "none" if most is None else most,
        "trajectory": str(trace),
        # What one method was told must not be free for the next one.
        "memo": False,
        # The input is ours: nothing of it is to be left out for its name or for where it lies.
        "ignore": False,
        "hidden": True,
        "include_secrets": True,
    }
    settings = load(flags, question=trial.task.question, sources=(str(folder),))
    return replace(settings, allow_changed=True)  # an input that was written again is the same to the byte


def recorded(trace: Path) -> Past | None:
    """What an earlier process has recorded of a trial, None where there is nothing to go on from."""
    if not trace.exists():
        return None
    try:
        return Past.read(lambda: journal.read(trace))
    except InputError:  # killed before its first line was whole: nothing was paid for
        trace.unlink()
        return None


async def by_model(trial: Trial, settings: Settings, trace: Path, past: Past | None) -> Result:
    """Run a trial, or go on with it. Raises what no other trial could do better with: AuthError, UsageError,
    SandboxError."""
    if past is not None and past.finished is not None:
        result = _read(trial, journal.read(trace))
        if not result.lost:
            return result
    failure = await _run(trial, settings, trace, past)
    result = _read(trial, journal.read(trace))
    if failure is not None and not result.failure:  # it came before the journal was open
        return replace(result, error=failure.message, failure=type(failure).__name__)
    return result


async def _run(trial: Trial, settings: Settings, trace: Path, past: Past | None) -> RlmError | None:
    """Run it, and return why it failed. Raises as `by_model` does."""
    strategy = METHODS[trial.method].strategy
    held = Journal(trace) if past is not None else None
    run = Run(settings, past, held, solver=None if isinstance(strategy, str) else strategy)
    answer: Answer | None = None
    failure: RlmError | None = None
    try:
        run.prepare()
        run.warm()
        run.recorder.show_past()
        await run.open()
        run.attach()
        answer = await run.ask(settings.question)
    except asyncio.CancelledError:
        stopped = Interrupted("the benchmark was stopped")
        failure = stopped
        run.stop(stopped)
        raise
    except RlmError as error:
        failure = error
        if isinstance(error, AuthError | UsageError | SandboxError):
            raise
    finally:
        await run.end_calls()
        given = answer or run.partial(failure)
        status = failure.status if failure is not None else given.exit_status
        run.told(given, int(status), failure)
        run.close()
    return failure


def _read(trial: Trial, records: Iterable[Record]) -> Result:
    """The result that a journal tells of."""
    state, purposes = State(), dict[str, str]()
    tokens = {"root": 0, "sub": 0}
    for record in records:
        state.apply(record)
        event = record.event
        if isinstance(event, CallStarted):
            purposes[event.call] = event.purpose
        elif isinstance(event, CallFinished):
            sort = "root" if purposes.get(event.call) in ("root", "extract", "compact") else "sub"
            tokens[sort] += event.input_tokens + event.output_tokens
    report = Report.of(state, exit_code=0)
    size = report.coverage.get("bytes") or 1
    error = report.error or {}
    return _result(
        trial,
        report.text,
        status=report.status,
        error=str(error.get("message", "")),
        failure=str(error.get("type", "")),
        cost=report.usage["cost_usd"] if report.usage["cost_known"] else None,
        root_tokens=tokens["root"],
        sub_tokens=tokens["sub"],
        calls=report.usage["calls"],
        turns=report.usage["turns"],
        seconds=round(report.elapsed, 3),
        searched=round(report.coverage.get("read_by_code_bytes", 0) / size, 4),
        read=round(report.coverage.get("read_by_models_bytes", 0) / size, 4),
    )


def _result(trial: Trial, text: str, *, status: str, **more: Any) -> Result:
    task: Task = trial.task
    score = 0.0 if status in ("failed", "not_found") else SCORES[task.scoring](text, task.gold)
    return Result(
        trial=trial.name,
        task=task.name,
        kind=task.kind,
        tokens=task.tokens,
        method=trial.method,
        model=trial.model,
        score=score,
        status=status,
        answer=text,
        **more,
    )
