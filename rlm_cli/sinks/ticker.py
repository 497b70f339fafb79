"""A clock of its own for what moves: the event loop may be busy, and a stopped terminal must not stop the run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from rlm_cli.events import Record


class RunClock:
    """Seconds since the run began, going on between events. A resumed run goes on from where it was."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._t = 0.0
        self._seen = clock()

    def see(self, record: Record) -> None:
        self._t, self._seen = max(self._t, record.t), self._clock()

    def now(self) -> float:
        return self._t + max(0.0, self._clock() - self._seen)


class Ticker:
    """Calls `tick` in a thread: soon after `wake`, at most once per `least` seconds, at least once per `most`."""

    def __init__(self, tick: Callable[[], None], *, least: float, most: float) -> None:
        self._tick, self._least, self._most = tick, least, most
        self._wake = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rlm-display", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Something changed."""
        self._wake.set()

    def stop(self, patience: float = 1.0) -> bool:
        """No tick begins after this. False when one still hangs in a write after `patience` seconds."""
        self._over.set()
        self._wake.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(patience)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._over.wait(self._least):
            self._wake.wait(self._most - self._least)
            self._wake.clear()
            if self._over.is_set():
                return
            self._tick()
