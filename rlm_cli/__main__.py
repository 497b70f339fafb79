"""The program's outermost frame: the only `sys.exit`, and the last guard before a traceback."""

from __future__ import annotations

import signal
import threading

# Half of an import is no place for a traceback: until `main` is reached, Ctrl-C simply ends the process.
_ours = threading.current_thread() is threading.main_thread()
_handler = signal.signal(signal.SIGINT, signal.SIG_DFL) if _ours else None

import contextlib
import errno
import os
import sys
import time
from collections.abc import Callable, Sequence

from rlm_cli import __version__
from rlm_cli.cli.app import dispatch
from rlm_cli.errors import ExitStatus, OutputError, RlmError, SandboxError
from rlm_cli.terminal import Environment, keep_standard_descriptors

if _handler is not None:
    signal.signal(signal.SIGINT, _handler)


def main() -> None:
    """What the command `rlm` runs."""
    keep_standard_descriptors()
    sys.exit(int(run(sys.argv[1:])))


def run(arguments: Sequence[str]) -> int:
    """The exit status of a command line. Whatever is wrong is told on stderr in a sentence."""
    try:
        done = dispatch(arguments)
        if sys.stdout is not None:
            sys.stdout.write(done if isinstance(done, str) else "")
            sys.stdout.flush()
        return ExitStatus.ANSWERED if isinstance(done, str) else done
    except RlmError as error:
        _tell(error)
        return error.status
    except KeyboardInterrupt:
        _tell(RlmError("interrupted"))
        return ExitStatus.INTERRUPTED
    except BrokenPipeError:  # the reader had what it wanted, as in `rlm … | head -1`
        _silence_stdout()
        return ExitStatus.ANSWERED
    except Exception as error:
        if isinstance(error, MemoryError) or str(error) == "can't start new thread":
            error = OSError(errno.ENOMEM, str(error))
        if isinstance(error, OSError) and error.errno in _OF_THE_SYSTEM:
            return _OF_THE_SYSTEM[error.errno](error)
        return _last_resort(error)


def _tell(error: RlmError) -> None:
    Environment.of_process().stderr.tell(error)


def _silence_stdout() -> None:
    """Turn stdout to the null device, so that Python's last flush does not fail a second time."""
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.close(null)


def _unwritten(error: OSError) -> int:
    _silence_stdout()
    _tell(OutputError(f"stdout could not be written: {error.strerror}"))
    return ExitStatus.OUTPUT


def _crowded(_error: OSError) -> int:
    _tell(SandboxError("too many files are open: the system lets rlm open no more", "Try: ulimit -n 256"))
    return ExitStatus.SANDBOX


def _short(_error: OSError) -> int:
    hint = "`ulimit -v` and `ulimit -u` say what is allowed; `rlm runs` has what was done so far."
    _tell(SandboxError("the system gives rlm no more memory, or no more processes", hint))
    return ExitStatus.SANDBOX


_OF_THE_SYSTEM: dict[int | None, Callable[[OSError], int]] = {
    errno.ENOSPC: _unwritten,
    errno.EMFILE: _crowded,
    errno.ENFILE: _crowded,
    errno.ENOMEM: _short,
    errno.EAGAIN: _short,
}
"""What the system refuses is no bug of ours, wherever it comes up."""


def _last_resort(error: Exception) -> int:
    """A bug of ours: one line for the user, the whole for a report, without keys."""
    import traceback

    from rlm_cli.keys import redact
    from rlm_cli.places import places, shown, write_private

    report = redact("".join(traceback.format_exception(error)))
    if os.environ.get("RLM_DEBUG"):
        _tell(RlmError(report))
        return ExitStatus.BUG
    hint = "RLM_DEBUG=1 shows it here."
    with contextlib.suppress(Exception):
        path = places().state / f"crash-{time.strftime('%Y%m%d-%H%M%S')}.txt"
        write_private(path, f"rlm {__version__}, Python {sys.version}\n\n{report}")
        hint = f"Details, without keys: {shown(path)}"
    _tell(RlmError(f"this is a bug in rlm: {type(error).__name__}: {redact(str(error))}", hint))
    return ExitStatus.BUG


if __name__ == "__main__":
    main()
