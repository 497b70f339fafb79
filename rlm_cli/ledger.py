"""The one account of a run: what may be spent, what is spent, and what calls under way may still cost.

A call reserves the most that it can cost before it is sent, and settles what it did cost afterwards. What would not fit
is not sent, so the sum never passes a limit. A call that fits only when others settle for less waits for them instead
of failing. A part is kept back for the last answer, and nothing else may touch it.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Final

from rlm_cli.errors import LimitReached, OutOfTime
from rlm_cli.figures import money

KEPT_SHARE: Final = 0.25
"""At most this part of a limit is kept back for the last answer."""
KEPT_SECONDS: Final = 30.0
"""Seconds at most of --max-time that are kept back for the last answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a run may use, over its whole tree of children. None: no limit."""

    max_cost: float | None = 1.00  # dollars
    max_tokens: int | None = 5_000_000  # input and output together
    max_time: float | None = 600.0  # seconds
    max_calls: int | None = 500
    max_turns: int = 20  # of one node
    max_depth: int = 1
    jobs: int = 16  # calls at once

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Left:
    """What new calls may still use; None: no limit. As text it is one phrase, for the root model."""

    cost: float | None
    tokens: int | None
    calls: int | None
    seconds: float | None

    def to_json(self) -> dict[str, Any]:
        """Dollars, tokens, calls, seconds."""
        return {
            "cost": None if self.cost is None else round(self.cost, 6),
            "tokens": self.tokens,
            "calls": self.calls,
            "seconds": None if self.seconds is None else round(self.seconds),
        }

    def mostly(self, *, cost: float | None, tokens: int, calls: int) -> str:
        """What of that is over half of what is left, in words; empty where nothing is. `cost` None: not known."""
        if self.cost is not None and cost is not None and cost > self.cost / 2:
            return f"{money(cost)} of the {money(self.cost)} that is left"
        if self.tokens is not None and tokens > self.tokens / 2:
            return f"{tokens:,} of the {self.tokens:,} tokens that are left"
        if self.calls is not None and calls > self.calls / 2:
            return f"{calls:,} of the {self.calls:,} calls that are left"
        return ""

    def __str__(self) -> str:
        parts = (
            None if self.cost is None else f"${self.cost:.4f}",
            None if self.tokens is None else f"{self.tokens:,} tokens",
            None if self.calls is None else f"{self.calls:,} calls",
            None if self.seconds is None else f"{self.seconds:.0f} s",
        )
        return ", ".join(part for part in parts if part) or "no limits"


@dataclass(slots=True)
class Spent:
    """What is gone. `maybe` is the part of `cost` that failed calls may have been billed, reserved amounts in full."""

    cost: float = 0.0
    tokens: int = 0
    calls: int = 0
    maybe: float = 0.0
    unpriced: int = 0  # calls whose price is unknown: `cost` says nothing of them


class Hold:
    """A reservation: live until it is settled, lost or released."""

    __slots__ = ("cost", "live", "tokens")

    def __init__(self, cost: float | None, tokens: int) -> None:
        self.cost = cost  # None: price unknown
        self.tokens = tokens
        self.live = True


class Ledger:
    """One for a run. All of it happens on the event loop's thread."""

    def __init__(self, limits: Limits, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.limits = limits
        self.spent = Spent()
        self._clock = clock
        self._began = clock()
        self._standing: float | None = None  # what the clock showed when it was stopped
        self._holds: set[Hold] = set()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._kept_cost = 0.0
        self._kept_tokens = 0
        self._kept_calls = 0

    def restore(self, *, cost: float = 0.0, tokens: int = 0, calls: int = 0, seconds: float = 0.0) -> None:
        """Go on from an earlier part of the same run. The clock stands until `go`: what was there is lived through
        again first, and that is no time of the run's."""
        # A record may come from anywhere: what it says of itself gives no more to spend than there was.
        self.spent.cost += max(0.0, cost)
        self.spent.tokens += max(0, tokens)
        self.spent.calls += max(0, calls)
        self._began -= max(0.0, seconds)
        self._standing = self._clock()

    def go(self) -> None:
        """Something new begins: the clock goes on where it stood."""
        if self._standing is not None:
            self._began += self._clock() - self._standing
            self._standing = None

    def keep(self, *, cost: float | None, tokens: int) -> None:
        """Keep one call of so many dollars and tokens back for the last answer, at most a quarter of each limit."""
        limits = self.limits
        self._kept_calls = 1 if limits.max_calls is None or limits.max_calls > 1 else 0
        self._kept_tokens = tokens if limits.max_tokens is None else min(tokens, int(limits.max_tokens * KEPT_SHARE))
        self._kept_cost = cost or 0.0
        if limits.max_cost is not None:
            self._kept_cost = min(self._kept_cost, limits.max_cost * KEPT_SHARE)

    # --- before and after a call -----------------------------------------------------------------------------------

    async def reserve(self, *, cost: float | None, tokens: int, last: bool = False, again: bool = False) -> Hold:
        """Set aside the most that a call can cost, waiting for calls under way where that makes it fit.

        `cost` None: the price is unknown and tokens alone guard. `last`: the last answer, which may use what was kept.
        `again`: another try of a call that is already counted. Raises `LimitReached` or `OutOfTime`, holding nothing.
        """
        while True:
            self._refuse(cost, tokens, last=last, again=again)
            if self._fits(cost or 0.0, tokens, last=last):
                break
            await self._change(last=last)
        hold = Hold(cost, tokens)
        self._holds.add(hold)
        if not again:
            self.spent.calls += 1
        if last:
            self._kept_cost, self._kept_tokens, self._kept_calls = 0.0, 0, 0
        return hold

    def settle(self, hold: Hold, *, cost: float | None, tokens: int) -> None:
        """A call is over: this is what it did cost. `cost` None: the price is unknown."""
        self.release(hold)
        self.spent.tokens += tokens
        if cost is None:
            self.spent.unpriced += 1
        else:
            self.spent.cost += cost

    def lose(self, hold: Hold) -> float | None:
        """A call failed after it was sent: the provider may bill it. Counted in full. Returns those dollars."""
        if not hold.live:
            return 0.0
        self.release(hold)
        self.spent.tokens += hold.tokens
        if hold.cost is not None:
            self.spent.cost += hold.cost
            self.spent.maybe += hold.cost
        return hold.cost

    def release(self, hold: Hold) -> None:
        """Give a reservation back: nothing was billed. Harmless when it was settled before."""
        if hold.live:
            hold.live = False
            self._holds.remove(hold)
            while self._waiting:
                waiter = self._waiting.popleft()
                if not waiter.done():
                    waiter.set_result(None)

    # --- what is left ----------------------------------------------------------------------------------------------

    @property
    def elapsed(self) -> float:
        """Seconds that the run took so far, its earlier parts included and the pauses between them not."""
        return (self._clock() if self._standing is None else self._standing) - self._began

    def time_left(self, *, last: bool = False) -> float | None:
        """Seconds until calls must stop; the last answer has a tenth of the time more (30 s at most)."""
        if self.limits.max_time is None:
            return None
        kept = 0.0 if last else min(KEPT_SECONDS, self.limits.max_time / 10)
        return self.limits.max_time - kept - self.elapsed

    def cost_left(self, *, last: bool = False) -> float | None:
        """Dollars that a new call may reserve now; None without a limit."""
        if self.limits.max_cost is None:
            return None
        held = sum(hold.cost or 0.0 for hold in self._holds)
        return max(0.0, self.limits.max_cost - self.spent.cost - held - (0.0 if last else self._kept_cost))

    def tokens_left(self, *, last: bool = False) -> int | None:
        """Tokens that a new call may reserve now; None without a limit."""
        if self.limits.max_tokens is None:
            return None
        held = sum(hold.tokens for hold in self._holds)
        return max(0, self.limits.max_tokens - self.spent.tokens - held - (0 if last else self._kept_tokens))

    def calls_left(self, *, last: bool = False) -> int | None:
        if self.limits.max_calls is None:
            return None
        return max(0, self.limits.max_calls - self.spent.calls - (0 if last else self._kept_calls))

    def left(self) -> Left:
        """What is left of each limit, for the root model and `budget()`."""
        seconds = self.time_left()
        return Left(
            self.cost_left(), self.tokens_left(), self.calls_left(), None if seconds is None else max(0.0, seconds)
        )

    def check_time(self, *, last: bool = False) -> None:
        """Raises `OutOfTime` when --max-time is over."""
        left = self.time_left(last=last)
        if left is not None and left <= 0:
            raise self.out_of_time()

    def out_of_time(self) -> OutOfTime:
        """The error that says so."""
        return OutOfTime(f"The {self.limits.max_time:g} s of --max-time are over.", "Raise --max-time and resume.")

    # --- inside ----------------------------------------------------------------------------------------------------

    def _refuse(self, cost: float | None, tokens: int, *, last: bool, again: bool) -> None:
        """Raise when the call would not fit even if everything under way turned out to be free."""
        self.check_time(last=last)
        limits, spent = self.limits, self.spent
        kept = 0.0 if last else self._kept_cost
        if cost is None and limits.max_cost is not None and spent.cost >= limits.max_cost:
            # No list price, but the provider itself said what earlier calls cost.
            message = f"The ${limits.max_cost:g} of --max-cost are spent."
            raise LimitReached(message, "Raise --max-cost and resume.", limit="cost")
        if limits.max_cost is not None and cost and spent.cost + cost + kept > limits.max_cost:
            left = max(0.0, limits.max_cost - spent.cost - kept)
            room = f"${left:.4f} of the ${limits.max_cost:g} of --max-cost"
            message = f"The next call may cost ${cost:.4f}, and {room} is left."
            raise LimitReached(message, "Raise --max-cost and resume.", limit="cost")
        kept_tokens = 0 if last else self._kept_tokens
        if limits.max_tokens is not None and spent.tokens + tokens + kept_tokens > limits.max_tokens:
            free = max(0, limits.max_tokens - spent.tokens - kept_tokens)
            room = f"{free:,} of the {limits.max_tokens:,} of --max-tokens"
            message = f"The next call may take {tokens:,} tokens, and {room} are left."
            raise LimitReached(message, "Raise --max-tokens and resume.", limit="tokens")
        if not again and self.calls_left(last=last) == 0:
            message = f"The {limits.max_calls:,} calls of --max-calls are used up."
            raise LimitReached(message, "Raise --max-calls and resume.", limit="calls")

    def _fits(self, cost: float, tokens: int, *, last: bool) -> bool:
        if not self._holds:  # nobody to wait for: `_refuse` has decided
            return True
        dollars, room = self.cost_left(last=last), self.tokens_left(last=last)
        return (dollars is None or cost <= dollars or cost == 0) and (room is None or tokens <= room)

    async def _change(self, *, last: bool) -> None:
        """Wait until some call settles, or time is over, which for the last answer is later."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            # Not wait_for: that of Python 3.11 forgets a cancellation that comes together with the room it waits for.
            async with asyncio.timeout(self.time_left(last=last)):
                await waiter
        except TimeoutError:
            self.check_time(last=last)
