"""Workers that come up ahead of time: confined, loaded as far as can be, waiting to be told what their input is.

A worker knows nothing until it is introduced to a corpus, so one that waits serves whichever sandbox comes first: the
root while its input is still being listed, a child, or a cell whose worker died. A waiting process was chosen over a
server that forks: it starts a cell as fast, and nothing that may start processes runs beside hostile code.
"""

from __future__ import annotations

import asyncio
import contextlib

from rlm_cli.sandbox.process import MEMORY, Worker

REFILL = 1.0
"""Seconds after one was taken until the next is started: a run that is over by then never needs it."""


class Spares:
    """One waiting worker, of the kind that was last asked for in vain. All on the event loop; `close` in the end."""

    def __init__(self, refill: float = REFILL) -> None:
        self._kind = (True, MEMORY)  # confined, bytes
        self._refill = refill
        self._waiting: Worker | None = None
        self._ending: list[asyncio.Future[str]] = []  # of those that died while they waited
        self._later: asyncio.TimerHandle | None = None
        self._closed = False

    def fill(self) -> None:
        """Start one where none waits. Returns at once; it comes up beside whatever goes on.

        Where the system has no room for one more, none waits: whoever needs a worker starts it, and is told.
        """
        if self._closed or (self._waiting is not None and self._waiting.alive):
            return
        if self._waiting is not None:
            self._ending.append(asyncio.ensure_future(self._waiting.kill()))  # it still holds its end of the wire
        confined, memory = self._kind
        self._waiting = None
        with contextlib.suppress(OSError):
            self._waiting = Worker(memory, confined=confined)

    def take(self, *, confined: bool, memory: int) -> Worker | None:
        """The worker that waits, if it is of that kind; the taker ends it. Another is started a little later."""
        if self._later is None and not self._closed:
            self._later = asyncio.get_running_loop().call_later(self._refill, self._again)
        if self._waiting is None:
            self._kind = (confined, memory)
        if self._waiting is None or not self._waiting.alive or (confined, memory) != self._kind:
            return None
        worker, self._waiting = self._waiting, None
        return worker

    def _again(self) -> None:
        self._later = None
        self.fill()

    async def close(self) -> None:
        """End the one that still waits. Safe to call twice."""
        self._closed = True
        if self._later is not None:
            self._later.cancel()
        worker, self._waiting = self._waiting, None
        if worker is not None:
            await worker.kill()
        await asyncio.gather(*self._ending)
