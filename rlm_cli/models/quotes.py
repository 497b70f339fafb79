"""What a call will take, told before it is made: tokens, dollars, and whether it fits the model's window.

Counts are estimates until the provider has replied once; from then on each model's own figures correct them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from rlm_cli.errors import ContextTooLong
from rlm_cli.models import Message, Model, Usage
from rlm_cli.models.prices import worst_cost
from rlm_cli.models.tokens import MESSAGE, count, count_messages

ROOT_TOKENS: Final = 8_192
SUB_TOKENS: Final = 4_096
REASONING_TOKENS: Final = 16_384
"""Most tokens of a reply where the caller does not say. Thinking counts as output, so such models get more."""
LEAST_TOKENS: Final = 1_024
"""Near a limit or the end of the window replies are asked to be shorter, down to this; below it nothing is sent."""

_BYTES_A_TOKEN: Final = 3.5  # of a text that is not read; prose has four, code and logs three


@dataclass(frozen=True, slots=True)
class Quote:
    """Tokens of a prompt (likely, at most), tokens of its reply at most, dollars at most (None: price unknown)."""

    input_tokens: int
    most_input: int
    max_tokens: int
    cost: float | None

    @property
    def tokens(self) -> int:
        """Tokens at most, both ways."""
        return self.most_input + self.max_tokens


@dataclass(slots=True)
class _Gauge:
    """How our counts compare with what the provider of one model reports."""

    likely: float = 1.0  # a moving mean
    most: float = 1.0  # never below 1: bounds only rise


class Quotes:
    """Quotes for all models of a run."""

    def __init__(self) -> None:
        self._gauges: dict[str, _Gauge] = {}

    def quote(
        self,
        model: Model,
        messages: Sequence[Message],
        *,
        purpose: str,
        max_tokens: int | None = None,
        schema: dict[str, Any] | None = None,
    ) -> Quote:
        """What this call would take, whether or not it fits. `max_tokens` None: by model and purpose."""
        likely, most = count_messages(messages)
        if schema is not None:
            extra = count(str(schema))
            likely, most = likely + extra[0], most + extra[1]
        gauge = self._gauges.setdefault(model.name, _Gauge())
        likely, most = int(likely * gauge.likely) + 1, int(most * gauge.most) + 1
        return _priced(model, Quote(likely, most, reply_tokens(model, purpose, max_tokens), None))

    def batch(self, model: Model, sizes: Sequence[int], max_tokens: int | None) -> tuple[float | None, int]:
        """Dollars (None: price unknown) and tokens at most of sub-calls with prompts of so many bytes, roughly: the
        texts are not read for it."""
        likely = self._gauges[model.name].likely if model.name in self._gauges else 1.0
        dollars, tokens, output = 0.0, 0, reply_tokens(model, "sub", max_tokens)
        for size in sizes:
            given = int(size / _BYTES_A_TOKEN * likely) + MESSAGE
            tokens += given + output
            dollars += 0.0 if model.price is None else worst_cost(model.price, given, output)
        return (None if model.price is None else dollars), tokens

    def learn(self, model: Model, quote: Quote, usage: Usage) -> None:
        """Correct the counts for this model by what one call really took."""
        if usage.counted_here or quote.input_tokens < 50:
            return
        gauge = self._gauges.setdefault(model.name, _Gauge())
        seen = min(3.0, max(0.3, usage.input_tokens / quote.input_tokens)) * gauge.likely
        gauge.likely += 0.2 * (seen - gauge.likely)
        gauge.most = max(gauge.most, gauge.most * usage.input_tokens / quote.most_input)


def reply_tokens(model: Model, purpose: str, wanted: int | None = None) -> int:
    """How long a reply may be, in tokens."""
    tokens = wanted
    if tokens is None:
        tokens = ROOT_TOKENS if purpose == "root" else SUB_TOKENS
        if getattr(model, "reasons", False):
            tokens = REASONING_TOKENS
    most = getattr(model, "max_output", None)
    tokens = tokens if most is None else min(tokens, most)
    # A small window is not to be filled by the reply alone.
    return tokens if model.window is None or wanted is not None else max(1, min(tokens, model.window // 3))


def fitted(quote: Quote, model: Model, messages: Sequence[Message]) -> Quote:
    """The quote, its reply cut to what the window leaves. Raises `ContextTooLong` when that is nothing."""
    if model.window is None:
        return quote
    room = model.window - int(quote.input_tokens * 1.1)
    if room >= quote.max_tokens:
        return quote
    least = min(LEAST_TOKENS, quote.max_tokens, max(1, model.window // 4))
    # Estimates are off by up to a fifth: what may fit is sent, and the provider has the last word.
    if quote.input_tokens * 0.85 + least > model.window:
        characters = sum(len(message.content) for message in messages)
        fit = int(characters * (model.window - quote.max_tokens) / quote.input_tokens * 0.8)
        raise ContextTooLong(
            f"The prompt is about {quote.input_tokens:,} tokens ({characters:,} characters), "
            f"and {model.name} takes {model.window:,} with the reply.",
            f"Split it: ask about each part of chunks(text, size={max(1000, fit // 1000 * 1000):_}).",
        )
    return _priced(model, replace(quote, max_tokens=max(least, room)))


def shortened(quote: Quote, model: Model, *, tokens: int | None, dollars: float | None) -> Quote | None:
    """The quote with a reply so short that it fits what is left (None: no limit); None where nothing useful fits."""
    room = quote.max_tokens
    if tokens is not None:
        room = min(room, tokens - quote.most_input)
    if dollars is not None and model.price is not None:
        dearest = max(model.price.output, model.price.above[1].output if model.price.above else 0.0)
        if dearest > 0:
            rest = dollars - worst_cost(model.price, quote.most_input, 0)
            room = min(room, int(rest * 1e6 / dearest) - 1)
    if room < min(LEAST_TOKENS, quote.max_tokens):
        return None
    return _priced(model, replace(quote, max_tokens=room))


def _priced(model: Model, quote: Quote) -> Quote:
    if model.price is None:
        return quote
    return replace(quote, cost=worst_cost(model.price, quote.most_input, quote.max_tokens))
