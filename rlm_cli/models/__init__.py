"""Models: what the gate can send messages to.

The smallest model:

    class Parrot:
        name, window, price = "parrot", None, Price(0, 0)

        async def reply(self, messages, options):
            return Reply(text=messages[-1].content, usage=Usage(input_tokens=1, output_tokens=1))

        async def close(self): ...

and one line in `PREFIXES` of `models/registry.py` makes `-m parrot/any` reach it. A model raises members of our error
tree (`errors.py`) and nothing else; it never retries, never counts money and never prints: the gate does. Where it has
an `async def ready()`, that is awaited before each call, outside the time that the call may take.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Message:
    role: Role
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one call as the provider reports them; `counted_here` when it did not and we counted."""

    input_tokens: int = 0
    output_tokens: int = 0  # reasoning included
    reasoning_tokens: int = 0
    cached_tokens: int = 0  # part of input_tokens
    cache_write_tokens: int = 0  # part of input_tokens
    counted_here: bool = False
    cost: float | None = None  # dollars, only where the provider itself says so


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars per million tokens. `None` in place of a Price means unknown; both zero means free (offline)."""

    input: float
    output: float
    cached: float | None = None
    cache_write: float | None = None
    above: tuple[int, Price] | None = None  # another price for calls whose input is longer than so many tokens


Finish = Literal["stop", "length", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    text: str
    usage: Usage = field(default_factory=Usage)
    finish: Finish = "stop"
    model: str = ""  # the name the provider answered under


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How one call is made. Times in seconds, sizes in tokens."""

    max_tokens: int
    timeout: float = 120.0
    stop: Sequence[str] = ()
    temperature: float | None = None
    schema: dict[str, Any] | None = None  # JSON Schema of the wanted reply, where the provider can enforce it
    on_text: Callable[[str], None] | None = None  # set: stream, and call this for each piece as it comes
    keep_prefix: bool = False  # the same messages will be sent again, with more: worth a cache marker


class Model(Protocol):
    """Something that answers messages."""

    name: str
    window: int | None  # tokens that prompt and reply may take together; None where unknown
    price: Price | None

    async def reply(self, messages: Sequence[Message], options: Options) -> Reply:
        """One call, no retries. Raises `AuthError` or a `ProviderError`; honours `asyncio` cancellation at once."""
        ...

    async def close(self) -> None:
        """Give connections back. Called once, on the loop that made the calls."""
        ...
