"""Workers that came up ahead of time: imports done, confined, waiting to be told what their input is.

A worker knows nothing until it is introduced to a corpus, so one that waits serves whichever sandbox comes first: the
root while its input is still being listed, a child as soon as it is asked for.
"""

from __future__ import annotations

import asyncio

from rlm_cli.sandbox.process import MEMORY, Worker


class Spares:
    """Up to `keep` waiting workers. `fill` and `take` on the event loop; `close` in the end."""

    def __init__(self, *, confined: bool = True, cell_memory: int = MEMORY, keep: int = 1) -> None:
        self._confined = confined
        self._memory = cell_memory
        self._keep = keep
        self._waiting: list[Worker] = []
        self._closed = False

    def fill(self) -> None:
        """Start what is missing. Returns at once; the workers come up beside whatever goes on."""
        while not self._closed and len(self._waiting) < self._keep:
            self._waiting.append(Worker(self._memory, confined=self._confined))

    def take(self, *, confined: bool, memory: int) -> Worker | None:
        """A worker of that kind, if one waits; the taker ends it."""
        while self._waiting and (confined, memory) == (self._confined, self._memory):
            worker = self._waiting.pop(0)
            if worker.alive:
                return worker
        return None

    async def close(self) -> None:
        """End those that still wait. Safe to call twice."""
        self._closed = True
        waiting, self._waiting = self._waiting, []
        await asyncio.gather(*(worker.kill() for worker in waiting))
