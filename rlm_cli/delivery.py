"""What a run leaves behind for its caller: the answer on stdout and in `-o FILE`, errors on stderr, the exit status."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from rlm_cli.errors import ExitStatus, OutputError, RlmError, UsageError
from rlm_cli.named_files import open_for_writing
from rlm_cli.settings import Settings
from rlm_cli.signals import unwinding
from rlm_cli.sinks.answer import in_file, write_answer
from rlm_cli.sinks.report import Report, error_json
from rlm_cli.state import State
from rlm_cli.terminal import Environment

_GOOD = (ExitStatus.ANSWERED, ExitStatus.NOT_FOUND)


def refuse(error: RlmError, settings: Settings, environment: Environment) -> ExitStatus:
    """End a run that could not begin. With --json the envelope says why; a usage error has none and is raised."""
    if isinstance(error, UsageError):
        raise error
    report = Report.of(State(), exit_code=int(error.status), error=error_json(error), question=settings.question)
    environment.stderr.tell(error)
    return deliver(report, error.status, settings, environment)


def check_output(settings: Settings) -> None:
    """Refuse a place for the answer that cannot be written, before anything is paid. Raises UsageError."""
    if settings.output:
        folder = Path(settings.output).resolve().parent
        if not folder.is_dir() or not os.access(folder, os.W_OK) or Path(settings.output).is_dir():
            raise UsageError(f"-o: {settings.output} cannot be written", f"Is {folder} a directory you may write to?")


def deliver(report: Report, status: ExitStatus, settings: Settings, environment: Environment) -> ExitStatus:
    """Write the answer where it is wanted. What cannot be written is told, and decides the exit status.

    The file comes first, so that the envelope on stdout can say that it failed.
    """
    hint = f"The journal has it: {report.trace}" if report.trace else ""
    failure: OutputError | None = None
    if settings.output:
        try:
            _replace(Path(settings.output), in_file(report, settings.format))
        except OSError as error:
            failure = OutputError(f"the answer could not be written to {settings.output}: {error.strerror}", hint)
            status = failure.status if status in _GOOD else status
            report = replace(report, exit_code=int(status), error=report.error or error_json(failure))
    try:
        write_answer(report, settings.format, environment, links=settings.links)
    except OutputError as error:
        error.hint = hint or error.hint
        failure = failure or error
        status = error.status if status in _GOOD else status
    if failure is not None:
        environment.stderr.tell(failure)
    return status


def verdict(fail_if: str | None, status: ExitStatus) -> ExitStatus:
    """--fail-if: 1 for what is not wanted and 0 for what is; every other status stays."""
    if fail_if is None or status not in _GOOD:
        return status
    unwanted = ExitStatus.ANSWERED if fail_if == "found" else ExitStatus.NOT_FOUND
    return ExitStatus.NOT_FOUND if status == unwanted else ExitStatus.ANSWERED


def _replace(path: Path, data: Iterable[bytes]) -> None:
    """Write a file as a whole: a reader sees the old one or the new one. Devices and pipes are written straight."""
    if path.exists() and not path.is_file():
        with os.fdopen(open_for_writing(path), "wb") as stream:
            stream.writelines(data)
        return
    path = path.resolve()
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with unwinding():
            with fresh.open("wb") as stream:
                stream.writelines(data)
            with contextlib.suppress(OSError):
                fresh.chmod(path.stat().st_mode & 0o777)
            os.replace(fresh, path)
    except BaseException:
        with contextlib.suppress(OSError):
            fresh.unlink()
        raise
