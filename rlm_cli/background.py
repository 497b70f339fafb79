"""Work beside the caller: blocking work in a thread that nobody waits for at the end, and several tasks at once.

`asyncio.to_thread` uses the loop's executor, whose threads are joined when the program ends: a read from a pipe that
never comes would hold Ctrl-C up for ever. A daemon thread does not.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


async def together(work: Iterable[Awaitable[T]]) -> list[T]:
    """The results of all of `work`, run at once, in its order. Where one raises, the others are cancelled and awaited:
    `asyncio.gather` alone would leave them to go on, and to spend, behind the caller's back."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


async def in_background(work: Callable[[], T]) -> T:
    """The result of `work()`, run in a daemon thread. A cancelled caller leaves the thread to itself."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if done.cancelled():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result, error = None, None
        try:
            result = work()
        except BaseException as caught:
            error = caught
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody wants to know any more
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=run, name="rlm-background", daemon=True).start()
    return await done
