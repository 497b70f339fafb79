"""A run at a terminal or in a pipe: the displays, the signals, the answer on stdout, the exit status.

What a run does is in `run.py`, which knows no terminal; here it is watched, stopped and delivered.
"""

from __future__ import annotations

import asyncio
import contextlib

from rlm_cli.answer import Answer
from rlm_cli.delivery import check_output, deliver, refuse, verdict
from rlm_cli.dryrun import estimate
from rlm_cli.errors import ExitStatus, OutputError, ProviderError, RlmError
from rlm_cli.events import RunReplayed
from rlm_cli.figures import called
from rlm_cli.journal import Journal
from rlm_cli.recording import Past
from rlm_cli.run import Run
from rlm_cli.settings import Settings
from rlm_cli.signals import Stopping
from rlm_cli.sinks import open_sinks
from rlm_cli.sinks.painter import restore_terminals
from rlm_cli.terminal import Environment


async def ask(settings: Settings, environment: Environment) -> ExitStatus:
    """Run one question to its end. Raises UsageError when there is nothing to run."""
    return await _watched(Run(settings), settings.question, environment)


async def go_on(past: Past, journal: Journal, settings: Settings, environment: Environment) -> ExitStatus:
    """Go on with the run in this journal, which the caller has locked and closes. Raises UsageError."""
    return await _watched(Run(settings, past, journal), past.questions[-1].question, environment)


async def follow(past: Past, journal: Journal, settings: Settings, environment: Environment) -> ExitStatus:
    """Ask the run in this journal a further question, that of `settings`. Raises UsageError."""
    past.ask(settings.question)
    return await _watched(Run(settings, past, journal), settings.question, environment)


async def replay(past: Past, settings: Settings, environment: Environment) -> ExitStatus:
    """Walk a recorded run again without any model or journal. Raises UsageError."""
    return await _watched(Run(settings, past), past.questions[-1].question, environment, replayed=True)


async def _watched(run: Run, question: str, environment: Environment, *, replayed: bool = False) -> ExitStatus:
    """The whole run. Raises only UsageError, before there is a run to speak of."""
    settings = run.settings
    try:
        check_output(settings)
        run.prepare()
    except RlmError as error:
        return refuse(error, settings, environment)
    stopping = Stopping(lambda: _resumable(run), restore_terminals, run.stop)
    if not settings.dry_run:
        run.warm()
        for sink in open_sinks(settings, environment, on_reader_gone=stopping.reader_gone):
            run.recorder.add(sink)
    stopping.listen()
    run.recorder.show_past()
    if replayed:
        run.recorder.emit(RunReplayed(run=run.name))
    answer: Answer | None = None
    failure: RlmError | None = None
    try:
        await run.open()
        if settings.dry_run:
            return _dry_run(run, environment)
        run.attach()
        answer = await run.ask(question)
    except asyncio.CancelledError:
        if stopping.stopped is None:
            raise
        failure = stopping.stopped
    except BrokenPipeError:
        failure = stopping.gone()
    except OutputError as error:  # the journal takes no more: what is in hand is still delivered
        run.recorder.attach(None)
        failure = stopping.stopped or error
    except RlmError as error:
        failure = stopping.stopped or error
    finally:
        stopping.finish()
        await _ended(run)
    return _finish(run, answer, failure, environment, stopping)


def _resumable(run: Run) -> str:
    """What `rlm resume` calls the run; empty where there is no record, or not yet, that it could go on from."""
    if run.recorder.journal is None or run.recorder.journal.removed or run.settings.redact:
        return ""
    return called(run.name, run.settings.trajectory)


async def _ended(run: Run) -> None:
    """Give calls and workers their end. A cancellation that is still on its way cannot stop it: it takes 1.5 s."""
    ending = asyncio.create_task(run.end_calls())
    while not ending.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.shield(ending)


def _finish(
    run: Run, answer: Answer | None, failure: RlmError | None, environment: Environment, stopping: Stopping
) -> ExitStatus:
    """Tell the journal, the sinks and the caller how it ended."""
    answer = answer or run.partial(failure)
    status = verdict(run.settings.fail_if, failure.status if failure is not None else answer.exit_status)
    if isinstance(failure, ProviderError) and "rlm resume" in failure.hint and not _resumable(run):
        failure.hint = ""
    journal = run.recorder.journal
    lost = run.told(answer, int(status), failure)
    if lost is not None and failure is None:
        failure, status = lost, lost.status
    run.close()
    stopping.leave()
    report = run.report(answer, status, failure, journal)
    if failure is not None:
        environment.stderr.tell(failure)
    return deliver(report, status, run.settings, environment)


def _dry_run(run: Run, environment: Environment) -> ExitStatus:
    """What would be read and what it may cost; nothing is sent."""
    assert run.corpus is not None
    assert run.root is not None
    text = estimate(run.corpus, run.root, run.sub, run.limits(), as_json=run.settings.format == "json")
    run.close()
    environment.stdout.write(text)
    return ExitStatus.ANSWERED
