"""When a failed call is tried again, and after how long. The only retries there are: no client below makes its own."""

from __future__ import annotations

import asyncio
import random
from typing import Final

from rlm_cli.errors import BadReply, CallTimedOut, RateLimited, RlmError, ServerFailed, Unreachable
from rlm_cli.models import Model

LONGEST_WAIT: Final = 120.0
"""Seconds. A provider that asks for a longer pause has failed for now."""
LONGEST_BACKOFF: Final = 60.0
MOST: Final = 12
"""Attempts again of one call, whatever the mixture of failures."""

# How often each failure is tried again. A refused connection does not mend itself as an overload does, and a call that
# timed out has cost its whole time already.
_AGAIN: Final[tuple[tuple[type[RlmError], int], ...]] = (
    (RateLimited, 9),
    (ServerFailed, 5),
    (Unreachable, 4),
    (CallTimedOut, 2),
    (BadReply, 2),
)

Tries = dict[type[RlmError], int]
"""What one call has met so far: kind of failure → how often."""


class Retries:
    """Backoff with jitter for each call, and one pause for all calls to a model that says 429.

    `backoff`: seconds before the second attempt; it doubles from there.
    """

    def __init__(self, backoff: float = 0.5) -> None:
        self._backoff = backoff
        self._pauses: dict[str, float] = {}  # model → loop time before which nothing is sent to it

    def wait(self, error: RlmError, model: Model, tries: Tries, left: float | None) -> float | None:
        """Seconds until the next attempt; None where there is none. `left`: seconds that the run has."""
        kind, most = next(((kind, most) for kind, most in _AGAIN if isinstance(error, kind)), (RlmError, 0))
        tries[kind] = tries.get(kind, 0) + 1
        if not error.retryable or tries[kind] > most or sum(tries.values()) > MOST:
            return None
        asked: float | None = error.retry_after if isinstance(error, RateLimited | ServerFailed) else None
        wait = min(LONGEST_BACKOFF, self._backoff * 2.0 ** (tries[kind] - 1) * random.uniform(0.5, 1.5))
        if asked is not None:  # the least: some ask for a second, or none, each time until a minute is over
            wait = max(wait, asked + random.uniform(0, min(1.0, self._backoff)))
        if wait > LONGEST_WAIT or (left is not None and wait >= left):
            return None
        if isinstance(error, RateLimited):
            # All calls to this model wait, not this one alone: each would only earn the next 429.
            until = asyncio.get_running_loop().time() + wait
            self._pauses[model.name] = max(until, self._pauses.get(model.name, 0.0))
        return wait

    async def pause(self, model: Model) -> None:
        """Wait while the model's provider asked for a pause, which may be prolonged meanwhile."""
        now = asyncio.get_running_loop().time
        wait = self._pauses.get(model.name, 0.0) - now()
        while wait > 0:
            # Spread a little, that they do not all come at the same instant.
            await asyncio.sleep(wait + random.uniform(0, self._backoff))
            wait = self._pauses.get(model.name, 0.0) - now()
