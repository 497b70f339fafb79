"""Ctrl-C, SIGTERM and SIGHUP: the first stops the run and keeps everything, the second ends the process at once."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

from rlm_cli.errors import ExitStatus, Interrupted

STATUSES = {
    signal.SIGINT: ExitStatus.INTERRUPTED,
    signal.SIGTERM: ExitStatus.TERMINATED,
    signal.SIGHUP: ExitStatus.HANGUP,
}
_WORDS = {
    ExitStatus.INTERRUPTED: "stopped by you",
    ExitStatus.TERMINATED: "terminated",
    ExitStatus.HANGUP: "hung up",
    ExitStatus.PIPE: "the reader of the events went away",
}


@contextlib.contextmanager
def unwinding() -> Iterator[None]:
    """In here a signal that would end the process on the spot raises SystemExit, so that half a file can be removed."""

    def leave(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(int(STATUSES[signal.Signals(number)]))

    here = threading.current_thread() is threading.main_thread()
    taken = [number for number in STATUSES if here and signal.getsignal(number) is signal.SIG_DFL]
    for number in taken:
        signal.signal(number, leave)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


class Stopping:
    """Turns the first signal into a cancelled task and `stopped`; the second into `_exit`."""

    def __init__(
        self, run: Callable[[], str], restore: Callable[[], None], stop_calls: Callable[[Interrupted], None]
    ) -> None:
        """`run` says what the user calls it, empty while there is no record to go on with. `restore` gives the terminal
        back before a second signal ends us; `stop_calls` cancels calls under way."""
        self._run = run
        self._restore = restore
        self._stop_calls = stop_calls
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._over = False
        self._finishing = False
        self.stopped: Interrupted | None = None

    def listen(self) -> None:
        """Take the signals over. A signal that the caller ignores (nohup) stays ignored."""
        for number, status in STATUSES.items():
            if signal.getsignal(number) is signal.SIG_IGN:
                continue
            with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
                self._loop.add_signal_handler(number, self._signalled, status)

    def leave(self) -> None:
        """From here on signals do what they usually do."""
        self._over = True
        for number in STATUSES:
            with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
                self._loop.remove_signal_handler(number)

    def finish(self) -> None:
        """The answer is in hand, or there will be none: a first signal no longer stops anything, a second ends us."""
        self._finishing = True

    def reader_gone(self) -> None:
        """The reader of -f jsonl has left; called from its thread. Going on would cost money for nobody."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self.stop, ExitStatus.PIPE)

    def gone(self) -> Interrupted:
        """What a write to a reader that has left ends the run with."""
        return self.stopped or self._interrupted(ExitStatus.PIPE)

    def _interrupted(self, status: ExitStatus) -> Interrupted:
        word, run = _WORDS[status], self._run()
        if not run:
            return Interrupted(word, status=status)
        return Interrupted(f"{word}; every reply so far is kept", f"Go on with: rlm resume {run}", status=status)

    def _signalled(self, status: ExitStatus) -> None:
        if self.stopped is not None:
            self._restore()
            os._exit(int(status))
        self.stop(status)

    def stop(self, status: ExitStatus) -> None:
        """Stop the run: no new call, those under way cancelled, everything kept."""
        if self.stopped is not None or self._over:
            return
        self.stopped = self._interrupted(status)
        if self._finishing:
            return
        self._stop_calls(self.stopped)
        if self._task is not None:
            self._task.cancel()
