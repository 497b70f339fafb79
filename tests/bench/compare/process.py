"""One run of a command, watched: seconds, processor seconds, and the memory of the process and all it started.

Memory is sampled from /proc (Linux). *Resident* counts what the tree has in memory, mapped files included; *private*
leaves out pages that belong to files or are shared. A run over its time or memory limit is killed, with all it started.
"""

from __future__ import annotations

import os
import resource
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

PAGE: Final = resource.getpagesize()
MEMORY_LIMIT: Final = 8_000_000_000
"""Bytes of private memory at which a contestant is stopped. A laptop of 16 GB gives a program no more."""


class Failed(Exception):
    """A contestant did not do its work: what it said, in a line."""


@dataclass(frozen=True, slots=True)
class Ran:
    began: float  # monotonic seconds
    seconds: float
    cpu: float  # processor seconds of the process and of all it waited for
    resident: int  # bytes at the peak
    private: int
    status: int  # as `Popen.returncode`
    output: str  # of stdout, the last 20,000 characters
    errors: str


def tree(pid: int) -> Iterator[int]:
    """A process and all that it and they started."""
    yield pid
    for thread in _listed(f"/proc/{pid}/task"):
        with suppress(OSError), open(f"/proc/{pid}/task/{thread}/children", encoding="ascii") as file:
            for child in file.read().split():
                yield from tree(int(child))


def _listed(path: str) -> list[str]:
    try:
        return os.listdir(path)
    except OSError:
        return []


def memory(pid: int) -> tuple[int, int]:
    """(resident, private) bytes of a process tree now."""
    resident = private = 0
    for one in tree(pid):
        with suppress(OSError, IndexError), open(f"/proc/{one}/statm", encoding="ascii") as file:
            _, held, shared = [int(word) for word in file.read().split()[:3]]
            resident += held * PAGE
            private += (held - shared) * PAGE
    return resident, private


def kill(pid: int) -> None:
    for one in list(tree(pid))[::-1]:
        with suppress(OSError):
            os.kill(one, signal.SIGKILL)


def run(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    stdin: int | None = None,
    timeout: float = 120.0,
    limit: int = MEMORY_LIMIT,
    cwd: Path | None = None,
    watch: Callable[[int, float], None] | None = None,
    expected: str | None = None,
    statuses: Sequence[int] | None = (0,),
) -> Ran:
    """Run a command to its end. `watch` is called with its process id and the seconds so far, every few milliseconds.

    Raises Failed where it was stopped, ended with a status that is not of `statuses` (None: any), or printed nothing
    that holds `expected`.
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        began = time.monotonic()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=output,
            stderr=errors,
            env=dict(environment),
            cwd=cwd,
            start_new_session=True,
        )
        resident = private = 0
        stopped = ""
        ended = os.pidfd_open(process.pid)
        try:
            while not select.select([ended], [], [], 0.005 if time.monotonic() - began < 1 else 0.02)[0]:
                held = memory(process.pid)
                resident, private = max(resident, held[0]), max(private, held[1])
                if private > limit:
                    stopped = f"stopped at {limit / 1e9:g} GB of memory"
                elif time.monotonic() - began > timeout:
                    stopped = f"stopped after {timeout:g} s"
                if stopped:
                    kill(process.pid)
                    break
                if watch is not None:
                    watch(process.pid, time.monotonic() - began)
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.monotonic() - began
        except BaseException:
            kill(process.pid)
            process.wait()
            raise
        finally:
            os.close(ended)
        process.returncode = os.waitstatus_to_exitcode(status)
        said, complaint = _end(output), _end(errors)
    if not stopped and statuses is not None and process.returncode not in statuses:
        stopped = f"exit {process.returncode}: {_line(complaint or said)}"
    if not stopped and expected is not None and expected not in said:
        stopped = f"no {expected!r} in its answer: {_line(said or complaint)}"
    if stopped:
        raise Failed(stopped)
    cpu = usage.ru_utime + usage.ru_stime
    return Ran(began, seconds, cpu, resident, private, process.returncode, said, complaint)


def _end(file: IO[bytes]) -> str:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 20_000))
    return file.read().decode("utf-8", "replace")


def _line(text: str) -> str:
    """The end of what was said: Python prints its errors last, others put a hint below them."""
    lines = [line.strip() for line in text.splitlines() if line.strip(" │╭╮╰╯─~^\t")]
    if len(lines) > 1 and len(lines[-1]) < 40:
        lines[-2:] = [f"{lines[-2]} {lines[-1]}"]
    return (lines[-1] if lines else "it said nothing")[:200]
