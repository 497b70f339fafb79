"""Gates over scripted servers, for tests of calls. One event loop for all of them: litellm's clients are bound to one."""

from __future__ import annotations

import asyncio
import atexit
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest

from rlm_cli.events import Event
from rlm_cli.gate import Gate, Request
from rlm_cli.ledger import Ledger, Limits
from rlm_cli.memo import Memo
from rlm_cli.models import Message, Price, Reply
from rlm_cli.models.hosted import NOISE
from rlm_cli.models.registry import open_model
from tests.server import ScriptedServer

KEY = "sk-canary-7f3a9c51e2d84b60"
CLIENTS = ("openai/scripted", "litellm/openai/scripted")
T = TypeVar("T")

# pytest sets the warning filters anew for each test, which undoes what the import of litellm did once.
QUIET = [
    pytest.mark.filterwarnings(f"ignore:{message}:{category.__name__}")
    for message, category in (*NOISE, ("Accessing the 'model_", DeprecationWarning))
]

_runner = asyncio.Runner()
atexit.register(_runner.close)


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run on the loop that all tests share."""
    return _runner.run(coroutine)


@dataclass
class Calls:
    """A gate and what it told."""

    gate: Gate
    events: list[Event] = field(default_factory=list)

    async def ask(self, text: str = "hello", **given: Any) -> Reply:
        request = Request(**{"purpose": "sub", "messages": (Message("user", text),)} | given)
        return await self.gate.ask(request)

    def types(self) -> list[str]:
        return [event.type for event in self.events]

    def of(self, name: str) -> list[Any]:
        return [event for event in self.events if event.type == name]


@contextmanager
def calls(
    server: ScriptedServer | str,
    name: str = "openai/scripted",
    *,
    price: Price | None = None,
    window: int | None = None,
    memo: Memo | None = None,
    call_time: float = 10.0,
    backoff: float = 0.005,
    clock: Callable[[], float] | None = None,
    **limits: Any,
) -> Iterator[Calls]:
    """A gate to that server. Limits that are not given do not hold."""
    url = server if isinstance(server, str) else server.url
    model = open_model(name, environment={"OPENAI_API_KEY": KEY}, base=url, price=price, window=window)
    bounds = Limits(**{"max_cost": None, "max_tokens": None, "max_time": None, "max_calls": None} | limits)
    events: list[Event] = []
    ledger = Ledger(bounds) if clock is None else Ledger(bounds, clock=clock)
    gate = Gate(model, ledger=ledger, emit=events.append, memo=memo, call_time=call_time, backoff=backoff)
    try:
        yield Calls(gate, events)
    finally:
        run(gate.close())


async def failure(asking: Coroutine[Any, Any, Any]) -> Exception:
    """The exception that a call ends with. Fails when it does not."""
    try:
        reply = await asking
    except Exception as error:
        return error
    raise AssertionError(f"no failure, but {reply!r:.200}")
