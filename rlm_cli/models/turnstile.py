"""Calls leave one after another, so that the first need not wait for what the last one's request costs to build.

Coroutines that begin together take the steps to the wire in turns: each of 64 requests is sent when all 64 are built,
and all 64 replies come back at once. With litellm's 4 to 14 ms of CPU a call that adds 0.3 to 0.9 s to every round. One
by one, building overlaps with waiting: 64 wide at 1 s of latency took 1.13x of the ideal so, and 1.19x all at once; on
a machine half as fast 1.39x and 1.76x.
"""

from __future__ import annotations

import asyncio


class Turnstile:
    """`await turn()` returns when the call before has had `steps` passes of the event loop to itself."""

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self._free = asyncio.Lock()
        self._waiting = 0

    async def turn(self) -> None:
        """Wait for one's turn. Takes no time where nobody else is leaving."""
        self._waiting += 1
        try:
            await self._free.acquire()
        finally:
            self._waiting -= 1
        asyncio.get_running_loop().call_soon(self._step, self._steps - 1)

    def _step(self, left: int) -> None:
        if left and self._waiting:  # each pass costs 60 µs where there is nothing else to do
            asyncio.get_running_loop().call_soon(self._step, left - 1)
        else:
            self._free.release()
