"""What a call costs, and the list prices and windows that litellm's package carries, read without importing litellm.

The table is one JSON file (1.6 MB, 30 ms); importing litellm for it would take 3 s. A price of zero for a hosted model
means that nobody filled it in, so it counts as unknown.
"""

from __future__ import annotations

import json
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from rlm_cli.models import Price, Usage

_TABLE: Final = "model_prices_and_context_window_backup.json"
_MILLION: Final = 1_000_000
_MAKERS: Final = ("openai/", "anthropic/", "gemini/", "mistral/", "deepseek/", "xai/")


def cost(price: Price, usage: Usage) -> float:
    """Dollars of one call at list price. Cached and cache-write tokens are parts of the input tokens."""
    price = _tier(price, usage.input_tokens)
    written = min(usage.cache_write_tokens, usage.input_tokens)
    cached = min(usage.cached_tokens, usage.input_tokens - written)
    fresh = usage.input_tokens - cached - written
    dollars = fresh * price.input + usage.output_tokens * price.output
    dollars += cached * (price.input if price.cached is None else price.cached)
    dollars += written * (price.input if price.cache_write is None else price.cache_write)
    return dollars / _MILLION


def worst_cost(price: Price, input_tokens: int, output_tokens: int) -> float:
    """Dollars at most: nothing cached, everything written to the cache where that costs more."""
    price = _tier(price, input_tokens)
    return (input_tokens * max(price.input, price.cache_write or 0.0) + output_tokens * price.output) / _MILLION


def _tier(price: Price, input_tokens: int) -> Price:
    return price.above[1] if price.above is not None and input_tokens > price.above[0] else price


class Listed:
    """What the table says of one model."""

    __slots__ = ("max_output", "price", "reasons", "window")

    def __init__(self, entry: dict[str, Any]) -> None:
        self.price = _price(entry)
        self.max_output = _int(entry.get("max_output_tokens"))
        given = _int(entry.get("max_input_tokens"))
        whole = _int(entry.get("max_tokens"))
        # Providers count differently; `max_input_tokens` alone is the safe reading of "prompt and reply together".
        self.window = given or whole
        self.reasons = bool(entry.get("supports_reasoning"))


@lru_cache(maxsize=64)
def listed(name: str) -> Listed | None:
    """The entry of a litellm model name, with or without its provider in front; None where there is none."""
    table = _table()
    owner, _, bare = name.partition("/")
    entry = table.get(name)
    if entry is None and bare:
        entry = table.get(bare)
        # `openai/gpt-5` is listed as `gpt-5`; another provider's model of that name is another price.
        if not (isinstance(entry, dict) and str(entry.get("litellm_provider", "")).startswith(owner)):
            entry = None
    if not isinstance(entry, dict) or entry.get("mode") not in (None, "chat", "responses", "completion"):
        return None
    return Listed(entry)


@lru_cache(maxsize=1)
def _table() -> dict[str, Any]:
    spec = find_spec("litellm")
    if spec is None or spec.origin is None:
        return {}
    try:
        data = json.loads((Path(spec.origin).parent / _TABLE).read_bytes())
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def _price(entry: dict[str, Any]) -> Price | None:
    base = _rates(entry, "")
    if base is None:
        return None
    for suffix, tokens in (
        ("_above_128k_tokens", 128_000),
        ("_above_200k_tokens", 200_000),
        ("_above_272k_tokens", 272_000),
    ):
        if entry.get(f"input_cost_per_token{suffix}"):
            higher = _rates(entry, suffix)
            if higher is not None:
                return Price(base.input, base.output, base.cached, base.cache_write, (tokens, higher))
    return base


def _rates(entry: dict[str, Any], suffix: str) -> Price | None:
    def rate(name: str) -> float | None:
        value = entry.get(f"{name}{suffix}", entry.get(name))
        return value * _MILLION if isinstance(value, int | float) and not isinstance(value, bool) else None

    given, made = rate("input_cost_per_token"), rate("output_cost_per_token")
    # Thinking is billed apart by a few; the dearer of the two is right for a bound and for those models.
    made = max(made or 0.0, rate("output_cost_per_reasoning_token") or 0.0)
    if not given or not made:
        return None
    return Price(given, made, rate("cache_read_input_token_cost"), rate("cache_creation_input_token_cost"))


def _int(value: Any) -> int | None:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) and value > 0 else None


def names() -> list[str]:
    """Every model in the table that answers messages, by its litellm name with the provider in front."""
    found = set()
    for name, entry in _table().items():
        if isinstance(entry, dict) and entry.get("mode") in ("chat", "responses") and name != "sample_spec":
            owner = str(entry.get("litellm_provider") or "")
            found.add(name if "/" in name or not owner else f"{owner}/{name}")
    return sorted(found)


def near(name: str) -> list[str]:
    """Up to three names in the table that a mistyped one may have meant, the nearest first."""
    from difflib import get_close_matches

    bare = "/" not in name
    # Of a bare name the maker's own is meant, and not one of the many that sell it on.
    order = sorted(names(), key=lambda other: other.startswith(_MAKERS))
    known = {other.rpartition("/")[2] if bare else other: other for other in order if other != name}
    return [known[found] for found in get_close_matches(name, known, n=3, cutoff=0.8)]
